"""WeCom's interface, below /wecom: gettoken, tasks, app messages, welcomes, customers, groups, and the group robot.

Paths, members and errcodes are those of developer.work.weixin.qq.com/document; an answer is always status 200.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from automation.kernel.clock import Clock
from bots.sandbox.deliveries import Deliveries
from bots.sandbox.faults import Fault, Faults, Mode
from bots.sandbox.http_edge import Answer, Broken, Request
from bots.sandbox.platforms.robots import WecomRobots
from bots.sandbox.platforms.wecom_callback import People
from bots.sandbox.platforms.wecom_company import AGENT, APP, CUSTOMERS, DONE, NOT_YET, Company, Task
from bots.sandbox.platforms.wecom_directory import Directory
from bots.sandbox.playing import around, json_answer

CHANNEL = "wecom"  # in the ledger and for faults
TALK = {
    0: "ok", -1: "system busy", 40001: "invalid credential", 40003: "invalid userid", 40008: "invalid message type",
    40013: "invalid corpid", 40014: "invalid access_token", 40056: "invalid agentid",
    40058: "invalid Request Parameter", 40096: "invalid external userid", 41001: "access_token missing",
    41004: "corpsecret missing", 41048: "no customer to send", 41050: "invalid welcome code",
    41051: "externaluser has started chatting", 42001: "access_token expired", 44004: "content empty",
    45002: "content size out of limit", 45009: "api freq out of limit", 47001: "data format error",
    48002: "api forbidden", 60111: "userid not found", 81013: "user & party & tag all invalid",
    84061: "not external contact",
}  # fmt: skip
CUSTOMER = re.compile(r"w[mo][A-Za-z0-9_.-]{1,62}")
ATTACHED = {"image", "link", "miniprogram", "video", "file"}
Members = Mapping[str, Any]


class Refused(Exception):
    """An errcode instead of an answer."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


def said(code: int = 0, **more: Any) -> Answer:
    return json_answer(200, {"errcode": code, "errmsg": TALK.get(code, "error"), **more})


class Wecom:
    """Answers what stands below /wecom."""

    def __init__(self, deliveries: Deliveries, faults: Faults, clock: Clock) -> None:
        self._deliveries, self._faults, self._clock = deliveries, faults, clock
        self.company = Company()
        self._people = People(self.company, clock)
        self._robots = WecomRobots(deliveries, faults, clock)
        directory = Directory(self.company, clock)
        self._sends: dict[str, tuple[str, Callable[[Members, Request, Fault | None], Awaitable[Answer]]]] = {
            "externalcontact/add_msg_template": (CUSTOMERS, self._add_task),
            "externalcontact/send_welcome_msg": (CUSTOMERS, self._welcome),
            "message/send": (APP, self._to_employee),
        }
        self._reads: dict[tuple[str, str], tuple[str, Callable[[Members], dict[str, Any]]]] = {
            ("POST", "externalcontact/get_groupmsg_list_v2"): (CUSTOMERS, self._listed),
            ("POST", "externalcontact/get_groupmsg_task"): (CUSTOMERS, self._parts),
            ("POST", "externalcontact/get_groupmsg_send_result"): (CUSTOMERS, self._results),
            ("POST", "externalcontact/remind_groupmsg_send"): (CUSTOMERS, self._remind),
            ("POST", "externalcontact/cancel_groupmsg_send"): (CUSTOMERS, self._stop),
            ("GET", "agent/get"): (APP, self._agent),
            **{where: (CUSTOMERS, verb) for where, verb in directory.verbs.items()},
        }

    async def __call__(self, request: Request) -> Answer | Broken:
        path = request.path.removeprefix("/wecom/")
        if path in ("_act", "_callback"):
            return await self._people(path, request)
        path = path.removeprefix("cgi-bin/")
        if path == "webhook/send":
            return await self._robots(request)
        if path in self._sends and request.method == "POST":
            fault = self._faults.take("http", CHANNEL)
            return await around(fault, lambda inside: self._guarded(self._send, path, request, inside))
        fault = self._faults.take("http", f"{CHANNEL}.api", alone=True)
        return await around(fault, lambda inside: self._guarded(self._read, path, request, inside))

    async def _guarded(
        self, verb: Callable[..., Awaitable[Answer]], path: str, request: Request, fault: Fault | None
    ) -> Answer:
        try:
            ordered = self.company.refusals.get(path)
            if ordered and (code := ordered.pop(0)) is not None:
                raise Refused(code)
            return await verb(path, request, fault)
        except Refused as refused:
            return said(refused.code)

    async def _send(self, path: str, request: Request, fault: Fault | None) -> Answer:
        which, verb = self._sends[path]
        self._check_token(request, which)
        return await verb(_object(request.body), request, fault)

    async def _read(self, path: str, request: Request, fault: Fault | None) -> Answer:
        if (request.method, path) == ("GET", "gettoken"):
            return self._gettoken(request.query)
        if (request.method, path) not in self._reads:
            return json_answer(404, {"errcode": 404, "errmsg": "no such interface"})
        which, verb = self._reads[request.method, path]
        self._check_token(request, which)
        found = verb(_object(request.body) if request.method == "POST" else request.query)
        return said(int(found.pop("errcode", 0)), **found)

    def _gettoken(self, query: Mapping[str, str]) -> Answer:
        corpid, secret = query.get("corpid", ""), query.get("corpsecret", "")
        self.company.asked += 1
        if not secret:
            raise Refused(41004)
        if corpid not in self.company.secrets:
            raise Refused(40013)
        which = self.company.secrets[corpid].get(secret)
        if which is None:
            raise Refused(40001)
        return said(access_token=self.company.token(corpid, which, self._clock.now()), expires_in=7200)

    def _check_token(self, request: Request, which: str) -> None:
        token = request.query.get("access_token", "")
        if not token:
            raise Refused(41001)
        owner, until = self.company.tokens.get(token, ("", 0))
        if not owner:
            raise Refused(40014)
        if until <= self._clock.now():
            raise Refused(42001)
        if not owner.endswith(f" {which}"):
            raise Refused(48002)

    async def _add_task(self, given: Members, request: Request, fault: Fault | None) -> Answer:
        kind = given.get("chat_type", "single")
        content = _content(given)
        if kind == "group":
            recipients, failed = self._of_groups(given), list[str]()
        elif kind == "single":
            recipients, failed = self._of_customers(given, fault)
        else:
            raise Refused(40058)
        if not recipients:
            raise Refused(41048)
        task = self.company.make_task(kind, recipients, content, self._clock.now())
        keys = dict(zip(_list(given, "external_userid"), _keys(request), strict=False))
        lane = "customer_message" if kind == "single" else "group_message"
        messages = [
            {"key": keys.get(recipient, ""), "lane": lane, "address": recipient, "body": _shown(content, task.id)}
            for recipient, _ in recipients
        ]
        await self._deliveries.take(CHANNEL, "wecom", False, messages)
        return said(msgid=task.id, fail_list=failed)

    def _of_customers(self, given: Members, fault: Fault | None) -> tuple[list[tuple[str, str]], list[str]]:
        named = _list(given, "external_userid")
        sender = given.get("sender")
        if not named or len(named) > 10_000 or (sender is not None and sender not in self.company.employees):
            raise Refused(40058)
        if not self.company.unknown.isdisjoint(named):
            raise Refused(40096)
        every = fault.every if fault is not None and fault.mode is Mode.PARTIAL else 0
        wrong = {one for n, one in enumerate(named, start=1) if every and n % every == 0}
        wrong |= {one for one in named if not CUSTOMER.fullmatch(one) or one in self.company.left}
        good = list(dict.fromkeys(one for one in named if one not in wrong))
        return [(one, str(sender or self.company.adviser(one))) for one in good], sorted(wrong)

    def _of_groups(self, given: Members) -> list[tuple[str, str]]:
        sender, chats = given.get("sender"), _list(given, "chat_id_list")
        if sender not in self.company.employees or len(chats) > 2000:
            raise Refused(40058)  # a task for groups needs their owner
        owned = [chat.id for chat in self.company.chats.values() if chat.owner == sender]
        if any(chat not in self.company.chats for chat in chats):
            raise Refused(40058)
        return [(chat, str(sender)) for chat in (chats or owned) if chat in owned]

    async def _to_employee(self, given: Members, request: Request, fault: Fault | None) -> Answer:
        users = str(given.get("touser") or "").split("|")
        if given.get("agentid") != AGENT:
            raise Refused(40056)
        kind = given.get("msgtype")
        if not isinstance(kind, str) or not isinstance(given.get(kind), Mapping):
            raise Refused(40008)
        text = str(given[kind].get("content", given[kind].get("description", "")))
        if kind == "text" and not text:
            raise Refused(44004)
        if kind == "text" and len(text.encode()) > 2048:
            raise Refused(45002)
        good = [one for one in users if re.fullmatch(r"[A-Za-z0-9_.@-]{1,64}", one) and not one.startswith("no_such")]
        if not good:
            raise Refused(81013)
        now = self._clock.now()
        number, repeat = self._numbered(given, request.body, now)
        taken = [] if repeat else [one for one in good if self._has_room(one, now)]
        keys = dict(zip(users, _keys(request), strict=False))
        body = {"text": text, "msgtype": kind}
        await self._deliveries.take(CHANNEL, "wecom", False, [
            {"key": keys.get(one, ""), "lane": "app_message", "address": one, "body": body} for one in taken
        ])  # fmt: skip
        bad = "|".join(one for one in users if one not in good)
        return said(invaliduser=bad, invalidparty="", invalidtag="", msgid=number)

    def _numbered(self, given: Members, body: bytes, now: int) -> tuple[str, bool]:
        """Its id, and whether the same request, byte by byte, came in the time asked for (90236)."""
        number = f"app{self.company.number()}"
        if given.get("enable_duplicate_check") != 1:
            return number, False
        seconds = given.get("duplicate_check_interval", 1800)
        if not isinstance(seconds, int) or not 0 < seconds <= 14_400:
            raise Refused(40058)
        mark = hashlib.sha256(body).hexdigest()
        first, until = self.company.seen.get(mark, ("", 0))
        if until > now:
            return first, True
        self.company.seen[mark] = (number, now + seconds)
        return number, False

    def _has_room(self, employee: str, now: int) -> bool:
        """30 a minute and 1,000 an hour for one member; what exceeds is dropped, and nobody is told (90454)."""
        times = self.company.app_sent[employee] = [at for at in self.company.app_sent[employee] if at > now - 3600]
        if len(times) >= 1000 or sum(at > now - 60 for at in times) >= 30:
            return False
        times.append(now)
        return True

    async def _welcome(self, given: Members, request: Request, fault: Fault | None) -> Answer:
        content = _content(given)
        code = str(given.get("welcome_code") or "")
        until, used = self.company.welcomes.get(code, (0, False))
        if not until or until < self._clock.now():
            raise Refused(41050)
        if used:
            raise Refused(41051)
        self.company.welcomes[code] = (until, True)
        message = {"key": "", "lane": "welcome", "address": code.split(":")[0], "body": _shown(content, "")}
        await self._deliveries.take(CHANNEL, "wecom", False, [message])
        return said()

    def _listed(self, given: Members) -> dict[str, Any]:
        start, end = given.get("start_time"), given.get("end_time")
        if not isinstance(start, int) or not isinstance(end, int) or end < start or end - start > 31 * 86_400:
            raise Refused(40058)
        rows = [
            {"msgid": task.id, "creator": "", "create_time": task.made, "create_type": 0, **task.content}
            for task in self.company.tasks.values()
            if task.kind == given.get("chat_type") and start <= task.made <= end
        ]
        return _page(rows, given, "group_msg_list", 100)

    def _parts(self, given: Members) -> dict[str, Any]:
        task = self._task(given)
        rows = [
            {"userid": employee, "status": status} | ({"send_time": task.sent_at[employee]} if status == DONE else {})
            for employee, status in task.parts.items()
        ]
        return _page(rows, given, "task_list", 1000)

    def _results(self, given: Members) -> dict[str, Any]:
        task = self._task(given)
        if given.get("userid") not in task.parts:
            raise Refused(60111)
        member = "external_userid" if task.kind == "single" else "chat_id"
        rows = [
            {member: one.recipient, "userid": one.employee, "status": one.status}
            | ({"send_time": one.at} if one.at else {})
            for one in task.results
            if one.employee == given["userid"]
        ]
        return _page(rows, given, "send_list", 1000)

    def _remind(self, given: Members) -> dict[str, Any]:
        task, now = self._task(given), self._clock.now()
        task.reminded = [at for at in task.reminded if at > now - 86_400]
        if len(task.reminded) >= 3 or task.stopped or NOT_YET not in task.parts.values():
            raise Refused(40058)
        task.reminded.append(now)
        return {}

    def _stop(self, given: Members) -> dict[str, Any]:
        self._task(given).stopped = True
        return {}

    def _agent(self, given: Members) -> dict[str, Any]:
        if given.get("agentid") != str(AGENT):
            raise Refused(40056)
        return {"agentid": AGENT, "name": "旅程", "close": 0}

    def _task(self, given: Members) -> Task:
        task = self.company.tasks.get(str(given.get("msgid") or ""))
        if task is None:
            raise Refused(40058)
        return task


def _object(body: bytes) -> Members:
    try:
        found = json.loads(body)
    except ValueError:
        raise Refused(47001) from None
    if not isinstance(found, dict):
        raise Refused(47001)
    return found


def _content(given: Members) -> dict[str, Any]:
    """Text and attachments, as a task and a welcome have them."""
    text, attached = given.get("text") or {}, given.get("attachments") or []
    if not isinstance(text, dict) or not isinstance(attached, list) or len(attached) > 9:
        raise Refused(40058)
    words = text.get("content", "")
    if not isinstance(words, str) or len(words.encode()) > 4000:
        raise Refused(45002)
    if not words and not attached:
        raise Refused(44004)
    for one in attached:
        kind = one.get("msgtype") if isinstance(one, dict) else None
        if kind not in ATTACHED or not isinstance(one.get(kind), dict) or not all(one[kind].values()):
            raise Refused(40058)
    return {name: value for name, value in (("text", text), ("attachments", attached)) if value}


def _shown(content: Mapping[str, Any], task: str) -> dict[str, Any]:
    """For the ledger and the page."""
    attached = [one["msgtype"] for one in content.get("attachments", [])]
    return {"text": content.get("text", {}).get("content", ""), "attachments": attached, "task": task}


def _page(rows: Sequence[Mapping[str, Any]], given: Members, name: str, most: int) -> dict[str, Any]:
    size, cursor = given.get("limit", most), str(given.get("cursor") or "0")
    if not isinstance(size, int) or not 0 < size <= most or not cursor.isdigit():
        raise Refused(40058)
    end = int(cursor) + size
    return {name: list(rows[int(cursor) : end]), "next_cursor": str(end) if end < len(rows) else ""}


def _keys(request: Request) -> list[str]:
    """The sender's own keys, which the real interface has no word for: so that both sides' books can be compared."""
    return [one for one in request.headers.get("x-sandbox-keys", "").split(",") if one]


def _list(given: Members, name: str) -> list[str]:
    found = given.get(name) or []
    if not isinstance(found, list) or not all(isinstance(one, str) for one in found):
        raise Refused(40058)
    return found
