"""The WeCom channel: tasks for advisers to confirm, and messages of our app to employees."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from automation.kernel import clock, errors
from automation.kernel.hooks import Happening, Sighting, Sought
from automation.kernel.ports import (
    Accepted,
    Body,
    Cache,
    Denied,
    Finding,
    Json,
    Lane,
    Message,
    Outcome,
    Quota,
    Reason,
    Unknown,
)
from bots import batches, http
from bots.wecom import answers, bodies, checks, limits, searching
from bots.wecom.api import Answer, Api, Call, Key
from bots.wecom.directory import Directory
from bots.wecom.groups import Groups
from bots.wecom.options import WecomOptions
from bots.wecom.tasks import Tasks

CUSTOMERS, EMPLOYEES = "customer_message", "app_message"
ADD_TASK = "externalcontact/add_msg_template"
_LOOK_BACK = 10  # seconds by which WeCom's clock may differ from ours
EMPLOYEE: Final = re.compile(r"[A-Za-z0-9_.@-]{1,64}")
EVERYBODY: Final = "@all"  # what WeCom takes for all of a company
# Members of an answer that name who got nothing although the whole was taken (90236).
_NOT_SENT: Final = (("invaliduser", Reason.BAD_ADDRESS), ("unlicenseduser", Reason.NOT_REACHABLE))
_OF_ONE: Final = frozenset({Reason.BAD_ADDRESS, Reason.GONE})  # what one customer can make of a whole task


def lanes(options: WecomOptions) -> tuple[Lane, ...]:
    """Tasks first. Of these WeCom drops no repeat; of app messages it does, byte by byte."""
    return (
        Lane(
            CUSTOMERS,
            address="wecom_id",
            purposes=frozenset({"marketing", "service"}),
            batch=100,
            receipts=frozenset({"sent"}),
            limits=(limits.TASK_LIMITS[options.mass_limit],),
        ),
        Lane(
            EMPLOYEES,
            address="wecom_user",
            purposes=frozenset({"service"}),
            dedupe_window=options.duplicate_check,
            limits=limits.APP_LIMITS,
            daily=limits.APP_A_DAY * options.accounts if options.accounts else None,
        ),
    )


@dataclass(slots=True)
class _Group:
    """Messages that become one task: the same text, each customer once."""

    members: dict[str, Json]
    places: dict[str, int]  # customer -> number of the message

    def halves(self) -> list[_Group]:
        places, half = list(self.places.items()), len(self.places) // 2
        return [_Group(self.members, dict(places[:half])), _Group(self.members, dict(places[half:]))]


class WecomChannel:
    """Sends `{"text", "attachments"?}`. Safe for many threads."""

    kind = "wecom"
    missed_after = 0

    def __init__(self, name: str, options: WecomOptions, cache: Cache, now: clock.Clock | None = None) -> None:
        self.name = name
        self.lanes: Sequence[Lane] = lanes(options)
        self.every = options.pull
        self.contacts = options.contacts
        self._options = options
        self._clock = now or clock.SystemClock()
        self._api = Api(name, options, cache)
        self.tasks = Tasks(name, options, self._api, cache)
        self.directory = Directory(options, self._api)
        self.groups = Groups(name, self._api, cache)

    def send(self, messages: Sequence[Message]) -> Sequence[Outcome]:
        """Messages of one text to different customers become one task; what they got is `<task>|<customer>`.

        Blocks at most for the time-out; for three times as long where the answer to a task was lost and it is looked
        for, or where a task was refused for one customer and is asked for again in halves: nothing of it was made.
        """
        if not messages:
            return []
        lane = batches.lane_of(self.lanes, messages)
        return self._to_employees(messages) if lane.name == EMPLOYEES else self._to_customers(messages)

    def welcome(self, code: str, body: Body) -> Outcome:
        """Greets a new friend, once and within 20 seconds of the event that brought the code (92137).

        Outside the queue. 41051: already greeted; 41096, another app is doing it, is tried once more.
        """
        try:
            payload = {"welcome_code": code, **bodies.for_customers(body)}
        except bodies.BadContent as error:
            return Denied(Reason.BAD_CONTENT, error.code)
        call = Call("externalcontact/send_welcome_msg", payload, {})
        outcome = _plain(self._api.each(Key.CUSTOMERS, [call])[0])
        if isinstance(outcome, Denied) and outcome.code == "41096":
            outcome = _plain(self._api.each(Key.CUSTOMERS, [call])[0])
        return outcome

    def pull(self, open_ids: Sequence[str], now: int) -> Sequence[Happening]:
        """What employees confirmed, and what can no longer be confirmed."""
        return self.tasks.receipts(open_ids, now)

    def search(self, sought: Sequence[Sought], now: int) -> Sequence[Sequence[Sighting]]:
        """Of customers' messages: the tasks that a killed maker never heard of."""
        return searching.tasks(self.tasks, CUSTOMERS, sought)

    def check(self, now: int) -> Sequence[Finding]:
        return checks.check(self._api, self._options)

    def quotas(self, now: int) -> Sequence[Quota]:
        """None: WeCom has no interface that tells what is used."""
        return ()

    def close(self) -> None:
        self._api.close()

    def _to_customers(self, messages: Sequence[Message]) -> list[Outcome]:
        waiting, refused = _grouped(messages)
        found: dict[int, Outcome] = dict(refused)
        began, ends = self._clock.now(), clock.monotonic() + self._options.timeout
        while waiting:
            if clock.monotonic() >= ends:
                found |= {number: batches.NOT_TRIED for group in waiting for number in group.places.values()}
                break
            asked, waiting = waiting, []
            answered = self._api.each(Key.CUSTOMERS, [self._task(group, messages) for group in asked])
            ends_looking = clock.monotonic() + self._options.timeout
            for group, answer in zip(asked, answered, strict=True):
                if isinstance(answer, Denied) and answer.reason in _OF_ONE and len(group.places) > 1:
                    waiting += group.halves()
                    continue
                outcomes = self._settled(group, answer, began, ends_looking)
                found |= {number: outcomes[address] for address, number in group.places.items()}
        return [found[number] for number in range(len(messages))]

    def _task(self, group: _Group, messages: Sequence[Message]) -> Call:
        customers: Json = list(group.places)
        payload: dict[str, Json] = {"chat_type": "single", "external_userid": customers}
        if self._options.sender:
            payload["sender"] = self._options.sender
        keys = [messages[number].idem_key for number in group.places.values()]
        return Call(ADD_TASK, {**payload, **group.members}, self._for_the_sandbox(keys))

    def _settled(self, group: _Group, answer: Answer | Outcome, began: int, ends: float) -> dict[str, Outcome]:
        """One outcome a customer. A lost answer is looked for among the tasks made since, until `ends`."""
        if isinstance(answer, dict):
            return self._made(group, answer)
        task = self._found(group, began, ends) if isinstance(answer, Unknown) else None
        return dict.fromkeys(group.places, answer) if task is None else self._made(group, {"msgid": task})

    def _found(self, group: _Group, began: int, ends: float) -> str | None:
        made = began - _LOOK_BACK, self._clock.now() + _LOOK_BACK
        try:
            return self.tasks.find(group.members, set(group.places), made, ends)
        except errors.LuchengError:
            return None

    def _made(self, group: _Group, answer: Answer) -> dict[str, Outcome]:
        """Where there is no task only those are refused whom the answer names; of the others nobody knows."""
        task, left_out = answers.task(answer), set(answers.words(answer, "fail_list"))
        if task:
            self.tasks.made(task, self._clock.now())
        rest = None if task else Unknown("garbage")
        return {
            customer: Denied(Reason.NOT_REACHABLE, "fail_list")
            if customer in left_out
            else rest or Accepted(f"{task}|{customer}", awaiting=True)
            for customer in group.places
        }

    def _to_employees(self, messages: Sequence[Message]) -> list[Outcome]:
        message = messages[0]
        if not EMPLOYEE.fullmatch(message.address) or message.address.lower() == EVERYBODY:
            return [Denied(Reason.BAD_ADDRESS, "malformed")]
        try:
            members = bodies.for_employees(message.body)
        except bodies.BadContent as error:
            return [Denied(Reason.BAD_CONTENT, error.code)]
        payload: dict[str, Json] = {
            "touser": message.address,
            "agentid": self._options.agent,
            **members,
            "enable_duplicate_check": 1,
            "duplicate_check_interval": self._options.duplicate_check,
            # WeCom compares whole requests: without a word of its own, a second alarm with the same text would be lost.
            "client_msg_id": message.idem_key,
        }
        call = Call("message/send", payload, self._for_the_sandbox([message.idem_key]))
        answer = self._api.each(Key.APP, [call])[0]
        return [_not_sent(message.address, answer) or _plain(answer)]

    def _for_the_sandbox(self, keys: Sequence[str]) -> dict[str, str]:
        """Tells the sandbox our keys, which the platform has no word for, so that its books can be compared."""
        return {"X-Sandbox-Keys": ",".join(keys)} if self._options.sandbox else {}


def _grouped(messages: Sequence[Message]) -> tuple[list[_Group], dict[int, Denied]]:
    """The tasks that these messages become, and which of them never leave."""
    refused: dict[int, Denied] = {}
    groups: list[_Group] = []
    open_groups: dict[bytes, list[_Group]] = {}
    for number, message in enumerate(messages):
        try:
            members = bodies.for_customers(message.body)
        except bodies.BadContent as error:
            refused[number] = Denied(Reason.BAD_CONTENT, error.code)
            continue
        same = open_groups.setdefault(http.encoded(members), [])
        group = next((one for one in same if message.address not in one.places), None)
        if group is None:
            group = _Group(members, {})
            same.append(group)
            groups.append(group)
        group.places[message.address] = number
    return groups, refused


def _not_sent(employee: str, answer: Answer | Outcome) -> Denied | None:
    """Whether an answer that all is well names this employee as left out."""
    if isinstance(answer, dict):
        for member, reason in _NOT_SENT:
            if employee.lower() in answers.text(answer, member).lower().split("|"):
                return Denied(reason, member)
    return None


def _plain(answer: Answer | Outcome) -> Outcome:
    if not isinstance(answer, dict):
        return answer
    return Accepted(answers.task(answer))
