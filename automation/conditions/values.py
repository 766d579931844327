"""Single values: what a person wrote against the type of the field it is for, as it is stored.

Money is written in yuan and comes back in fen. Apart from comparators, because `set` and `with` of steps take the
same values.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, time
from decimal import Decimal
from typing import Any, Final, TypeVar

from automation.conditions.findings import Findings, said, short
from automation.conditions.scope import FieldInfo, Scope
from automation.conditions.tree import FieldType, Ref, Scalar, Shifted
from automation.festivals import durations, moments, walltime
from automation.festivals.durations import Duration
from automation.festivals.moments import Limit, Moment
from automation.kernel import slips
from automation.kernel.document import Loc

T = TypeVar("T")

_DECIMAL = re.compile(r"-?[0-9]{1,13}(\.[0-9]{1,6})?")
_ENDLESS_NUMBER = re.compile(r"\d{20}")
_WRITTEN: Final = re.compile(r"-?([0-9]+)(\.[0-9]+)?")  # of any length
_DIGITS: Final = 13  # before the point of a number
_LARGEST: Final = f"at most {'9' * _DIGITS}"
_DAY: Final = 86_400
_A_TIME: Final = FieldInfo(FieldType.TIME)
_ENDLESS: Final = Duration(months=1)  # in the place of a number field
_ALIKE: Final = (frozenset({FieldType.TEXT, FieldType.CHOICE}),)


def is_reference(value: Any) -> bool:
    """`{from: path}`."""
    return isinstance(value, Mapping) and "from" in value


def literal(findings: Findings, value: Any, loc: Loc, info: FieldInfo) -> Scalar | None:
    """A written value as it is stored: text, number, fen, true or false, 'YYYY-MM-DD'; None and a problem otherwise."""
    if isinstance(value, list | tuple | Mapping) or value is None:
        findings.wrong(loc, "C012", f"one value is due here, not {said(value)}")
        return None
    if info.kind is FieldType.BOOL:
        return findings.truth(value, loc)
    if info.kind in (FieldType.NUMBER, FieldType.MONEY):
        return _number(findings, value, loc, info.kind)
    if info.kind is FieldType.CHOICE:
        return _choice(findings, value, loc, info)
    if info.kind is FieldType.DATE:
        return _date(findings, value, loc)
    if info.kind is FieldType.TEXT and isinstance(value, str):
        return value
    quote = f'quote it: "{short(value)}"' if info.kind is FieldType.TEXT else ""
    findings.wrong(loc, "C012", f"{said(value)} is no {info.kind}", quote)
    return None


def _number(findings: Findings, value: Any, loc: Loc, kind: FieldType) -> int | float | None:
    written = repr(value) if isinstance(value, int | float) and not isinstance(value, bool) else value
    # 19.90 is read from YAML as a text, since a number would not be written back the same way.
    if not isinstance(written, str) or not _DECIMAL.fullmatch(written):
        _no_number(findings, value, written, loc, kind)
        return None
    number = Decimal(written)
    if kind is FieldType.NUMBER:
        return int(number) if number == number.to_integral_value() else float(number)
    fen = number * 100
    if fen != fen.to_integral_value():
        findings.wrong(loc, "C012", f"{said(value)} is finer than a fen", "money is written in yuan, such as 19.90")
        return None
    return int(fen)


def _no_number(findings: Findings, value: Any, written: Any, loc: Loc, kind: FieldType) -> None:
    plain = _WRITTEN.fullmatch(written) if isinstance(written, str) else None
    if plain and len(plain[1]) > _DIGITS:
        findings.wrong(loc, "C012", f"{said(value)} is too large", _LARGEST)
    elif plain:
        findings.wrong(loc, "C012", f"{said(value)} has too many digits after the point", "at most 6")
    else:
        findings.wrong(loc, "C012", f"{said(value)} is no {kind}", _number_hint(value, kind))


def _number_hint(value: Any, kind: FieldType) -> str:
    digits = re.search(r"[0-9]+(\.[0-9]+)?", value) if isinstance(value, str) else None
    if digits and not _DECIMAL.fullmatch(digits[0]):
        return f"write a number, {_LARGEST}"
    if kind is FieldType.MONEY:
        return f"money is a number of yuan: {digits[0]}" if digits else "money is a number of yuan, such as 50 or 19.90"
    if digits and isinstance(value, str) and value.strip()[:1] in "<>=≥≤":
        return f"compare with a word, such as {{above: {digits[0]}}}"
    return f"write {digits[0]}" if digits else "write a number"


def _choice(findings: Findings, value: Any, loc: Loc, info: FieldInfo) -> str | None:
    known = info.choices or info.order
    if isinstance(value, str) and (value in known or not known):
        return value
    message = f"{said(value)} is not one of its values"
    meant = slips.compared(value) if isinstance(value, str) else None
    if meant and meant[1] in known and (info.order or meant[0] == "not"):
        findings.wrong(loc, "C013", message, f"a comparator is a word: write {{{meant[0]}: {meant[1]}}}")
        return None
    findings.unknown(loc, "C013", message, str(value), known, key=False)
    return None


def _date(findings: Findings, value: Any, loc: Loc) -> str | None:
    try:
        return walltime.parse_day(str(value)).isoformat()
    except ValueError as mistake:
        findings.wrong(loc, "C012", str(mistake))
        return None


def reference(findings: Findings, scope: Scope, value: Any, loc: Loc, wanted: FieldInfo) -> Ref | None:
    """`{from: path}`, checked against the type that is due. A person's field comes back by its bare name."""
    path = findings.mapping(value, loc, ("from",)).get("from")
    if not isinstance(path, str):
        findings.wrong((*loc, "from"), "S014", "a path is due here, such as entry.amount or coupon.code")
        return None
    info = scope.find(path)
    if info is None:
        missing(findings, scope, path, (*loc, "from"), key=False)
        return None
    if info.hidden:
        findings.wrong((*loc, "from"), "C018", f"'{short(path)}' is sealed and cannot be compared or copied")
        return None
    if not _fits(info.kind, wanted.kind):
        findings.wrong((*loc, "from"), "C015", f"'{short(path)}' is {info.kind}, and {wanted.kind} is due")
        return None
    return Ref(path.removeprefix("customer."))


def _fits(found: FieldType, wanted: FieldType) -> bool:
    return found is wanted or any({found, wanted} <= alike for alike in _ALIKE)


def missing(findings: Findings, scope: Scope, path: str, loc: Loc, key: bool) -> None:
    """Note that a path leads nowhere: why, and where it was probably meant to lead."""
    head, dot, _ = path.partition(".")
    if dot and head in ("group", "repeat"):
        findings.wrong(loc, "C090", f"{head}.* is not available yet", key=key)
    elif dot and head == "entry" and scope.entry is None:
        findings.wrong(loc, "C004", f"'{short(path)}': there is no entry here", "ask in the journey instead", key)
    else:
        code = "C001" if key else "C002"
        findings.unknown(loc, code, f"'{short(path)}' is not known here", path, scope.paths(), key)


def value_for(findings: Findings, scope: Scope, value: Any, loc: Loc, info: FieldInfo) -> Scalar | Ref | None:
    """A literal or a reference of the type: what `set` and `with` take."""
    if is_reference(value):
        return reference(findings, scope, value, loc, info)
    return literal(findings, value, loc, info)


def length(text: str) -> Duration:
    """As `durations.parse`, for any text."""
    return _sized(durations.parse, text)


def instant(text: str) -> Moment:
    """As `moments.parse`, for any text."""
    return _sized(moments.parse, text)


def limit(text: str) -> Limit:
    """As `moments.limit`, for any text."""
    return _sized(moments.limit, text)


def _sized(read: Callable[[str], T], text: str) -> T:
    if _ENDLESS_NUMBER.search(text):  # Python reads no number of thousands of digits
        raise ValueError(f"{said(text)} is further than a hundred years, the most there is")
    return read(text)


def span(findings: Findings, value: Any, loc: Loc) -> Duration | None:
    """A length that is the same on every day of the year: seconds and days, no months and workdays."""
    found = duration(findings, value, loc)
    if found is not None and (found.months or found.workdays):
        unit = "workdays" if found.workdays else "months and years"
        findings.wrong(loc, "C016", f"{unit} are longer or shorter by the day they begin on", "write days, such as 30d")
        return None
    return found


def duration(findings: Findings, value: Any, loc: Loc) -> Duration | None:
    """A length of time greater than nothing."""
    try:
        found = length(str(value)) if isinstance(value, str | int) else None
    except ValueError as mistake:
        findings.wrong(loc, "C016", str(mistake))
        return None
    if found is None or isinstance(value, bool):
        findings.wrong(loc, "C016", f"a duration is due here, not {said(value)}", "such as 3h, 7d or 2 workdays")
        return None
    if found.negative or found == Duration():
        findings.wrong(loc, "C016", f"{said(value)} is not longer than nothing", "write it without a sign, from 1 on")
        return None
    return found


def moment(findings: Findings, value: Any, loc: Loc) -> Moment | None:
    """A moment that is the same for everybody: a date, `today`, `month_end`, with a shift and a time."""
    try:
        found = instant(str(value)) if isinstance(value, str | int) else None
    except ValueError as mistake:
        findings.wrong(loc, "C017", str(mistake))
        return None
    if found is None or isinstance(value, bool):
        findings.wrong(loc, "C017", f"a moment is due here, not {said(value)}", "such as 2026-11-10 20:00")
        return None
    if found.paths:
        hint = f"compare with the field itself: {{from: {found.paths[0]}}}"
        findings.wrong(loc, "C017", f"{said(value)} depends on a field", hint)
        return None
    return found


def since(findings: Findings, scope: Scope, value: Any, loc: Loc) -> Moment | Shifted | None:
    """A moment that is the same for everybody; or a time of the run or the person, `{from: path}` or `path -30d`."""
    if is_reference(value):
        ref = reference(findings, scope, value, loc, _A_TIME)
        return Shifted(ref, 0) if ref else None
    try:
        found = instant(value) if isinstance(value, str) else None
    except ValueError:
        found = None  # told below
    if found is None or not found.anchor.path:
        return moment(findings, value, loc)
    lengths = [shift.duration or _ENDLESS for shift in found.shifts]
    if found.time is not None or any(length.months or length.workdays for length in lengths):
        hint = f"such as {found.anchor.path} -30d"
        findings.wrong(loc, "C017", "from a field it is so many weeks, days, hours, minutes or seconds", hint)
        return None
    ref = reference(findings, scope, {"from": found.anchor.path}, loc, _A_TIME)
    return Shifted(ref, sum(length.days * _DAY + length.seconds for length in lengths)) if ref else None


def between_moments(findings: Findings, value: Any, loc: Loc) -> tuple[Moment, Moment] | None:
    """`[first, last]`, each the same for everybody; two written dates stand in their order."""
    if not isinstance(value, list | tuple) or len(value) != 2:
        findings.wrong(loc, "C012", f"two moments are due here, not {said(value)}", "[2026-06-01, 2026-06-18]")
        return None
    first, last = (moment(findings, end, (*loc, place)) for place, end in enumerate(value))
    if first is None or last is None:
        return None
    low, high = _written(first, time.min), _written(last, time.max)
    if low and high and low > high:
        findings.wrong(loc, "C014", f"{said(value[0])} is after {said(value[1])}", "the earlier one stands first")
        return None
    return first, last


def _written(moment: Moment, without: time) -> tuple[date, time] | None:
    """Day and time that are written out, `without` for a day alone; None where they are worked out from another."""
    day = None if moment.shifts else moment.anchor.day
    return (day, moment.time or without) if day else None


def percent(findings: Findings, value: Any, loc: Loc, most: int = 100) -> float | None:
    """`5%` or `12.5%` as the number before the sign; 0 to `most`."""
    found = re.fullmatch(r"\s*([0-9]{1,3}(?:\.[0-9]{1,3})?)\s*[%％]\s*", value) if isinstance(value, str) else None
    if not found:
        sign = f"write {value}%" if isinstance(value, int | float) and not isinstance(value, bool) else "such as 5%"
        findings.wrong(loc, "S021", f"a percentage is due here, not {said(value)}", sign)
        return None
    number = float(found[1])
    if number > most:
        findings.wrong(loc, "S018", f"{said(value)} is more than {most}%")
        return None
    return number
