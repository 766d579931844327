"""What policy can say about a message, and the stable words of the reasons that are kept with it."""

from __future__ import annotations

from enum import IntEnum, StrEnum


class Verdict(IntEnum):
    """`claim.verdict`; no row leaves a claim without one."""

    GO = 1
    POSTPONE = 2  # asked again at `until`
    SUPPRESS = 3
    EXPIRE = 4
    CANCEL = 5
    FAIL = 6  # no channel can


class Word(StrEnum):
    """How a reason begins; what follows is detail. Lists and counts group by it, so a word never changes meaning."""

    LEFT = "left"
    EXPIRED = "expired"
    PAUSED = "paused"
    UNREADABLE = "unreadable"  # the version of the journey can no longer be compiled
    ORDER = "earlier message"
    UNLESS = "unless"
    QUIET = "quiet hours"
    CAP = "cap"
    LIMIT = "limit"  # the platform's own, for one recipient on one lane; its rule follows, such as WX-03
    NO_CONSENT = "no consent"
    SUPPRESSED = "suppressed"
    WINDOW = "window closed"  # within trails: they did nothing that lets us answer on this lane
    GRANT = "no grant"  # within trails: they did not allow this template, or it is used up
    NO_CHANNEL = "no channel"
    CHANNEL = "channel"  # it or its lane rests, has used up its day or is busy
    TEXT = "text"
    RETRY = "retry"
    UNKNOWN = "unknown"
    BOUNCED = "bounced"
    NOT_CONFIRMED = "not confirmed"  # the employee who should have sent it did not
    OPERATOR = "operator"
    RESTORED = "restored"  # it may have left after the backup that the database was restored from


_LONGEST_FIRST = sorted(Word, key=len, reverse=True)


def word(reason: str | None) -> str:
    """The stable word a reason begins with; "" for none, the reason itself where nothing fits."""
    if not reason:
        return ""
    return next((str(known) for known in _LONGEST_FIRST if reason.startswith(known)), reason)
