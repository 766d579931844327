"""What the errcodes of DingTalk's group robots mean (open.dingtalk.com/document, 自定义机器人接入, 错误码)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from automation.kernel.ports import Denied, Reason

PAUSE: Final = 600  # seconds for which a robot that wrote more than 20 times in a minute is held back

TABLE: Final[Mapping[int, tuple[Reason, bool]]] = {  # errcode -> reason, whether for good
    -1: (Reason.UNAVAILABLE, False),
    40035: (Reason.BAD_CONTENT, True),  # a parameter
    43004: (Reason.BAD_CONTENT, True),  # not JSON
    130101: (Reason.RATE_LIMITED, False),
    300001: (Reason.NOT_ALLOWED, False),  # no robot has this token
    300005: (Reason.NOT_ALLOWED, False),
    310000: (Reason.NOT_ALLOWED, False),  # signature, time stamp or IP; a missing keyword too, see below
    400013: (Reason.NOT_ALLOWED, False),  # the group was dissolved
    400101: (Reason.NOT_ALLOWED, False),  # no such token
    400102: (Reason.NOT_ALLOWED, False),  # the robot is switched off
    400105: (Reason.BAD_CONTENT, True),  # kind of message
    400106: (Reason.BAD_CONTENT, True),
    410100: (Reason.RATE_LIMITED, False),
    430101: (Reason.BAD_CONTENT, True),  # unsafe link
    430102: (Reason.BAD_CONTENT, True),  # unsuitable text
    430103: (Reason.BAD_CONTENT, True),  # unsuitable picture
    430104: (Reason.BAD_CONTENT, True),
    460101: (Reason.BAD_CONTENT, True),  # longer than 20,000 bytes
}


def denied(code: int, words: str) -> Denied:
    """One refusal. 310000 has three meanings; of these only the missing keyword is the text's own fault."""
    reason, permanent = TABLE.get(code, (Reason.BAD_CONTENT, True))
    if code == 310000 and "keyword" in words.lower():
        reason, permanent = Reason.BAD_CONTENT, True
    return Denied(reason, str(code), permanent, PAUSE if reason is Reason.RATE_LIMITED else None)
