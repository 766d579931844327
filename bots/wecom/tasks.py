"""Tasks that employees confirm: made, looked up, reminded of, stopped, and their results as receipts.

WeCom sends nothing to a customer by itself: `add_msg_template` asks an employee to (92135). A task is therefore

    created            no employee has it yet
    awaiting_employee  nobody has confirmed
    partial            some employees have
    sent               all have
    expired            it was stopped because nobody did in time

and a customer has been written to only once a result of theirs says so. A made task is never counted as delivered.
"""

from __future__ import annotations

import json
import logging
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from automation.kernel import errors
from automation.kernel.hooks import Happening, Receipt
from automation.kernel.ports import Cache, Json
from bots.wecom import answers, limits, reasons
from bots.wecom.api import Api, Key, Refusal
from bots.wecom.options import WecomOptions

log = logging.getLogger(__name__)
DAY = 86_400
CHINA = 8 * 3600  # ahead of UTC, all year
KNOWN_FOR = 60 * DAY  # seconds for which we know when a task was made
SENT, NOT_A_FRIEND, OTHER_TASK = 1, 2, 3  # status of a result (93338); 0: not yet
DONE = 2  # status of an employee's part; 0: not yet
_FAILED = {NOT_A_FRIEND: "not_a_friend", OTHER_TASK: "limit_of_tasks"}


class State(StrEnum):
    """How far a task has come."""

    CREATED = "created"
    AWAITING = "awaiting_employee"
    PARTIAL = "partial"
    SENT = "sent"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Result:
    """One recipient of a task with one employee: a customer's or a group's id. `at`: UTC seconds, 0 while not sent."""

    recipient: str
    employee: str
    status: int
    at: int


@dataclass(frozen=True, slots=True)
class Task:
    """A task as WeCom tells it. `confirmed` of `employees` have sent their part."""

    id: str
    employees: int
    confirmed: int
    results: tuple[Result, ...]
    stopped: bool = False

    @property
    def state(self) -> State:
        if self.employees and self.confirmed == self.employees:
            return State.SENT
        if self.confirmed:
            return State.PARTIAL
        if self.stopped:
            return State.EXPIRED
        return State.AWAITING if self.employees else State.CREATED


class Tasks:
    """The tasks of one account. Serves many threads."""

    def __init__(self, name: str, options: WecomOptions, api: Api, cache: Cache) -> None:
        self._name, self._options, self._api, self._cache = name, options, api, cache

    def made(self, task: str, now: int) -> None:
        """Remembers when a task was made: WeCom's results do not say. Without a cache it is as if made when first
        asked about: that must not undo what WeCom has taken."""
        try:
            self._cache.put(self._place(task, "made"), str(now), KNOWN_FOR)
        except errors.LuchengError as error:
            log.warning("when a task was made cannot be kept: %s", type(error).__name__)

    def to_groups(self, groups: Sequence[str], sender: str, members: Mapping[str, Json], now: int) -> list[str]:
        """A task for the owner of customer groups; one for every 2,000 of them. Raises Refusal or ServiceAway."""
        made = []
        for start in range(0, len(groups), limits.TASK_GROUPS):
            chats: Json = list(groups[start : start + limits.TASK_GROUPS])
            payload = {"chat_type": "group", "chat_id_list": chats, "sender": sender, **members}
            answer = self._api.post(Key.CUSTOMERS, "externalcontact/add_msg_template", payload)
            task = answers.task(answer)
            if not task:
                raise errors.ServiceAway("WeCom made a task and did not name it: look in the admin console")
            self.made(task, now)
            for chat in groups[start : start + limits.TASK_GROUPS]:
                asked = json.dumps([*self._asked(chat, now), now])
                self._cache.put(self._place(chat, "asked"), asked, KNOWN_FOR)
            made.append(task)
        return made

    def full(self, groups: Sequence[str], now: int) -> list[str]:
        """Those of the groups that WeCom gives no further message: by the tasks made here in the last 30 days, or 7, or
        since midnight in China, as the admin set it. What others made is not known."""
        limit = limits.TASK_LIMITS[self._options.mass_limit]
        most = 30 if limit.count is None else limit.count
        return [chat for chat in groups if len(self._asked(chat, now)) >= most]

    def _asked(self, chat: str, now: int) -> list[int]:
        since = {"month": now - 30 * DAY, "week": now - 7 * DAY, "day": (now + CHINA) // DAY * DAY - CHINA}
        known = json.loads(self._cache.get(self._place(chat, "asked")) or "[]")
        return [at for at in known if at >= since[self._options.mass_limit]]

    def find(self, members: Mapping[str, Json], customers: set[str], made: tuple[int, int], ends: float) -> str | None:
        """The one task for exactly these customers with this text, `made` in that time; None where nobody can say.

        For a request whose answer was lost. That none is listed proves nothing: the list may lag behind. Raises
        Refusal, or ServiceAway, also where it is not found by `ends`, a moment of clock.monotonic().
        """
        found = [
            task
            for task in self._listed(members, made, ends)
            if self._cache.get(self._place(task, "made")) is None  # its maker has not heard of it
            and {result.recipient for result in self.look(task, ends).results} == customers
        ]
        return found[0] if len(found) == 1 else None

    def of_text(
        self, members: Mapping[str, Json], customers: set[str], made: tuple[int, int]
    ) -> list[tuple[str, set[str]]]:
        """The tasks of this text `made` in that time that are for no other customers, each with its customers: of a
        maker who was killed, one or, where it was made in halves, several. Also those that were heard of."""
        found = []
        for task in self._listed(members, made):
            wanted = {result.recipient for result in self.look(task).results}
            if wanted and wanted <= customers:
                found.append((task, wanted))
        return found

    def look(self, task: str, ends: float | None = None) -> Task:
        """Where a task stands. Raises Refusal, or ServiceAway, also where it takes longer than until `ends`."""
        about: dict[str, Json] = {"msgid": task}
        parts = list(self._pages("externalcontact/get_groupmsg_task", about, "task_list", ends=ends))
        results: list[Result] = []
        for employee in sorted({answers.text(part, "userid") for part in parts} - {""}):
            asked: dict[str, Json] = {"msgid": task, "userid": employee}
            rows = self._pages("externalcontact/get_groupmsg_send_result", asked, "send_list", ends=ends)
            results += [_result(row, employee) for row in rows]
        confirmed = sum(answers.number(part, "status") == DONE for part in parts)
        stopped = self._cache.get(self._place(task, "stopped")) is not None
        return Task(task, len(parts), confirmed, tuple(results), stopped)

    def remind(self, task: str, now: int) -> int:
        """Reminds the employees; how often that can still be done today (97610: 3 in 24 hours). Raises Refused."""
        place = self._place(task, "reminded")
        times = [at for at in json.loads(self._cache.get(place) or "[]") if at > now - DAY]
        if len(times) >= limits.REMINDERS:
            hours = (times[0] + DAY - now + 3599) // 3600
            raise errors.Refused(f"a task can be reminded of 3 times in 24 hours: again in {hours} h")
        self._api.post(Key.CUSTOMERS, "externalcontact/remind_groupmsg_send", {"msgid": task})
        self._cache.put(place, json.dumps([*times, now]), DAY)
        return limits.REMINDERS - len(times) - 1

    def stop(self, task: str) -> None:
        """Nobody can confirm it any more; what was sent stays sent."""
        self._api.post(Key.CUSTOMERS, "externalcontact/cancel_groupmsg_send", {"msgid": task})
        self._cache.put(self._place(task, "stopped"), "1", KNOWN_FOR)

    def receipts(self, open_ids: Sequence[str], now: int) -> list[Happening]:
        """What became of messages known as `<task>|<customer>`. Raises ServiceAway where WeCom is away."""
        by_task: dict[str, set[str]] = defaultdict(set)
        for one in open_ids:
            task, _, customer = one.partition("|")
            if task and customer:
                by_task[task].add(customer)
        found: list[Happening] = []
        for task, customers in by_task.items():
            found += self._of_task(task, customers, now)
        return found

    def _of_task(self, task: str, customers: set[str], now: int) -> list[Happening]:
        late = self._is_late(task, now)
        stopped = late and self._is_stopped(task)  # before the last look: what is not sent then never will be
        try:
            seen = self.look(task)
        except Refusal as error:  # of one task: the others go on
            if not late or not reasons.denied(error.code).permanent:  # a right that we lack now ends no message
                return []
            return [Receipt(f"{task}|{customer}", "failed", now, str(error.code)) for customer in sorted(customers)]
        results: dict[str, list[Result]] = defaultdict(list)
        for result in seen.results:
            results[result.recipient].append(result)
        said = [told(task, customer, results[customer], now, stopped) for customer in sorted(customers)]
        return [one for one in said if one is not None]

    def _is_stopped(self, task: str) -> bool:
        """Whether nobody can confirm it any more. Where WeCom does not stop it an employee still may, so what is not
        sent yet has not failed: to write to them in another way would be to write twice."""
        if self._cache.get(self._place(task, "stopped")) is not None:
            return True
        try:
            self.stop(task)
        except Refusal as error:
            log.warning("a task that is late was not stopped: errcode %d", error.code)
            return False
        return True

    def _is_late(self, task: str, now: int) -> bool:
        made = self._cache.get(self._place(task, "made"))
        if made is None:  # forgotten, or another cache: its time begins now
            self.made(task, now)
            return False
        return now - int(made) >= self._options.task_expires

    def _listed(self, members: Mapping[str, Json], made: tuple[int, int], ends: float | None = None) -> Iterator[str]:
        """Tasks of this text. WeCom takes a month at once (93338)."""
        asked: dict[str, Json] = {
            "chat_type": "single", "start_time": max(made[0], made[1] - limits.TASKS_SPAN), "end_time": made[1],
            "filter_type": 0,
        }  # fmt: skip
        path = "externalcontact/get_groupmsg_list_v2"
        for one in self._pages(path, asked, "group_msg_list", limits.TASKS_PAGE, ends):
            same = one.get("text", {}) == members.get("text", {}) and _shapes(one) == _shapes(members)
            task = answers.task(one)
            if same and task:
                yield task

    def _pages(
        self, path: str, asked: Mapping[str, Json], name: str, size: int = limits.PAGE, ends: float | None = None
    ) -> Iterator[Mapping[str, Any]]:
        return self._api.pages(Key.CUSTOMERS, path, {**asked, "limit": size}, name, ends)

    def _place(self, task: str, what: str) -> str:
        return f"wecom:{self._name}:task:{task}:{what}"


def told(task: str, customer: str, results: Sequence[Result], now: int, stopped: bool) -> Receipt | None:
    """One message's end, None while an employee can still bring it about."""
    sent = [result for result in results if result.status == SENT]
    if sent:
        return Receipt(f"{task}|{customer}", "sent", max(0, min(now, *(result.at for result in sent))) or now)
    failed = [result.status for result in results if result.status in _FAILED]
    if failed and len(failed) == len(results):
        return Receipt(f"{task}|{customer}", "failed", now, _FAILED[failed[0]])
    return Receipt(f"{task}|{customer}", "failed", now, "expired") if stopped else None


def _result(row: Mapping[str, Any], employee: str) -> Result:
    recipient = answers.text(row, "external_userid") or answers.text(row, "chat_id")
    return Result(recipient, employee, answers.number(row, "status"), answers.number(row, "send_time"))


def _shapes(members: Mapping[str, Any]) -> list[str]:
    """Kinds of the attachments. WeCom lists their contents changed: addresses of pictures, missing members."""
    return [answers.text(one, "msgtype") for one in answers.rows(members, "attachments")]
