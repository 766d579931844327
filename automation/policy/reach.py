"""Reach: whether the person has an address of the kind a lane sends to, and one that is not suppressed.

Suppression belongs to the address, not to the person; kind "*" blocks it whatever it is used for. One that an answer of
the customer made keeps back marketing only.
"""

from __future__ import annotations

from collections.abc import Iterator

from automation.people.suppression import OPTED_OUT

from .claimed import Door, Refusal
from .verdicts import Word

ANY = "*"


def suppressed(marketing: str) -> str:
    """SQL of rows that exist where the address of the alias `i` of identity must not be written to. `marketing`: SQL
    condition that says whether the message is."""
    return (
        f"SELECT 1 FROM suppression s WHERE s.kind IN (i.kind, '{ANY}') AND s.lookup = i.lookup"
        f" AND (s.reason <> '{OPTED_OUT}' OR {marketing})"
    )


def closed(door: Door) -> Iterator[Refusal]:
    """Who has no address for the door, or only such as are suppressed. `:address` and `:account` are the door's."""
    known = has_any("claim.person_id", ":address", ":account")
    yield Refusal(f"claim.identity_id IS NULL AND NOT {known}", f"{door.kind} no address")
    yield Refusal("claim.identity_id IS NULL", f"{door.kind} {Word.SUPPRESSED}", "refused")


def address(person: str, kind: str, account: str, marketing: str) -> str:
    """SQL of the id of the identity to write to: verified ones first, then the newest; NULL where there is none.

    `kind`, `account`: placeholders. An identity without an account is valid for every one. `marketing`: SQL condition.
    """
    return (
        f"(SELECT i.id {_owned(person, kind, account)} AND NOT EXISTS ({suppressed(marketing)})"
        " ORDER BY CASE WHEN i.verified_at IS NULL THEN 1 ELSE 0 END, i.id DESC LIMIT 1)"
    )


def has_any(person: str, kind: str, account: str) -> str:
    """SQL: whether there is an address at all, suppressed or not."""
    return f"EXISTS (SELECT 1 {_owned(person, kind, account)})"


def _owned(person: str, kind: str, account: str) -> str:
    return f"FROM identity i WHERE i.person_id = {person} AND i.kind = {kind} AND i.account IN ('', {account})"
