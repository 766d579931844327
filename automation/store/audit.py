"""The operators' log: one row an action, in the transaction of the action, each row chained to the one before."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from .database import Statements, Transaction


def record(tx: Transaction, now: int, who: str, what: str, **detail: Any) -> None:
    """Adds a row. `detail` holds ids and names of things, never personal data or secrets."""
    tx.alone("audit")
    previous = tx.value("SELECT hash FROM audit ORDER BY id DESC LIMIT 1") or ""
    text = json.dumps(detail, ensure_ascii=False, sort_keys=True)
    tx.run(
        "INSERT INTO audit (at, who, what, detail, prev_hash, hash) VALUES (:at, :who, :what, :detail, :prev, :hash)",
        at=now, who=who, what=what, detail=text, prev=previous, hash=_chain(previous, now, who, what, text),
    )  # fmt: skip


def first_broken(statements: Statements) -> int | None:
    """The id of the first row that does not follow from the rows before it; None when all do."""
    previous = ""
    for number, at, who, what, detail, prev_hash, own in statements.rows(
        "SELECT id, at, who, what, detail, prev_hash, hash FROM audit ORDER BY id"
    ):
        if prev_hash != previous or own != _chain(previous, at, who, what, detail):
            return int(number)
        previous = own
    return None


def listed(statements: Statements, limit: int) -> list[Mapping[str, Any]]:
    """The newest rows first: id, at, who, what, detail (parsed)."""
    found = statements.rows("SELECT id, at, who, what, detail FROM audit ORDER BY id DESC LIMIT :limit", limit=limit)
    return [{"id": i, "at": at, "who": who, "what": what, "detail": json.loads(d)} for i, at, who, what, d in found]


def _chain(previous: str, at: int, who: str, what: str, detail: str) -> str:
    return hashlib.sha256("\x1f".join((previous, str(at), who, what, detail)).encode()).hexdigest()
