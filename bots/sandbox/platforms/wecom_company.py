"""The pretend company behind the sandbox's WeCom: employees, customers, groups, tasks, tags and access tokens.

Only values and what happens to them; the interface is wecom.py, the people who act are wecom_callback.py.
"""

from __future__ import annotations

from calendar import monthrange
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

_ZONE = ZoneInfo("Asia/Shanghai")
CORPID = "ww0000000000sandbox"
AGENT = 1_000_002
APP, CUSTOMERS = "app", "customers"
TOKEN_SECONDS = 7200
EMPLOYEES = ("staff_01", "staff_02")
NOT_YET, SENT, NOT_A_FRIEND, OVER_LIMIT = 0, 1, 2, 3
DONE = 2


@dataclass(slots=True)
class Result:
    """One recipient of a task, a customer or a group."""

    recipient: str
    employee: str
    status: int = NOT_YET
    at: int = 0


@dataclass(slots=True)
class Task:
    """What employees are asked to send."""

    id: str
    kind: str  # single or group
    made: int
    content: dict[str, Any]
    parts: dict[str, int]  # employee -> 0, or DONE
    results: list[Result]
    sent_at: dict[str, int] = field(default_factory=dict)
    stopped: bool = False
    reminded: list[int] = field(default_factory=list)


@dataclass(slots=True)
class Chat:
    """A customer group. `members`: id -> (type, time of joining, state)."""

    id: str
    name: str
    owner: str
    made: int
    members: dict[str, tuple[int, int, str]] = field(default_factory=dict)


@dataclass(slots=True)
class Friend:
    """A customer as one employee knows them."""

    employee: str
    state: str
    since: int
    tags: set[str] = field(default_factory=set)
    remark: str = ""
    way: int = 0


class Company:
    """All of it. Whoever is written to and not known is a friend of the first employee, unless they left."""

    def __init__(self) -> None:
        self.secrets = {CORPID: {"pretend-app-secret": APP, "pretend-contact-secret": CUSTOMERS}}
        self.tokens: dict[str, tuple[str, int]] = {}
        self.fetched = 0
        self.asked = 0  # for tokens, those given again too
        self.employees = list(EMPLOYEES)
        self.friends: dict[str, dict[str, Friend]] = {}
        self.names: dict[str, tuple[str, str]] = {}  # customer -> name, unionid
        self.left: set[str] = set()
        self.unknown: set[str] = set()  # ids for which a whole task is refused
        self.tasks: dict[str, Task] = {}
        self.chats: dict[str, Chat] = {}
        self.ways: dict[str, dict[str, Any]] = {}
        self.tags: dict[str, tuple[str, str]] = {"et01": ("老客", "来源"), "et02": ("展会", "来源")}
        self.welcomes: dict[str, tuple[int, bool]] = {}  # code -> until, used
        self.seen: dict[str, tuple[str, int]] = {}  # content of an app message -> its id, until
        self.app_sent: dict[str, list[int]] = defaultdict(list)  # employee -> times
        self.month_sent: dict[tuple[str, str], int] = defaultdict(int)  # month, recipient -> messages
        self.refusals: dict[str, list[int | None]] = {}  # path -> errcodes ordered for the next requests, None: none
        self.callback: dict[str, str] = {}
        self._number = 0

    def number(self) -> int:
        self._number += 1
        return self._number

    def token(self, corpid: str, which: str, now: int) -> str:
        """The one in force, as gettoken gives it again while it holds; else a new one."""
        for known, (owner, until) in self.tokens.items():
            if owner == f"{corpid} {which}" and until > now:
                return known
        self.fetched += 1
        token = f"pretend-token-{which}-{self.number()}"
        self.tokens[token] = (f"{corpid} {which}", now + TOKEN_SECONDS)
        return token

    def adviser(self, customer: str) -> str:
        return next(iter(self.friends.get(customer, {})), self.employees[0])

    def make_task(self, kind: str, recipients: list[tuple[str, str]], content: dict[str, Any], now: int) -> Task:
        """`recipients`: each with the employee who is asked."""
        parts = dict.fromkeys((employee for _, employee in recipients), NOT_YET)
        results = [Result(recipient, employee) for recipient, employee in recipients]
        task = Task(f"msg{now}x{self.number()}", kind, now, content, parts, results)
        self.tasks[task.id] = task
        return task

    def confirm(self, task: Task, employee: str, now: int) -> list[str]:
        """An employee sends their part; whom it reached."""
        reached = []
        moment = datetime.fromtimestamp(now, _ZONE)
        month, days = f"{moment:%Y-%m}", monthrange(moment.year, moment.month)[1]
        for result in task.results:
            if result.employee != employee or result.status != NOT_YET:
                continue
            if result.recipient in self.left:
                result.status = NOT_A_FRIEND
            elif self.month_sent[month, result.recipient] >= days:
                result.status = OVER_LIMIT
            else:
                self.month_sent[month, result.recipient] += 1
                result.status, result.at = SENT, now
                reached.append(result.recipient)
        task.parts[employee], task.sent_at[employee] = DONE, now
        return reached

    def befriend(self, customer: str, friend: Friend, name: str, unionid: str) -> None:
        self.left.discard(customer)
        self.names[customer] = (name, unionid)
        self.friends.setdefault(customer, {})[friend.employee] = friend

    def part(self, customer: str, employee: str) -> None:
        self.friends.get(customer, {}).pop(employee, None)
        if not self.friends.get(customer):
            self.left.add(customer)
