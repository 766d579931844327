"""What WeCom's callbacks say, as happenings: friends who came and went (92130), groups and their members (92130).

Names are those of developer.work.weixin.qq.com/document/path/96361. What the interface itself did raises no callback.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, TypeAlias

from automation.kernel import errors
from automation.kernel.hooks import Did, Happening, Who
from bots.callback_xml import Node, items, word
from bots.wecom.groups import Groups, Member

Found: TypeAlias = dict[str, Node]
LONGEST_WORD: Final = 128  # characters of a state or an unknown event's name that are kept
CUSTOMER: Final = re.compile(r"w[mo][A-Za-z0-9_-]{20,62}")  # an employee's name may begin like that too
GONE: Final = frozenset({"del_external_contact", "del_follow_user"})


class Reader:
    """Reads the callbacks of one account."""

    def __init__(self, groups: Groups) -> None:
        self._groups = groups

    def read(self, found: Found, now: int) -> Sequence[Happening]:
        """None for what concerns no customer: employees' messages, tags, and the suites' callbacks, which have an
        InfoType and no MsgType."""
        event = word(found, "Event").lower()
        at = _at(found, now)
        if event == "change_external_contact":
            return _of_friend(found, at)
        if event == "change_external_chat":
            return self._of_group(found, at)
        return ()

    def recorded(self, found: Found) -> None:
        """What a callback said is safe."""
        if chat := word(found, "ChatId"):
            self._groups.recorded(chat)

    @property
    def waits(self) -> bool:
        """Whether it matters that something is `recorded`."""
        return self._groups.waits

    def _of_group(self, found: Found, at: int) -> Sequence[Happening]:
        chat = word(found, "ChatId")
        if not chat:
            return ()
        change, detail = word(found, "ChangeType").lower(), word(found, "UpdateDetail").lower()
        if change == "dismiss":
            return self._groups.dismissed(chat, at)
        if change == "update" and detail not in ("add_member", "del_member"):
            return ()
        named = _named(found)
        if named and detail == "add_member":
            return self._groups.told(chat, [Member(one, "", at, "") for one in named], (), at)
        if named and detail == "del_member":
            return self._groups.told(chat, (), named, at)
        if change not in ("create", "update"):
            return ()
        try:
            return self._groups.changes(chat, at, told=True)
        except errors.LuchengError:  # WeCom is away: the next reading finds the same difference
            return ()


def _of_friend(found: Found, at: int) -> Sequence[Happening]:
    customer, employee = word(found, "ExternalUserID"), word(found, "UserID")
    change = word(found, "ChangeType").lower()
    if not customer or not change or change == "edit_external_contact":
        return ()
    who, dedupe = Who("wecom_id", customer), _key(found)
    props = {"employee": employee, "scene": word(found, "State")}
    kept = {name: value[:LONGEST_WORD] for name, value in props.items() if value}
    welcome = word(found, "WelcomeCode")
    if change == "add_external_contact":
        return [Did(who, "wecom.friend_added", at, dedupe, kept, returns=True, welcome=welcome)]
    if change in GONE:
        return [Did(who, "wecom.friend_removed", at, dedupe, kept, leaves=True)]
    # add_half_external_contact: the employee has not accepted yet, and may already be greeted for
    return [Did(who, "wecom.other", at, dedupe, {"event": change[:LONGEST_WORD]}, welcome=welcome)]


def _named(found: Found) -> list[str]:
    """The customers of MemChangeList, which names employees too."""
    return [one for one in items(found, "MemChangeList") if isinstance(one, str) and CUSTOMER.fullmatch(one)]


def _at(found: Found, now: int) -> int:
    text = word(found, "CreateTime")
    return min(int(text), now) if text.isascii() and text.isdigit() and len(text) <= 10 else now


def _key(found: Found) -> str:
    """Events have no id; two of one employee in one second do happen, so what they are about counts too."""
    parts = ("FromUserName", "CreateTime", "Event", "ChangeType", "UserID", "ExternalUserID")
    return " ".join(word(found, part) for part in parts)
