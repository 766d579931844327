"""Addresses that must not be written to, whoever they belong to: bounced, complained, opted out at the provider.

It is kept by address and not by person, so it survives merging, erasure and a new import.
"""

from __future__ import annotations

from typing import Final

from automation.store.database import Statements, Transaction

from .normalise import normalise
from .registry import Registry

OPTED_OUT: Final = "opted_out"
"""The reason that keeps back marketing only: services that the customer asked for go on (PIPL art. 16). It ends when
the owner of the address says yes again, with a date."""
GONE: Final = "gone"  # unfollowed or deleted us: ends when they come back by themselves
BAD_ADDRESS: Final = "bad_address"
COMPLAINT: Final = "complaint"
KEEP_FIRST: Final = (
    "ON CONFLICT (kind, lookup) DO UPDATE SET reason = excluded.reason, at = excluded.at"
    f" WHERE suppression.reason = '{OPTED_OUT}' AND excluded.reason <> '{OPTED_OUT}'"
)
"""How a reason meets one that is there: the first stays with its time, but for OPTED_OUT, which gives way to a reason
that keeps everything back."""


def address(registry: Registry, kind: str, text: str, account: str = "") -> bytes:
    """The blind index of an address as somebody wrote it; Unusable where it is none."""
    return registry.vault.lookup(kind, account, normalise(kind, text))


def add(tx: Transaction, now: int, kind: str, lookup: bytes, reason: str) -> bool:
    """Blocks the address; False where nothing changed."""
    sql = f"INSERT INTO suppression (kind, lookup, reason, at) VALUES (:kind, :lookup, :reason, :now) {KEEP_FIRST}"
    return bool(tx.run(sql, kind=kind, lookup=lookup, reason=reason, now=now))


def remove(tx: Transaction, kind: str, lookup: bytes) -> bool:
    """Unblocks the address; False where it was not blocked."""
    return bool(tx.run("DELETE FROM suppression WHERE kind = :kind AND lookup = :lookup", kind=kind, lookup=lookup))


def reason(statements: Statements, kind: str, lookup: bytes) -> str | None:
    """Why the address is blocked; None where it is not."""
    sql = "SELECT reason FROM suppression WHERE kind = :kind AND lookup = :lookup"
    found = statements.value(sql, kind=kind, lookup=lookup)
    return None if found is None else str(found)
