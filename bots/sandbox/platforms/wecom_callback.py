"""The people of the pretend company, made to act: employees confirm, customers add, leave and join; WeCom calls back.

Ours, not WeCom's: `POST /wecom/_callback {"url", "token"?, "aes_key"?}` says where callbacks go, and
`POST /wecom/_act {"do": ...}` makes something happen. Callbacks are encrypted and signed as WeCom's are.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode
from xml.sax.saxutils import escape

from automation.kernel.clock import Clock
from bots import callback_crypto as crypto
from bots.sandbox import calling
from bots.sandbox.http_edge import Answer, Request
from bots.sandbox.platforms.wecom_company import CORPID, Chat, Company, Friend, Task
from bots.sandbox.playing import json_answer

TOKEN, AES_KEY = "pretendtoken", "pretendpretendpretendpretendpretendpretend0"
WELCOME_SECONDS = 20
Order = Mapping[str, Any]


class Wrong(Exception):
    """An order that cannot be carried out; the text says why."""


class People:
    """Answers /wecom/_callback and /wecom/_act."""

    def __init__(self, company: Company, clock: Clock) -> None:
        self._company, self._clock = company, clock
        self._acts = {
            "confirm": self._confirm,
            "expire": self._expire,
            "add_friend": self._add_friend,
            "remove_friend": self._remove_friend,
            "group": self._group,
            "join": self._join,
            "leave": self._leave,
            "dismiss": self._dismiss,
            "event": self._event,
            "revoke_tokens": self._revoke,
            "refuse": self._refuse,
            "forget": self._forget,
            "account": self._account,
            "reset": self._reset,
            "show": self._show,
        }

    async def __call__(self, path: str, request: Request) -> Answer:
        if request.method != "POST" or request.content_type != "application/json":
            return json_answer(415, {"error": "POST application/json"})
        try:
            order = json.loads(request.body)
            if not isinstance(order, dict):
                raise Wrong("an object is due")
            if path == "_callback":
                self._company.callback = {name: str(value) for name, value in order.items()}
                return json_answer(200, {"callback": order.get("url")})
            act = self._acts.get(str(order.get("do")))
            if act is None:
                raise Wrong(f"do is one of {', '.join(sorted(self._acts))}")
            found = act(order)
            calls = found.pop("calls", [])
            heard = [await self._call(members) for members in calls] if order.get("callback", True) else []
        except (Wrong, ValueError, KeyError, TypeError) as error:
            return json_answer(422, {"error": f"{type(error).__name__}: {error}"})
        return json_answer(200, {**found, "heard": heard})

    def _confirm(self, order: Order) -> dict[str, Any]:
        """An employee, or all who have not, send their part of a task."""
        task = self._task(order)
        if task.stopped:
            raise Wrong("the task was stopped")
        employees = (
            [order["employee"]] if "employee" in order else [one for one, done in task.parts.items() if not done]
        )
        reached = []
        for one in employees:
            if one not in task.parts:
                raise Wrong("not asked of this employee")
            reached += self._company.confirm(task, one, self._clock.now())
        return {"reached": reached}

    def _expire(self, order: Order) -> dict[str, Any]:
        self._task(order).stopped = True
        return {}

    def _add_friend(self, order: Order) -> dict[str, Any]:
        customer, employee, now = str(order["customer"]), self._employee(order), self._clock.now()
        state = str(order.get("state", ""))
        tags = {str(one) for one in order.get("tags", [])}
        friend = Friend(employee, state, now, tags, str(order.get("remark", "")), int(order.get("way", 0)))
        self._company.befriend(customer, friend, str(order.get("name", "客户")), str(order.get("unionid", "")))
        code = f"{customer}:{self._company.number()}"
        self._company.welcomes[code] = (now + WELCOME_SECONDS, False)
        change = "add_half_external_contact" if order.get("half") else "add_external_contact"
        members = self._contact(change, customer, employee) | {"WelcomeCode": code}
        return {"welcome_code": code, "calls": [members | ({"State": state} if state else {})]}

    def _remove_friend(self, order: Order) -> dict[str, Any]:
        """`by` customer (del_follow_user) or employee (del_external_contact)."""
        customer, employee = str(order["customer"]), self._employee(order)
        self._company.part(customer, employee)
        by_employee = order.get("by") == "employee"
        change = "del_external_contact" if by_employee else "del_follow_user"
        return {"calls": [self._contact(change, customer, employee)]}

    def _group(self, order: Order) -> dict[str, Any]:
        now = self._clock.now()
        since = int(order.get("since", now))
        chat = Chat(str(order["chat"]), str(order.get("name", "客户群")), self._employee(order), since)
        chat.members[chat.owner] = (1, since, "")
        chat.members |= {str(one): (2, since, "") for one in order.get("customers", [])}
        self._company.chats[chat.id] = chat
        return {"calls": [self._chat_event(chat.id, "create")]}

    def _join(self, order: Order) -> dict[str, Any]:
        """`listed`: the callback names who joined."""
        chat, one = self._chat(order), str(order["customer"])
        chat.members[one] = (2, self._clock.now(), str(order.get("state", "")))
        return {"calls": [self._changed(chat, "add_member", one, order)]}

    def _leave(self, order: Order) -> dict[str, Any]:
        chat, one = self._chat(order), str(order["customer"])
        if chat.members.pop(one, None) is None:
            raise Wrong("not in this group")
        return {"calls": [self._changed(chat, "del_member", one, order)]}

    def _dismiss(self, order: Order) -> dict[str, Any]:
        chat = self._chat(order)
        del self._company.chats[chat.id]
        return {"calls": [self._chat_event(chat.id, "dismiss")]}

    def _event(self, order: Order) -> dict[str, Any]:
        """Any callback: `members` as they are to stand in it."""
        return {"calls": [dict(order["members"])]}

    def _revoke(self, order: Order) -> dict[str, Any]:
        self._company.tokens.clear()
        return {"fetched": self._company.fetched}

    def _refuse(self, order: Order) -> dict[str, Any]:
        """The next `times` requests of a path are refused with an errcode, after `after` that are not."""
        ordered = self._company.refusals.setdefault(str(order["path"]), [])
        ordered += [None] * int(order.get("after", 0))
        ordered += [int(order["errcode"])] * int(order.get("times", 1))
        return {}

    def _forget(self, order: Order) -> dict[str, Any]:
        """From now on there is no such customer: whoever names them is refused whole."""
        self._company.unknown.add(str(order["customer"]))
        return {}

    def _account(self, order: Order) -> dict[str, Any]:
        """A further company with secrets of its own."""
        secrets = {str(order["secret"]): "app", str(order["contact_secret"]): "customers"}
        self._company.secrets[str(order["corpid"])] = secrets
        return {}

    def _reset(self, order: Order) -> dict[str, Any]:
        """All of it anew; callbacks go where they went."""
        kept = self._company.callback
        Company.__init__(self._company)
        self._company.callback = kept
        return {}

    def _show(self, order: Order) -> dict[str, Any]:
        tasks = {one.id: {"parts": one.parts, "stopped": one.stopped} for one in self._company.tasks.values()}
        return {"tasks": tasks, "fetched": self._company.fetched, "asked": self._company.asked}

    async def _call(self, members: Mapping[str, Any]) -> int:
        """Encrypts, signs and posts one callback; the status heard last, 0 for none."""
        url = self._company.callback.get("url")
        if not url:
            return 0
        body, query = self.sealed(members)
        joint = "&" if "?" in url else "?"
        try:
            heard = await calling.call(f"{url}{joint}{urlencode(query)}", body, {"Content-Type": "text/xml"})
        except calling.NotHere:
            raise Wrong("callbacks go to http addresses of this machine only") from None
        return heard[-1].status

    def sealed(self, members: Mapping[str, Any]) -> tuple[bytes, dict[str, str]]:
        """Body and query of a callback."""
        token = self._company.callback.get("token", TOKEN)
        corpid = self._company.callback.get("corpid", CORPID)
        envelope = crypto.Envelope(self._company.callback.get("aes_key", AES_KEY), corpid)
        head = {"ToUserName": corpid, "FromUserName": "sys", "CreateTime": str(self._clock.now()), "MsgType": "event"}
        bare = members.get("InfoType") is not None  # suites' callbacks have neither sender nor kind
        sealed = envelope.seal(f"<xml>{_xml({} if bare else head)}{_xml(members)}</xml>".encode())
        timestamp = str(self._clock.now())
        nonce = hashlib.sha256(f"{self._company.number()}".encode()).hexdigest()[:10]
        signature = crypto.sign(token, timestamp, nonce, sealed)
        outer = f"<xml><ToUserName><![CDATA[{corpid}]]></ToUserName><Encrypt><![CDATA[{sealed}]]></Encrypt></xml>"
        return outer.encode(), {"msg_signature": signature, "timestamp": timestamp, "nonce": nonce}

    def _contact(self, change: str, customer: str, employee: str) -> dict[str, Any]:
        return {
            "Event": "change_external_contact",
            "ChangeType": change,
            "UserID": employee,
            "ExternalUserID": customer,
        }

    def _chat_event(self, chat: str, change: str, **more: Any) -> dict[str, Any]:
        return {"Event": "change_external_chat", "ChatId": chat, "ChangeType": change, **more}

    def _changed(self, chat: Chat, detail: str, one: str, order: Order) -> dict[str, Any]:
        more: dict[str, Any] = {"UpdateDetail": detail, "MemChangeCnt": "1"}
        if order.get("listed"):
            more["MemChangeList"] = {"Item": one}
        return self._chat_event(chat.id, "update", **more)

    def _task(self, order: Order) -> Task:
        task = self._company.tasks.get(str(order.get("task")))
        if task is None:
            raise Wrong("there is no such task")
        return task

    def _chat(self, order: Order) -> Chat:
        chat = self._company.chats.get(str(order.get("chat")))
        if chat is None:
            raise Wrong("there is no such group")
        return chat

    def _employee(self, order: Order) -> str:
        employee = str(order.get("employee", self._company.employees[0]))
        if employee not in self._company.employees:
            raise Wrong("there is no such employee")
        return employee


def _xml(members: Mapping[str, Any]) -> str:
    return "".join(
        f"<{name}>{_xml(value) if isinstance(value, Mapping) else escape(str(value))}</{name}>"
        for name, value in members.items()
    )
