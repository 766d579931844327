"""What WeCom's errcodes mean, in the words all channels share and in a sentence for the operator.

From the global table, developer.work.weixin.qq.com/document/path/90313. Only the code is kept of an answer: its errmsg
names addresses, IPs and the request.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from automation.kernel.ports import Denied, Reason

STALE_TOKEN: Final = frozenset({40001, 40014, 41001, 42001})  # of a call; 40001 of gettoken is a wrong secret

# errcode -> reason, whether for good, what it says
TABLE: Final[Mapping[int, tuple[Reason, bool, str]]] = {
    -1: (Reason.UNAVAILABLE, False, "WeCom is busy"),
    6000: (Reason.UNAVAILABLE, False, "two requests changed the same data"),
    40001: (Reason.NOT_ALLOWED, False, "the secret is wrong"),
    40003: (Reason.BAD_ADDRESS, True, "there is no such employee"),
    40007: (Reason.BAD_CONTENT, True, "the media id is wrong or older than three days"),
    40008: (Reason.BAD_CONTENT, True, "there is no such kind of message"),
    40013: (Reason.NOT_ALLOWED, False, "the corpid is wrong"),
    40014: (Reason.NOT_ALLOWED, False, "the access token is not accepted"),
    40054: (Reason.BAD_CONTENT, True, "a button's or card's address is wrong"),
    40056: (Reason.NOT_ALLOWED, False, "the agent_id is wrong"),
    40058: (Reason.BAD_CONTENT, True, "a parameter is wrong"),
    40063: (Reason.BAD_CONTENT, True, "a parameter is empty"),
    40096: (Reason.BAD_ADDRESS, True, "there is no such customer"),
    40098: (Reason.BAD_ADDRESS, True, "this customer was handed over to another company"),
    41001: (Reason.NOT_ALLOWED, False, "the access token is missing"),
    41004: (Reason.NOT_ALLOWED, False, "the secret is missing"),
    41048: (Reason.NOT_REACHABLE, True, "none of these customers can be sent a task"),
    41050: (Reason.NOT_REACHABLE, True, "the welcome code is used up or older than 20 seconds"),
    41051: (Reason.NOT_REACHABLE, True, "this customer was already welcomed"),
    41096: (Reason.UNAVAILABLE, False, "another app is welcoming this customer"),
    42001: (Reason.NOT_ALLOWED, False, "the access token has expired"),
    44004: (Reason.BAD_CONTENT, True, "the text is empty"),
    45002: (Reason.BAD_CONTENT, True, "the text is too long"),
    45009: (Reason.RATE_LIMITED, False, "too many requests"),
    45033: (Reason.RATE_LIMITED, False, "too many requests at once"),
    47001: (Reason.BAD_CONTENT, True, "the request is not the JSON it should be"),
    48002: (Reason.NOT_ALLOWED, False, "the app may not call this interface"),
    50001: (Reason.NOT_ALLOWED, False, "the host of a link is not registered"),
    60011: (Reason.NOT_ALLOWED, False, "the app may not see this employee or group"),
    60020: (Reason.NOT_ALLOWED, False, "this machine's IP is not in 企业可信IP"),
    60111: (Reason.BAD_ADDRESS, True, "there is no such employee"),
    81013: (Reason.BAD_ADDRESS, True, "none of the recipients exists or may be written to"),
    82001: (Reason.BAD_ADDRESS, True, "none of the recipients exists"),
    84061: (Reason.GONE, True, "this customer is not a friend of the employee any more"),
    84074: (Reason.NOT_ALLOWED, False, "no permission for external contacts"),
    90100: (Reason.NOT_ALLOWED, False, "the app is switched off"),
    301002: (Reason.NOT_ALLOWED, False, "the agent_id belongs to another app"),
}  # fmt: skip

EMPLOYEES: Final = frozenset({40003, 60111, 81013, 82001})  # about an employee, in a call about customers: `sender`
SLOWER = 60  # seconds: what WeCom counts by the minute is free again after one


def denied(code: int) -> Denied:
    """A refusal of a whole request. A code nobody has met is ours to fix, and does not stop the lane."""
    reason, permanent, _ = TABLE.get(code, (Reason.BAD_CONTENT, True, ""))
    return Denied(reason, str(code), permanent, SLOWER if reason is Reason.RATE_LIMITED else None)


def denied_for_customers(code: int) -> Denied:
    """The same of a call about customers, where an employee who is not there is our own `sender`."""
    return Denied(Reason.NOT_ALLOWED, str(code), permanent=False) if code in EMPLOYEES else denied(code)


def said(code: int) -> str:
    """For people: the code and what it means."""
    found = TABLE.get(code)
    return f"errcode {code}: {found[2]}" if found else f"errcode {code}, see document/path/90313"
