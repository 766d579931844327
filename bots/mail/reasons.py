"""What a relay's answers mean: SMTP codes (RFC 5321) and enhanced codes (RFC 3463) to the words all channels share.

The same code means different things at different moments: 550 to a recipient is a mailbox that does not exist, 550 to
a finished mail is a refused text. Only codes are kept of an answer: its words may hold the address.
"""

from __future__ import annotations

import re
from enum import StrEnum

from automation.kernel.ports import Denied, Reason

_ENHANCED = re.compile(rb"([245])\.(\d{1,3})\.(\d{1,3})(?!\d)")


class Stage(StrEnum):
    """How far the talk with the relay had come."""

    CONNECT = "connect"
    AUTH = "auth"
    SENDER = "sender"
    RECIPIENT = "recipient"
    DATA = "data"


def refusal(stage: Stage, code: int, words: bytes) -> Denied:
    """A relay's negative answer. Refusals of our account are never permanent: they end when an operator acts."""
    subject, detail = _enhanced(words)
    shown = f"{code} {code // 100}.{subject}.{detail}" if subject >= 0 else str(code)
    if code < 500:
        slow = code != 421 and subject == 7  # X.7: greylisting and throttling
        return Denied(Reason.RATE_LIMITED if slow else Reason.UNAVAILABLE, shown, permanent=False)
    if stage is Stage.RECIPIENT:
        return _recipient(code, subject, detail, words, shown)
    if stage is Stage.DATA:
        return _content(code, subject, detail, shown)
    if stage is Stage.CONNECT and code not in (530, 534, 535, 538):
        return Denied(Reason.UNAVAILABLE, shown, permanent=False)
    return Denied(Reason.NOT_ALLOWED, shown, permanent=False)


def _recipient(code: int, subject: int, detail: int, words: bytes, shown: str) -> Denied:
    if code in (530, 534, 535, 538) or b"relay" in words.lower():  # "relay access denied": we, not the mailbox
        return Denied(Reason.NOT_ALLOWED, shown, permanent=False)
    if subject == 1 and detail in (7, 8):  # X.1.7, X.1.8: the sender's address
        return Denied(Reason.NOT_ALLOWED, shown, permanent=False)
    if code == 552 or (subject, detail) == (2, 2):  # mailbox full; RFC 5321 4.5.3.1.10: treat 552 as 452
        return Denied(Reason.UNAVAILABLE, shown, permanent=False)
    if subject == 7 or code == 554:  # a policy of the mailbox's host: it exists and does not take our mail
        return Denied(Reason.NOT_REACHABLE, shown)
    return Denied(Reason.BAD_ADDRESS, shown)


def _content(code: int, subject: int, detail: int, shown: str) -> Denied:
    if subject == 1:
        return Denied(Reason.BAD_ADDRESS, shown)
    if code == 552 and (subject, detail) != (3, 4):  # X.3.4: the mail is too big; any other 552 is a full mailbox
        return Denied(Reason.UNAVAILABLE, shown, permanent=False)
    if code != 554 and subject < 0:  # one mailbox refuses this mail; whether for its text nobody says
        return Denied(Reason.NOT_REACHABLE, shown)
    return Denied(Reason.BAD_CONTENT, shown)


def _enhanced(words: bytes) -> tuple[int, int]:
    match = _ENHANCED.match(words)
    return (int(match[2]), int(match[3])) if match else (-1, -1)
