"""Customers, groups, tags and contact ways of the sandbox's WeCom: what is read and what is marked, nothing sent."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from automation.kernel.clock import Clock
from bots.sandbox.platforms.wecom_company import Company, Friend

Members = Mapping[str, Any]
BAD = {"errcode": 40058}


class Directory:
    """`verbs`: method and path -> what answers it, with an errcode other than 0 where it refuses."""

    def __init__(self, company: Company, clock: Clock) -> None:
        self._company, self._clock = company, clock
        self.verbs: dict[tuple[str, str], Callable[[Members], dict[str, Any]]] = {
            ("GET", "externalcontact/get_follow_user_list"): self._employees,
            ("GET", "externalcontact/get"): self._customer,
            ("POST", "externalcontact/batch/get_by_user"): self._customers,
            ("POST", "externalcontact/add_contact_way"): self._add_way,
            ("POST", "externalcontact/list_contact_way"): self._ways,
            ("POST", "externalcontact/get_contact_way"): self._way,
            ("POST", "externalcontact/del_contact_way"): self._delete_way,
            ("POST", "externalcontact/get_corp_tag_list"): self._tags,
            ("POST", "externalcontact/mark_tag"): self._mark,
            ("POST", "externalcontact/groupchat/list"): self._chats,
            ("POST", "externalcontact/groupchat/get"): self._chat,
        }

    def _employees(self, given: Members) -> dict[str, Any]:
        return {"follow_user": list(self._company.employees)}

    def _customers(self, given: Members) -> dict[str, Any]:
        asked, size = given.get("userid_list"), given.get("limit", 50)
        if not isinstance(asked, list) or not 0 < len(asked) <= 100 or not isinstance(size, int) or size > 100:
            return dict(BAD)
        if any(one not in self._company.employees for one in asked):
            return {"errcode": 60111}
        rows = [
            self._row(customer, friend)
            for customer, friends in self._company.friends.items()
            for friend in friends.values()
            if friend.employee in asked
        ]
        return paged(rows, given, "external_contact_list", size)

    def _customer(self, given: Members) -> dict[str, Any]:
        customer = str(given.get("external_userid"))
        friends = self._company.friends.get(customer)
        if not friends:
            return {"errcode": 84061}
        rows = [self._row(customer, friend) for friend in friends.values()]
        return {"external_contact": rows[0]["external_contact"], "follow_user": [row["follow_info"] for row in rows]}

    def _row(self, customer: str, friend: Friend) -> dict[str, Any]:
        name, unionid = self._company.names[customer]
        contact = {"external_userid": customer, "name": name, "type": 1, "gender": 0}
        follow = {"userid": friend.employee, "createtime": friend.since, "state": friend.state,
                  "remark": friend.remark, "description": "", "remark_mobiles": [], "add_way": friend.way}  # fmt: skip
        if unionid:
            contact["unionid"] = unionid
        return {"external_contact": contact, "follow_info": follow | {"tag_id": sorted(friend.tags)}}

    def _add_way(self, given: Members) -> dict[str, Any]:
        users, state = given.get("user"), given.get("state", "")
        if given.get("type") not in (1, 2) or given.get("scene") not in (1, 2) or not isinstance(users, list):
            return dict(BAD)
        if not users or len(users) > 100 or (given["type"] == 1 and len(users) != 1) or len(state) > 30:
            return dict(BAD)
        if any(one not in self._company.employees for one in users):
            return {"errcode": 60111}
        config = f"way{self._company.number()}"
        qr_code = f"https://wework.qpic.cn/pretend/{config}"
        self._company.ways[config] = {**given, "config_id": config, "qr_code": qr_code}
        return {"config_id": config, "qr_code": qr_code}

    def _ways(self, given: Members) -> dict[str, Any]:
        rows = [{"config_id": one} for one in self._company.ways]
        return paged(rows, given, "contact_way", int(given.get("limit", 100)))

    def _way(self, given: Members) -> dict[str, Any]:
        way = self._company.ways.get(str(given.get("config_id")))
        return {"contact_way": way} if way else dict(BAD)

    def _delete_way(self, given: Members) -> dict[str, Any]:
        return {} if self._company.ways.pop(str(given.get("config_id")), None) else dict(BAD)

    def _tags(self, given: Members) -> dict[str, Any]:
        groups: dict[str, list[dict[str, Any]]] = {}
        for number, (name, group) in self._company.tags.items():
            groups.setdefault(group, []).append({"id": number, "name": name, "deleted": False})
        return {"tag_group": [{"group_name": name, "tag": tags} for name, tags in groups.items()]}

    def _mark(self, given: Members) -> dict[str, Any]:
        friends = self._company.friends.get(str(given.get("external_userid")), {})
        friend = friends.get(str(given.get("userid")))
        if friend is None:
            return {"errcode": 84061}
        add, remove = given.get("add_tag") or [], given.get("remove_tag") or []
        if not (add or remove) or any(one not in self._company.tags for one in [*add, *remove]):
            return dict(BAD)
        friend.tags = (friend.tags | set(add)) - set(remove)
        return {}

    def _chats(self, given: Members) -> dict[str, Any]:
        size, owners = given.get("limit"), (given.get("owner_filter") or {}).get("userid_list")
        if not isinstance(size, int) or not 0 < size <= 1000 or (owners is not None and len(owners) > 100):
            return dict(BAD)
        found = [chat for chat in self._company.chats.values() if owners is None or chat.owner in owners]
        return paged([{"chat_id": chat.id, "status": 0} for chat in found], given, "group_chat_list", size)

    def _chat(self, given: Members) -> dict[str, Any]:
        chat = self._company.chats.get(str(given.get("chat_id")))
        if chat is None:
            return dict(BAD)
        members = []
        for one, (kind, at, state) in chat.members.items():
            unionid = self._company.names.get(one, ("", ""))[1]
            more = {name: value for name, value in (("state", state), ("unionid", unionid)) if value}
            members.append({"userid": one, "type": kind, "join_time": at, "join_scene": 3, **more})
        head = {"chat_id": chat.id, "name": chat.name, "owner": chat.owner, "create_time": chat.made}
        return {"group_chat": {**head, "member_list": members}}


def paged(rows: Sequence[Mapping[str, Any]], given: Members, name: str, size: int) -> dict[str, Any]:
    """`size` rows from the cursor on."""
    cursor = str(given.get("cursor") or "0")
    if not cursor.isdigit() or size < 1:
        return dict(BAD)
    end = int(cursor) + size
    return {name: list(rows[int(cursor) : end]), "next_cursor": str(end) if end < len(rows) else ""}
