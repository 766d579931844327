"""Asks a provider what it knows of single messages: of which nobody heard an answer, or on which no report came.

Alibaba Cloud (QuerySendDetails) lists what was sent to a number on a day, with our own id and the template. Tencent
Cloud (PullSmsSendStatusByPhoneNumber) lists what carriers reported on a number in the last seven days; without our own
id, which it gives only to accounts with `echo`, the number and the time are all there is to go by: only what was
reported within minutes of the attempt may be it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from automation.kernel import errors
from automation.kernel.hooks import Receipt, Sighting, Sought
from automation.kernel.ports import Accepted
from bots import http
from bots.sms import letters, reports
from bots.sms.api import Answer, Api
from bots.sms.letters import Letter
from bots.sms.options import AliyunOptions, SmsOptions, TencentOptions

AT_ONCE = 10  # requests: both providers allow about twenty a second
PAGE = 50  # the most of QuerySendDetails; more than a number gets in a day
MOST = 100  # of PullSmsSendStatusByPhoneNumber
NEAR = 900  # seconds in which a text reaches a phone that is on: what comes later may be another system's
SLACK = 120  # seconds by which a provider's clock may differ from ours
KNOWN_FOR = 7 * 86_400 - 3600  # seconds for which Tencent answers
CHINA = timedelta(hours=8)
Read = Callable[[Sought, Letter, Mapping[str, Any]], Sighting | None]


def aliyun(account: Api, options: AliyunOptions, sought: Sequence[Sought], now: int) -> list[list[Sighting]]:
    """Raises ServiceAway where nothing could be asked."""
    found = _Found(options, sought, foreign=False)
    asked = [
        (place, {"PhoneNumber": letter.phone.removeprefix("+86"), "SendDate": day, "PageSize": PAGE, "CurrentPage": 1})
        for place, letter in found.letters.items()
        for day in _days(sought[place])
    ]
    secret = options.keys()[1]
    for place, answer in _ask(account, "QuerySendDetails", asked):
        listed = answer.data.get("SmsSendDetailDTOs")
        rows = listed.get("SmsSendDetailDTO") if isinstance(listed, Mapping) else None
        found.add(place, rows, lambda one, letter, row: _of_aliyun(one, letter, row, secret, now))
    return found.all


def tencent(account: Api, options: TencentOptions, sought: Sequence[Sought], now: int) -> list[list[Sighting]]:
    """Raises ServiceAway where nothing could be asked."""
    found = _Found(options, sought, options.foreign)
    asked = [
        (place, {
            "BeginTime": max(sought[place].since - SLACK, now - KNOWN_FOR), "EndTime": now, "Offset": 0, "Limit": MOST,
            "PhoneNumber": letter.phone, "SmsSdkAppId": options.app_id,
        })
        for place, letter in found.letters.items()
    ]  # fmt: skip
    for place, answer in _ask(account, "PullSmsSendStatusByPhoneNumber", asked):
        rows = answer.data.get("PullSmsSendStatusSet")
        found.add(place, rows, lambda one, letter, row: _of_tencent(one, letter, row, options, now))
    return found.all


class _Found:
    """What was found of each one sought. `letters`: those that can be asked about, by place."""

    def __init__(self, options: SmsOptions, sought: Sequence[Sought], foreign: bool) -> None:
        self._sought = sought
        self.all: list[list[Sighting]] = [[] for _ in sought]
        read = [letters.read(options, one.message, foreign) for one in sought]
        self.letters = {place: one for place, one in enumerate(read) if isinstance(one, Letter)}

    def add(self, place: int, rows: Any, read: Read) -> None:
        """Rows that cannot be read are none. Where one has our own key or name the others cannot be it."""
        one, letter = self._sought[place], self.letters[place]
        for row in rows if isinstance(rows, list) else []:
            try:
                sighting = read(one, letter, row)
            except (KeyError, TypeError, ValueError, OverflowError, AttributeError):
                continue
            if sighting is not None:
                self.all[place].append(sighting)
        sure = [seen for seen in self.all[place] if seen.accepted.provider_id in (letter.key, one.name)]
        self.all[place] = sure[:1] if sure or one.missed else self.all[place]


def _of_aliyun(one: Sought, letter: Letter, row: Mapping[str, Any], secret: str, now: int) -> Sighting | None:
    request, status = str(row.get("OutId") or ""), row["SendStatus"]
    ours = request == letter.key or letters.is_batch(request)
    if not ours or row.get("TemplateCode") != letter.template.id:
        return None
    name = letters.reference(request, letter.phone, secret)
    if not one.since - SLACK <= reports.moment(row["SendDate"], now) <= one.until + SLACK:
        return None
    at = reports.moment(row.get("ReceiveDate"), now)
    ended = {2: False, 3: True}.get(status)
    return Sighting(Accepted(name), None if ended is None else _report(name, ended, str(row.get("ErrCode") or ""), at))


def _of_tencent(
    one: Sought, letter: Letter, row: Mapping[str, Any], options: TencentOptions, now: int
) -> Sighting | None:
    if letters.e164(str(row["PhoneNumber"])) != letter.phone:
        return None
    request = str(row.get("SessionContext") or "") if options.echo else ""
    if request and request != letter.key and not letters.is_batch(request):
        return None
    name = letters.reference(request, letter.phone, options.keys()[1]) if request else str(row["SerialNo"])
    stated = reports.stated(row["UserReceiveTime"])
    if not name or stated is None or stated < one.since - SLACK:
        return None
    if name not in (letter.key, one.name) and stated > min(one.since + NEAR, now):
        return None
    at = min(stated, now)
    reached, code = row["ReportStatus"] == "SUCCESS", str(row.get("Description") or "")
    return Sighting(Accepted(name), _report(name, reached, code, at))


def _report(name: str, reached: bool, code: str, at: int) -> Receipt:
    return next(one for one in reports.report("", name, reached, code, at) if isinstance(one, Receipt))


def _days(one: Sought) -> list[str]:
    """The days in China on which it may have left, as the provider writes them."""
    first, last = (datetime.fromtimestamp(at, UTC) + CHINA for at in (one.since - SLACK, one.until + SLACK))
    count = min((last.date() - first.date()).days, 7)
    return [(first + timedelta(days=n)).strftime("%Y%m%d") for n in range(count + 1)]


def _ask(account: Api, action: str, asked: Sequence[tuple[int, Mapping[str, Any]]]) -> list[tuple[int, Answer]]:
    """The answers that came, some at once. ServiceAway where the last of them did not."""
    found: list[tuple[int, Answer]] = []
    for start in range(0, len(asked), AT_ONCE):
        some = asked[start : start + AT_ONCE]
        answers = account.call_all(action, [given for _, given in some])
        good = [
            (place, answer)
            for (place, _), answer in zip(some, answers, strict=True)
            if not isinstance(answer, http.TransportError) and not answer.code and answer.refusal is None
        ]
        if not good:
            code = next((one.code for one in answers if isinstance(one, Answer) and one.code), "no answer")
            raise errors.ServiceAway(f"{action} was refused: {code}")
        found += good
    return found
