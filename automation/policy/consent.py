"""Consent: marketing needs one that was given, service is only kept back by one that was taken back.

A word for one kind of channel and a word for all ("*") stand side by side; the newer holds, of two at the same time the
refusal (Personal Information Protection Law of the PRC, art. 15-16; Advertising Law art. 43).
"""

from __future__ import annotations

from .claimed import Asked, Door, Refusal, listed
from .verdicts import Word

MARKETING, SERVICE, ANY = "marketing", "service", "*"


def missing(asked: Asked, door: Door) -> Refusal:
    """`:kind` is the kind of the door's channel."""
    is_so = is_marketing(asked)
    return Refusal(refused("claim.person_id", ":kind", is_so), f"{door.kind} {Word.NO_CONSENT}", "refused")


def is_marketing(asked: Asked) -> str:
    """SQL: whether the message of a row of `claim` is marketing by law."""
    return f"claim.purpose IN ({listed(asked.of_kind(MARKETING))})"


def refused(person: str, kind: str, marketing: str) -> str:
    """SQL: whether the person may not be written to. `kind`: placeholder of the kind of channel; `marketing`: SQL
    condition that says which of the two the message is."""
    return (
        f"(CASE WHEN {marketing} THEN coalesce({_word(person, kind, MARKETING)}, 0)"
        f" ELSE coalesce({_word(person, kind, SERVICE)}, 1) END) = 0"
    )


def _word(person: str, kind: str, purpose: str) -> str:
    return (
        f"(SELECT g.granted FROM consent g WHERE g.person_id = {person} AND g.channel IN ({kind}, '{ANY}')"
        f" AND g.purpose = '{purpose}' ORDER BY g.at DESC, g.granted LIMIT 1)"
    )
