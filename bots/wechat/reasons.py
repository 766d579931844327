"""WeChat's error codes in the words all channels share: one table, and the only place that knows them.

Meanings: wechatpy/constants.py, WxJava's WxMpErrorMsgEnum and the pages of each interface (doc/service/api). An errcode
other than 0 always means that nothing was sent, but for 45065: the call was already taken under this clientmsgid.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from automation.kernel.ports import Accepted, Denied, Outcome, Reason, Unknown

OK: Final = 0
TOKEN: Final = frozenset({40001, 40014, 41001, 42001})  # bad, expired or missing: get another, once
TAKEN_BEFORE: Final = 45065
NO_MENU: Final = 46003
NO_MEDIA: Final = 40007  # a media id that is unknown, or was kept long enough
TOO_FEW: Final = Denied(Reason.NOT_REACHABLE, "needs_two")
NO_FOLLOWER: Final = Denied(Reason.GONE, "not_following")

_MINUTE, _HOUR = 60, 3600

_TABLE: Final[Mapping[int, tuple[Reason, int | None]]] = MappingProxyType({
    -1: (Reason.UNAVAILABLE, None),  # system busy
    61450: (Reason.UNAVAILABLE, None),
    50001: (Reason.NOT_ALLOWED, None),  # the interface is not authorised
    # our account, its credentials and its permissions: an operator must act
    40001: (Reason.NOT_ALLOWED, None), 40014: (Reason.NOT_ALLOWED, None),
    41001: (Reason.NOT_ALLOWED, None), 42001: (Reason.NOT_ALLOWED, None),
    40002: (Reason.NOT_ALLOWED, None),  # grant_type
    40013: (Reason.NOT_ALLOWED, None),  # appid
    40125: (Reason.NOT_ALLOWED, None),  # secret
    40164: (Reason.NOT_ALLOWED, None),  # our IP is not on the account's list
    40243: (Reason.NOT_ALLOWED, None),  # the secret is frozen
    41002: (Reason.NOT_ALLOWED, None), 41004: (Reason.NOT_ALLOWED, None),  # appid, secret missing
    48001: (Reason.NOT_ALLOWED, None),  # the account may not use this interface
    48004: (Reason.NOT_ALLOWED, None),  # the interface is banned
    48008: (Reason.NOT_ALLOWED, None),  # no permission for this kind of message
    50002: (Reason.NOT_ALLOWED, None),  # the account is restricted
    50007: (Reason.NOT_ALLOWED, None), 61004: (Reason.NOT_ALLOWED, None), 89503: (Reason.NOT_ALLOWED, None),
    # the follower
    40003: (Reason.BAD_ADDRESS, None),  # no openid of this account
    40031: (Reason.BAD_ADDRESS, None),
    41009: (Reason.BAD_ADDRESS, None),  # openid missing
    43004: (Reason.GONE, None), 46004: (Reason.GONE, None), 50005: (Reason.GONE, None),  # does not follow us
    43019: (Reason.GONE, None),  # on the account's blacklist
    48002: (Reason.GONE, None),  # takes no messages from us
    45015: (Reason.WINDOW_CLOSED, None), 45047: (Reason.WINDOW_CLOSED, None),  # over; answers used up
    43101: (Reason.NO_GRANT, None),  # refused the template, or its grants are used up
    40132: (Reason.BAD_ADDRESS, None),
    40130: (Reason.NOT_REACHABLE, None),  # a mass message to fewer than two
    # how much, how fast
    45009: (Reason.QUOTA, None),  # calls of the day
    45028: (Reason.QUOTA, None),  # mass messages
    45011: (Reason.RATE_LIMITED, _MINUTE),
    45066: (Reason.RATE_LIMITED, _MINUTE),  # the same clientmsgid again too soon
    45110: (Reason.RATE_LIMITED, _MINUTE),
    # the text
    40004: (Reason.BAD_CONTENT, None), 40007: (Reason.BAD_CONTENT, None),  # media type; media_id (kept three days)
    40008: (Reason.BAD_CONTENT, None), 40033: (Reason.BAD_CONTENT, None), 40035: (Reason.BAD_CONTENT, None),
    40037: (Reason.BAD_CONTENT, None), 40036: (Reason.BAD_CONTENT, None), 41006: (Reason.BAD_CONTENT, None),
    41028: (Reason.BAD_CONTENT, None), 41029: (Reason.BAD_CONTENT, None), 41030: (Reason.BAD_CONTENT, None),
    43116: (Reason.BAD_CONTENT, None), 44002: (Reason.BAD_CONTENT, None), 44003: (Reason.BAD_CONTENT, None),
    44004: (Reason.BAD_CONTENT, None), 45001: (Reason.BAD_CONTENT, None), 45002: (Reason.BAD_CONTENT, None),
    45003: (Reason.BAD_CONTENT, None), 45004: (Reason.BAD_CONTENT, None), 45005: (Reason.BAD_CONTENT, None),
    45008: (Reason.BAD_CONTENT, None), 47001: (Reason.BAD_CONTENT, None), 47003: (Reason.BAD_CONTENT, None),
    87009: (Reason.BAD_CONTENT, None), 87014: (Reason.BAD_CONTENT, None),  # 87014: risky content
})  # fmt: skip

_FOR_NOW: Final = frozenset({Reason.UNAVAILABLE, Reason.NOT_ALLOWED, Reason.QUOTA, Reason.RATE_LIMITED})
_OF_ONE: Final = frozenset({Reason.BAD_ADDRESS, Reason.GONE, Reason.WINDOW_CLOSED, Reason.NO_GRANT})


def refused(errcode: int) -> Denied:
    """What an errcode other than 0 means for one recipient. Codes not in the table are judged by their family."""
    reason, wait = _TABLE.get(errcode) or (_family(errcode), None)
    return Denied(reason, str(errcode), reason not in _FOR_NOW, wait)


def is_of_one(errcode: int | None) -> bool:
    """Whether a whole list was refused for one of its recipients."""
    return errcode is not None and refused(errcode).reason in _OF_ONE


def lost(given: Outcome) -> Denied | Unknown:
    """What an answer that brings no id means: nothing was had."""
    return Unknown("garbage") if isinstance(given, Accepted) else given


def refused_list(errcode: int) -> Denied:
    """The same for a call with many recipients: it says nothing about any one of them, so nobody is suppressed."""
    found = refused(errcode)
    return Denied(Reason.NOT_REACHABLE, found.code) if found.reason in _OF_ONE else found


def _family(errcode: int) -> Reason:
    """WeChat numbers what is wrong with a request 40xxx to 47xxx, and what the account may not do 48xxx to 50xxx."""
    if 40000 <= errcode < 48000:
        return Reason.BAD_CONTENT
    if 48000 <= errcode < 51000:
        return Reason.NOT_ALLOWED
    return Reason.UNAVAILABLE
