"""Asking a provider after single messages: only what has the phone, the template and the time may be the one sought."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from automation.kernel import clock, errors
from automation.kernel.hooks import Sighting, Sought
from automation.kernel.ports import Accepted, Message, Unknown
from bots.sms import letters, searching
from bots.sms.api import Answer
from bots.sms.channel import AliyunSms, TencentSms
from tests.bots.sms.accounts import Control, message, phone

Aliyun = Callable[..., AliyunSms]
Tencent = Callable[..., TencentSms]
DAY = 86_400
SLACK = 120


@dataclass(frozen=True)
class Telling:
    """A provider that tells this one row, whatever it is asked."""

    row: Mapping[str, Any]

    def call_all(self, action: str, asked: Sequence[Mapping[str, Any]]) -> Sequence[Answer]:
        return [Answer(data={"PullSmsSendStatusSet": [self.row]}) for _ in asked]


def now() -> int:
    return clock.SystemClock().now()


def sought(one: Message, name: str = "", *, missed: bool = False, ago: int = 0) -> Sought:
    return Sought(one, now() - ago - 600, now() - ago, name, missed)


def names(found: Sequence[Sequence[Sighting]]) -> list[list[str]]:
    return [[one.accepted.provider_id for one in seen] for seen in found]


def test_alibaba_knows_a_single_message_by_our_key_as_soon_as_it_took_it(
    aliyun: Aliyun, fault: Callable[..., None]
) -> None:
    one, never = message(phone(), "k1"), message(phone(), "k2")
    fault("accept_then_reset", times=1)
    assert isinstance(aliyun(timeout="1s").send([one])[0], Unknown)
    assert aliyun().search([sought(one), sought(never)], now()) == [[Sighting(Accepted("k1"))], []]


def test_a_half_of_a_batch_is_found_under_the_name_its_reports_will_have(
    aliyun: Aliyun, aliyun_control: Control
) -> None:
    """A sender that was killed in the midst of halving knew only what the whole would have been called."""
    bad, *rest = [message(phone(), f"h{n}") for n in range(4)]
    aliyun_control("_settings", refuse={bad.address: "isv.MOBILE_NUMBER_ILLEGAL"})
    channel = aliyun()
    whole = channel.names([bad, *rest])
    outcomes = channel.send([bad, *rest])
    accepted = [one.provider_id for one in outcomes if isinstance(one, Accepted)]
    found = channel.search([sought(one, name) for one, name in zip([bad, *rest], whole, strict=True)], now())
    assert [len(one) for one in found] == [0, 1, 1, 1]
    assert [one for (one,) in names(found)[2:]] == accepted[1:]
    assert not set(accepted) & set(whole)


def test_another_template_or_time_or_a_strangers_message_is_not_the_one(
    aliyun: Aliyun, aliyun_control: Control
) -> None:
    to = phone()
    channel = aliyun()
    channel.send([message(to, "a1")])
    assert names(channel.search([sought(message(to, "a2"))], now())) == [[]], "it has the key of another message"
    batch = [message(to, "b1"), message(phone(), "b2")]
    channel.send(batch)
    assert names(channel.search([sought(batch[0])], now())) == [[letters.reference(
        letters.batch_id([_letter(channel, one) for one in batch]), to, channel._secret)]]  # fmt: skip
    assert names(channel.search([sought(message(to, "b1", template="other"))], now())) == [[]]
    assert names(channel.search([sought(batch[0], ago=DAY)], now())) == [[]]


def test_a_report_that_never_came_is_asked_for(aliyun: Aliyun, aliyun_control: Control) -> None:
    good, dead, waits = (message(phone(), f"m{n}") for n in range(3))
    channel = aliyun()
    heard = [one.provider_id for one in channel.send([good, dead, waits]) if isinstance(one, Accepted)]
    aliyun_control("_act", do="report", phones=[good.address], to="lost")
    aliyun_control("_act", do="report", phones=[dead.address], to="lost", success=False, code="MOBILE_NOT_EXIST")
    asked = [sought(one, name, missed=True) for one, name in zip((good, dead, waits), heard, strict=True)]
    ended = [seen[0].report for seen in channel.search(asked, now() + 60)]
    assert [(one.provider_id, one.kind, one.dead) if one else None for one in ended] == [
        (heard[0], "delivered", False), (heard[1], "failed", True), None,
    ]  # fmt: skip


@pytest.mark.parametrize("echo", [True, False])
def test_tencent_knows_what_carriers_reported_on_a_number(
    tencent: Tencent, tencent_control: Control, fault: Callable[..., None], echo: bool
) -> None:
    one, other = message(phone(), "t1"), message(phone(), "t2")
    channel = tencent(timeout="1s", echo=echo)
    fault("accept_then_reset", times=1)
    assert isinstance(channel.send([one])[0], Unknown)
    assert names(channel.search([sought(one)], now())) == [[]], "nothing was reported yet"
    tencent_control("_act", do="report", phones=[one.address], to="lost")
    (seen,), nothing = channel.search([sought(one), sought(other)], now() + 60)
    assert (seen.accepted.provider_id == "t1") is echo
    assert seen.report is not None and (seen.report.kind, seen.report.provider_id) == (
        "delivered", seen.accepted.provider_id,
    )  # fmt: skip
    assert nothing == []
    assert names(channel.search([sought(one, ago=-DAY)], now() + 2 * DAY)) == [[]], "it was reported before that left"


@pytest.mark.parametrize(
    ("after", "told"),
    [(-DAY, 0), (-130, 0), (-110, 1), (0, 1), (890, 1), (910, 0), (3 * DAY, 0), (6 * DAY - 1, 0), (7 * DAY, 0),
     (10**9, 0), (10**30, 0), (None, 0), ("", 0), (True, 0), (0.5, 0), ("soon", 0)],
)  # fmt: skip
def test_without_a_name_of_ours_only_what_arrived_within_minutes_of_the_attempt_may_be_it(
    tencent: Tencent, after: object, told: int
) -> None:
    """The shop's other systems send to the same number: a login code of three days later is not the one in doubt."""
    one, since = message(phone(), "w1"), now() - 6 * DAY
    stamp = since + after if isinstance(after, int) and not isinstance(after, bool) else after
    row = {"PhoneNumber": letters.e164(one.address), "UserReceiveTime": stamp, "ReportStatus": "SUCCESS",
           "SerialNo": "s1", "Description": "DELIVRD", "SessionContext": ""}  # fmt: skip
    doubt = Sought(one, since, now() - DAY)
    for options in (tencent()._options, tencent(echo=True)._options):
        assert len(_told(Telling(row), options, [doubt], now())[0]) == told
    ours = row | {"SessionContext": "w1"}
    late = isinstance(after, int) and not isinstance(after, bool) and after > -SLACK
    for seen in _told(Telling(ours), tencent(echo=True)._options, [doubt], now()):
        assert len(seen) == late, "our own name says whose it is, however late a phone was switched on"
        assert all(each.report is not None and each.report.at <= now() for each in seen)


def test_of_an_attempt_of_now_nothing_from_the_future_is_it(tencent: Tencent) -> None:
    one = message(phone(), "w2")
    row = {"PhoneNumber": letters.e164(one.address), "UserReceiveTime": now() + 300, "ReportStatus": "SUCCESS",
           "SerialNo": "s1", "Description": "DELIVRD"}  # fmt: skip
    asked = [sought(one)]
    assert _told(Telling(row), tencent()._options, asked, now()) == [[]]
    (seen,) = names(_told(Telling(row), tencent()._options, [Sought(one, now(), now())], now() + 301))
    assert seen == ["s1"], "once its time has come"


def test_two_messages_to_one_number_are_both_told_where_nothing_tells_them_apart(
    tencent: Tencent, tencent_control: Control
) -> None:
    to = phone()
    channel = tencent()
    heard = [one.provider_id for key in ("u1", "u2") for one in channel.send([message(to, key)])
             if isinstance(one, Accepted)]  # fmt: skip
    tencent_control("_act", do="report", phones=[to], to="lost")
    (found,) = names(channel.search([sought(message(to, "u3"))], now() + 60))
    assert sorted(found) == sorted(heard), "which of them is known otherwise is the engine's to say"
    assert names(channel.search([sought(message(to, "u1"), heard[0], missed=True)], now() + 60)) == [[heard[0]]]


def test_a_provider_that_cannot_be_asked_says_so(aliyun: Aliyun, tencent: Tencent, fault: Callable[..., None]) -> None:
    fault("5xx")
    for channel in (aliyun(), tencent()):
        with pytest.raises(errors.ServiceAway):
            channel.search([sought(message(phone()))], now())
        assert channel.search([], now()) == []
        assert channel.search([sought(message("not a number"))], now()) == [[]]


def _told(provider: Any, options: Any, asked: Sequence[Sought], at: int) -> list[list[Sighting]]:
    return searching.tencent(provider, options, asked, at)


def _letter(channel: AliyunSms, one: Message) -> letters.Letter:
    found = letters.read(channel._options, one, False)
    assert isinstance(found, letters.Letter)
    return found
