"""journeys/coupons.yaml: pools of coupon codes, what a code is worth and how long it lasts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from automation.conditions import values
from automation.conditions.findings import Findings, said
from automation.conditions.scope import FieldInfo
from automation.conditions.tree import FieldType
from automation.festivals import moments
from automation.festivals.durations import Duration
from automation.festivals.moments import Limit
from automation.journey import names
from automation.kernel.document import Document, Loc

IMPORT: Final = "import"
_KEYS: Final = ("title", "amount", "codes", "valid", "low_stock")
_PATTERN = re.compile(r"[A-Za-z0-9#_-]{4,32}")
_FEWEST_SIGNS: Final = 6

MEMBERS: Final[Mapping[str, FieldInfo]] = {
    "code": FieldInfo(FieldType.TEXT),
    "amount": FieldInfo(FieldType.MONEY),
    "expires": FieldInfo(FieldType.DATE),
}
"""What a coupon in hand has: `coupon.code`, `.amount`, `.expires` (its last day)."""


@dataclass(frozen=True, slots=True)
class Pool:
    """`amount_fen`: what one is worth. `codes`: IMPORT, or a pattern in which each # becomes a random sign.

    `valid`: the last moment, counted from giving. `low_stock`: warn the operator when so few are left; 0 never.
    """

    name: str
    title: str
    amount_fen: int
    codes: str
    valid: Limit
    low_stock: int = 0

    @property
    def imported(self) -> bool:
        return self.codes == IMPORT


def load(document: Document) -> dict[str, Pool]:
    """Pools by name. Raises SourceErrors with all problems; an empty file is fine."""
    findings = Findings(document)
    found = {}
    for name, value in findings.mapping({} if document.data is None else document.data, ()).items():
        names.plain(findings, name, (name,))
        pool = _pool(findings, name, value)
        if pool is not None:
            found[name] = pool
    findings.raise_if_any()
    return found


def _pool(findings: Findings, name: str, value: Any) -> Pool | None:
    loc: Loc = (name,)
    parts = findings.mapping(value, loc, _KEYS, needed=("amount", "codes", "valid"))
    amount = values.literal(findings, parts["amount"], (name, "amount"), MEMBERS["amount"]) if "amount" in parts else 0
    if isinstance(amount, int | float) and amount < 0:
        findings.wrong((name, "amount"), "S018", "a coupon is worth 0 or more")
    codes = _codes(findings, parts["codes"], (name, "codes")) if "codes" in parts else None
    valid = _valid(findings, parts["valid"], (name, "valid")) if "valid" in parts else None
    low = findings.whole(parts["low_stock"], (name, "low_stock"), 0) if "low_stock" in parts else 0
    title = findings.text(parts["title"], (name, "title")) if "title" in parts else None
    if codes is None or valid is None:
        return None
    return Pool(name, title or name, int(amount or 0), codes, valid, low or 0)


def _codes(findings: Findings, value: Any, loc: Loc) -> str | None:
    if value == IMPORT:
        return IMPORT
    if not isinstance(value, Mapping):
        hint = 'codes: import, or codes: {generate: "BD-########"}'
        findings.wrong(loc, "K201", f"codes come from an import or are generated, not {said(value)}", hint)
        return None
    pattern = findings.mapping(value, loc, ("generate",), needed=("generate",)).get("generate")
    if pattern is None:
        return None
    place = (*loc, "generate")
    if not isinstance(pattern, str) or not _PATTERN.fullmatch(pattern):
        hint = 'letters, digits, - and #, 4 to 32 of them, in quotes: "BD-########"'
        findings.wrong(place, "K202", f"{said(pattern)} is no pattern of codes", hint)
        return None
    if pattern.count("#") < _FEWEST_SIGNS:
        message = f"fewer than {_FEWEST_SIGNS} # make codes that can be guessed"
        findings.wrong(place, "K202", message, 'such as "BD-########"')
        return None
    return pattern


def _valid(findings: Findings, value: Any, loc: Loc) -> Limit | None:
    try:
        found = moments.limit(str(value)) if isinstance(value, str | int) else None
    except ValueError as mistake:
        findings.wrong(loc, "K203", str(mistake))
        return None
    if found is None or isinstance(value, bool):
        findings.wrong(loc, "K203", f"a limit is due here, not {said(value)}", "such as 30d, month_end or 2026-12-31")
        return None
    if not isinstance(found, Duration) and found.paths:
        findings.wrong(loc, "K203", f"{said(value)} depends on a field", "a pool's limit is the same for everybody")
        return None
    return found
