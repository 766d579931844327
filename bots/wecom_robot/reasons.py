"""What the errcodes of WeCom's group robots mean (developer.work.weixin.qq.com/document/path/90313 and 99110)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from automation.kernel.ports import Denied, Reason

MINUTE: Final = 60  # seconds after which 20 more messages may leave

TABLE: Final[Mapping[int, tuple[Reason, bool]]] = {  # errcode -> reason, whether for good
    -1: (Reason.UNAVAILABLE, False),
    40008: (Reason.BAD_CONTENT, True),  # kind of message
    40009: (Reason.BAD_CONTENT, True),  # size of the image
    40058: (Reason.BAD_CONTENT, True),  # a parameter
    44004: (Reason.BAD_CONTENT, True),  # empty
    45002: (Reason.BAD_CONTENT, True),  # too long
    45009: (Reason.RATE_LIMITED, False),
    45033: (Reason.RATE_LIMITED, False),
    47001: (Reason.BAD_CONTENT, True),
    93000: (Reason.NOT_ALLOWED, False),  # no robot has this key
    93004: (Reason.NOT_ALLOWED, False),  # the robot is switched off
    93008: (Reason.NOT_ALLOWED, False),  # the robot is no longer in the group
    301019: (Reason.BAD_CONTENT, True),  # the md5 is not the image's
}


def denied(code: int, words: str) -> Denied:
    """One refusal. An errcode nobody has met stops this message and no other."""
    reason, permanent = TABLE.get(code, (Reason.BAD_CONTENT, True))
    return Denied(reason, str(code), permanent, MINUTE if reason is Reason.RATE_LIMITED else None)
