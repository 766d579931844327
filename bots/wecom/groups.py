"""Customer groups (客户群): read, and who came and went told from the difference of two readings.

A callback names the members who changed only since 2024 (MemChangeList), and not always; the list of members that was
read last is therefore kept, sealed, in the shop's cache. Nothing can be read or written in a group's talk: WeCom has no
interface for it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from automation.kernel.hooks import Did, Who
from automation.kernel.ports import Cache, Json
from bots.wecom import answers, limits
from bots.wecom.api import Api, Key

KEPT = 10 * 365 * 86_400  # seconds
CUSTOMER = 2  # type of a member; 1: an employee
MOST_DUE = 1000  # groups whose readings wait to be recorded
JUST_NOW = 300  # seconds: who joined so lately joined with the event, where no earlier list is known


@dataclass(frozen=True, slots=True)
class Member:
    """A customer in a group. `at`: when they joined, UTC seconds; `state`: of the way they came by."""

    id: str = field(repr=False)
    unionid: str = field(repr=False)
    at: int
    state: str


@dataclass(frozen=True, slots=True)
class Group:
    """A customer group. `members`: its customers, not its employees; `size`: with them."""

    id: str
    name: str
    owner: str
    since: int
    size: int
    members: tuple[Member, ...]


class Groups:
    """The groups of one account. Reading raises Refusal or ServiceAway. Serves many threads."""

    def __init__(self, name: str, api: Api, cache: Cache) -> None:
        self._name, self._api, self._cache = name, api, cache
        self._due: dict[str, Mapping[str, int]] = {}  # read, and what it says is not recorded yet

    def ids(self, owners: Sequence[str] = ()) -> Iterator[str]:
        """Of all groups, or of those that these employees own (at most 100)."""
        payload: dict[str, Json] = {"status_filter": 0, "limit": limits.GROUPS_PAGE}
        if owners:
            payload["owner_filter"] = {"userid_list": list(owners)}
        for row in self._api.pages(Key.CUSTOMERS, "externalcontact/groupchat/list", payload, "group_chat_list"):
            if chat := answers.text(row, "chat_id"):
                yield chat

    def read(self, chat: str) -> Group:
        answer = self._api.post(Key.CUSTOMERS, "externalcontact/groupchat/get", {"chat_id": chat, "need_name": 0})
        return _group(chat, answers.inner(answer, "group_chat"))

    def changes(self, chat: str, now: int, told: bool = False) -> list[Did]:
        """Who joined and left since the last reading that was `recorded`.

        Without an earlier reading nobody left, and, where a change was `told`, those joined who did so just now.
        """
        group = self.read(chat)
        present = {member.id: member for member in group.members}
        before = self._before(chat)
        self._put_off(chat, {member.id: member.at for member in group.members})
        if before is None:
            lately = now - JUST_NOW
            new = [member for member in group.members if told and member.at >= lately]
            gone: list[str] = []
        else:
            new = [member for member in group.members if member.id not in before]
            gone = sorted(set(before) - set(present))
        return [
            *(joined(chat, member, group.owner, now) for member in new),
            *(left(chat, one, now, before, group.owner) for one in gone),
        ]

    def told(self, chat: str, came: Sequence[Member], went: Sequence[str], at: int) -> list[Did]:
        """The same where the callback names them: nothing is read."""
        before = self._before(chat)
        known = self._due.get(chat, before)  # of another callback that is being recorded now
        if known is not None:
            now = {**known, **{member.id: member.at for member in came}}
            self._put_off(chat, {one: since for one, since in now.items() if one not in went})
        return [*(joined(chat, member, "", at) for member in came), *(left(chat, one, at, before) for one in went)]

    def dismissed(self, chat: str, at: int) -> list[Did]:
        """Everybody known to be in it has left it."""
        before = self._before(chat) or {}
        self._put_off(chat, {})
        return [left(chat, one, at, before) for one in sorted(before)]

    def recorded(self, chat: str) -> None:
        """What was said of a group last is safe: it becomes the reading that the next one is compared with. Whoever is
        killed before that is told the same once more, under the same keys."""
        members = self._due.pop(chat, None)
        if members is not None:
            self._remember(chat, members)

    @property
    def waits(self) -> bool:
        """Whether a reading waits to be recorded."""
        return bool(self._due)

    def _put_off(self, chat: str, members: Mapping[str, int]) -> None:
        if len(self._due) >= MOST_DUE:
            self._due.clear()
        self._due[chat] = members

    def _before(self, chat: str) -> dict[str, int] | None:
        kept = self._cache.get(self._place(chat))
        return None if kept is None else dict(json.loads(kept))

    def _remember(self, chat: str, members: Mapping[str, int]) -> None:
        self._cache.put(self._place(chat), json.dumps(members), KEPT)

    def _place(self, chat: str) -> str:
        return f"wecom:{self._name}:group:{chat}"


def joined(chat: str, member: Member, owner: str, now: int) -> Did:
    """Named after WeCom's own time of it: it is the same however often the difference is taken."""
    since, at = member.at or now, min(member.at, now) or now
    props = {"group": chat, "employee": owner, "scene": member.state}
    also = {"unionid": member.unionid} if member.unionid else {}
    who = Who("wecom_id", member.id, also)
    return Did(who, "group.joined", at, f"group:{chat}:{member.id}:joined:{since}", _given(props))


def left(chat: str, customer: str, at: int, before: Mapping[str, int] | None, owner: str = "") -> Did:
    """Named after when they joined, where that is known: it is the same however often the difference is taken."""
    props = {"group": chat, "employee": owner}
    since = (before or {}).get(customer) or at
    return Did(Who("wecom_id", customer), "group.left", at, f"group:{chat}:{customer}:left:{since}", _given(props))


def _given(props: Mapping[str, str]) -> dict[str, Json]:
    return {name: value for name, value in props.items() if value}


def _group(chat: str, found: Mapping[str, Any]) -> Group:
    rows = [row for row in answers.rows(found, "member_list") if answers.text(row, "userid")]
    members = tuple(_member(row) for row in rows if row.get("type") == CUSTOMER)
    name, owner = answers.text(found, "name"), answers.text(found, "owner")
    return Group(chat, name, owner, answers.number(found, "create_time"), len(rows), members)


def _member(row: Mapping[str, Any]) -> Member:
    at = max(0, answers.number(row, "join_time"))
    return Member(answers.text(row, "userid"), answers.text(row, "unionid"), at, answers.text(row, "state"))
