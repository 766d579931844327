"""SMS accounts as channels: many recipients a request, one outcome each.

Neither provider drops a repeat, so nothing is ever sent again here: what left without an answer is Unknown, and waits
for its report or until the provider was asked about its phone. A batch that was refused whole for one of its numbers is
sent again in halves: nothing of it had left.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, Final

from automation.kernel import clock
from automation.kernel.hooks import Happening, Sighting, Sought
from automation.kernel.ports import Accepted, Denied, Finding, Lane, Limit, Message, Outcome, Quota, Reason, Unknown
from bots import batches, http
from bots.sms import api, directory, letters, pulling, reasons, searching
from bots.sms.letters import Letter
from bots.sms.options import AliyunOptions, Purpose, SmsOptions, TencentOptions

AT_ONCE = 32  # requests, where messages of a batch need one each
MISSED_AFTER = 7200  # seconds: carriers mostly report within minutes, at the latest after three days
_NOTICE, _MARKETING = "notice", "marketing"
_LIMITS: Final = {
    _NOTICE: (Limit(10, "minute", "SMS-06"), Limit(50, "24h", "SMS-06")),
    _MARKETING: (Limit(1, "day", "SMS-06"), Limit(4, "month", "SMS-06")),
}
"""Huawei Cloud's limits for notices; for marketing ours, well below what providers begin to block."""


def lanes(batch: int) -> tuple[Lane, ...]:
    """One for each kind of approved template. `dedupe_window` 0: an id of ours is only echoed, in reports."""
    reports = frozenset({"delivered"})
    return tuple(
        Lane(name, "phone", frozenset({purpose}), batch, receipts=reports, limits=_LIMITS[name])
        for name, purpose in ((_NOTICE, "service"), (_MARKETING, "marketing"))
    )


Numbered = tuple[int, Letter]
Group = Sequence[Numbered]


class _SmsChannel(ABC):
    """What both providers have in common. Safe for many threads."""

    kind = "sms"
    missed_after = MISSED_AFTER

    def __init__(self, name: str, options: SmsOptions, account: api.Api, now: clock.Clock | None) -> None:
        self.name = name
        self.lanes: Sequence[Lane] = lanes(options.batch)
        self._options = options
        self._api = account
        self._clock = now or clock.SystemClock()
        self._secret = options.keys()[1]
        self._foreign = False

    def send(self, messages: Sequence[Message]) -> Sequence[Outcome]:
        """As few requests as the provider's rules allow, at once; none begins once the time-out of one is over."""
        if not messages:
            return []
        ends = clock.monotonic() + self._options.timeout
        waiting, refused = self._planned(messages)
        outcomes: dict[int, Outcome] = dict(refused)
        while waiting:
            wave, waiting = waiting[:AT_ONCE], waiting[AT_ONCE:]
            if clock.monotonic() >= ends:
                outcomes |= {number: batches.NOT_TRIED for group in (*wave, *waiting) for number, _ in group}
                break
            waiting = self._post(wave, outcomes) + waiting
        return [outcomes[number] for number in range(len(messages))]

    def names(self, messages: Sequence[Message]) -> Sequence[str]:
        """Of those that share a request. What is refused whole and sent in halves is called otherwise in the end."""
        names = [""] * len(messages)
        for group in self._planned(messages)[0] if len(messages) > 1 else []:
            request = letters.batch_id([letter for _, letter in group])
            for number, letter in group if letters.is_batch(request) else []:
                names[number] = self._name(letter, request)
        return names

    def close(self) -> None:
        self._api.close()

    def _planned(self, messages: Sequence[Message]) -> tuple[list[Group], dict[int, Denied]]:
        """The requests that these messages become, and which of them never leave."""
        marketing = batches.lane_of(self.lanes, messages).name == _MARKETING
        refused: dict[int, Denied] = {}
        fit: list[Numbered] = []
        for number, message in enumerate(messages):
            letter = self._letter(message, marketing)
            if isinstance(letter, Denied):
                refused[number] = letter
            else:
                fit.append((number, letter))
        return _grouped(fit, self._same), refused

    @abstractmethod
    def _same(self, letter: Letter) -> object:
        """What the messages of one request have in common."""

    @abstractmethod
    def _call(self, groups: Sequence[Group]) -> Sequence[api.Answer | http.TransportError]:
        """One request a group, all at once."""

    @abstractmethod
    def _accepted(self, letters_: Sequence[Letter], request: str, answer: api.Answer) -> Sequence[Outcome]:
        """What an answer without an error says of each number."""

    @abstractmethod
    def _means(self, answer: api.Answer) -> reasons.Means:
        """What an error of the whole request means."""

    def _name(self, letter: Letter, request: str) -> str:
        """What reports will call it, "" where they know only the provider's id."""
        return letters.reference(request, letter.phone, self._secret)

    def _letter(self, message: Message, marketing: bool) -> Letter | Denied:
        read = letters.read(self._options, message, self._foreign)
        if marketing and isinstance(read, Letter) and read.template.kind is Purpose.NOTICE:
            return Denied(Reason.BAD_CONTENT, "SMS-08")  # the provider blocks the signature for it
        return read

    def _post(self, wave: Sequence[Group], outcomes: dict[int, Outcome]) -> list[Group]:
        """Adds what became of them; returns the halves of what was refused whole for one of its numbers."""
        again: list[Group] = []
        for group, answer in zip(wave, self._call(wave), strict=True):
            if isinstance(answer, api.Answer) and answer.code and len(group) > 1 and self._means(answer).each:
                half = len(group) // 2
                again += [group[:half], group[half:]]
                continue
            chosen = [letter for _, letter in group]
            for (number, _), outcome in zip(group, self._outcomes(chosen, answer), strict=True):
                outcomes[number] = outcome
        return again

    def _outcomes(self, chosen: Sequence[Letter], answer: api.Answer | http.TransportError) -> Sequence[Outcome]:
        request = letters.batch_id(chosen)
        whole: Outcome | None
        if isinstance(answer, http.TransportError):
            whole = answer.outcome()
        elif answer.code:
            whole = self._means(answer).outcome(answer.code, self._clock.now())
        else:
            whole = answer.refusal
        if whole is None and isinstance(answer, api.Answer):
            return self._accepted(chosen, request, answer)
        if isinstance(whole, Unknown):
            return [self._lost(letter, request, whole.code) for letter in chosen]
        return [whole or batches.NOT_TRIED] * len(chosen)

    def _lost(self, letter: Letter, request: str, code: str) -> Unknown:
        return Unknown(code, self._name(letter, request))


class AliyunSms(_SmsChannel):
    """Up to 100 messages of one template in a request, each with its own parameters."""

    def __init__(self, name: str, options: AliyunOptions, now: clock.Clock | None = None) -> None:
        super().__init__(name, options, api.Aliyun(options, now), now)
        self._own = options

    def search(self, sought: Sequence[Sought], now: int) -> Sequence[Sequence[Sighting]]:
        return searching.aliyun(self._api, self._own, sought, now)

    def check(self, now: int) -> Sequence[Finding]:
        return directory.check_aliyun(self._api, self._options)

    def quotas(self, now: int) -> Sequence[Quota]:
        """Alibaba Cloud tells what is left of its packages in the billing interface only, which needs other rights."""
        return ()

    def _same(self, letter: Letter) -> object:
        return letter.template.id

    def _call(self, groups: Sequence[Group]) -> Sequence[api.Answer | http.TransportError]:
        answers: dict[int, api.Answer | http.TransportError] = {}
        for action, wanted in (("SendSms", True), ("SendBatchSms", False)):
            places = [place for place, group in enumerate(groups) if (len(group) == 1) is wanted]
            if places:
                given = [self._given([letter for _, letter in groups[place]]) for place in places]
                answers |= dict(zip(places, self._api.call_all(action, given), strict=True))
        return [answers[place] for place in range(len(groups))]

    def _given(self, group: Sequence[Letter]) -> dict[str, str]:
        phones = [letter.phone.removeprefix("+86") for letter in group]
        given = {"TemplateCode": group[0].template.id, "OutId": letters.batch_id(group)}
        if len(group) == 1:
            params = _json(dict(group[0].values))
            return given | {"PhoneNumbers": phones[0], "SignName": self._options.sign_name, "TemplateParam": params}
        return given | {
            "PhoneNumberJson": _json(phones),
            "SignNameJson": _json([self._options.sign_name] * len(group)),
            "TemplateParamJson": _json([dict(letter.values) for letter in group]),
        }

    def _accepted(self, group: Sequence[Letter], request: str, answer: api.Answer) -> Sequence[Outcome]:
        """Reports name what we called the request; the provider's BizId helps where there was one message."""
        if len(group) == 1:
            return [Accepted(http.identity(answer.data, "BizId") or request)]
        return [Accepted(self._name(letter, request)) for letter in group]

    def _means(self, answer: api.Answer) -> reasons.Means:
        return reasons.aliyun(answer.code, answer.words)


class TencentSms(_SmsChannel):
    """Up to 200 numbers in a request, all with the same parameters; an answer for each number."""

    def __init__(self, name: str, options: TencentOptions, now: clock.Clock | None = None) -> None:
        super().__init__(name, options, api.Tencent(options, now), now)
        self._own = options
        self._foreign = options.foreign
        self.every = options.pull or 0

    def check(self, now: int) -> Sequence[Finding]:
        return directory.check_tencent(self._api, self._own)

    def quotas(self, now: int) -> Sequence[Quota]:
        return directory.packages(self._api, self._own)

    def pull(self, open_ids: Sequence[str], now: int) -> Sequence[Happening]:
        """Reports and replies since the last look, whatever is open: the provider hands each out once."""
        return pulling.tencent(self._api, self._own, now) if self.every else []

    def search(self, sought: Sequence[Sought], now: int) -> Sequence[Sequence[Sighting]]:
        return searching.tencent(self._api, self._own, sought, now)

    def _same(self, letter: Letter) -> object:
        return letter.template.id, tuple(letter.values.values()), letter.abroad

    def _call(self, groups: Sequence[Group]) -> Sequence[api.Answer | http.TransportError]:
        return self._api.call_all("SendSms", [self._given([letter for _, letter in group]) for group in groups])

    def _given(self, group: Sequence[Letter]) -> dict[str, Any]:
        return {
            "PhoneNumberSet": [letter.phone for letter in group],
            "SmsSdkAppId": self._own.app_id,
            "SignName": self._own.sign_name,
            "TemplateId": group[0].template.id,
            "TemplateParamSet": list(group[0].values.values()),
            "SessionContext": letters.batch_id(group),
        }

    def _accepted(self, group: Sequence[Letter], request: str, answer: api.Answer) -> Sequence[Outcome]:
        listed = answer.data.get("SendStatusSet")
        if not isinstance(listed, list) or len(listed) != len(group):
            return [self._lost(letter, request, "garbage") for letter in group]
        return [self._of_one(letter, request, one) for letter, one in zip(group, listed, strict=True)]

    def _of_one(self, letter: Letter, request: str, one: Any) -> Outcome:
        code = api.code_of(one) if isinstance(one, dict) else ""
        if not code or one.get("PhoneNumber", letter.phone) != letter.phone:
            return self._lost(letter, request, "garbage")
        if code == "Ok":
            batch = self._own.echo and letters.is_batch(request)
            return Accepted(self._name(letter, request) if batch else http.identity(one, "SerialNo"))
        outcome = reasons.tencent(code).outcome(code, self._clock.now())
        return self._lost(letter, request, code) if isinstance(outcome, Unknown) else outcome

    def _means(self, answer: api.Answer) -> reasons.Means:
        return reasons.tencent(answer.code)

    def _name(self, letter: Letter, request: str) -> str:
        return super()._name(letter, request) if self._own.echo else ""


def _grouped(fit: Group, same: Callable[[Letter], object]) -> list[Group]:
    """Messages with something in common, no phone twice: reports on a request tell them apart by the phone."""
    open_: dict[object, list[tuple[set[str], list[Numbered]]]] = {}
    for one in fit:
        tries = open_.setdefault(same(one[1]), [])
        for phones, group in tries:  # noqa: B007 - the pair that was broken at is used below
            if one[1].phone not in phones:
                break
        else:
            phones, group = set(), []
            tries.append((phones, group))
        phones.add(one[1].phone)
        group.append(one)
    return [group for tries in open_.values() for _, group in tries]


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
