"""DingTalk's group robot: signed anew each time, with or without a keyword, and every refusal in the common words."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest

from automation.kernel import clock
from automation.kernel.ports import Accepted, Denied, Message, Reason, Unknown
from bots.dingtalk_robot import reasons
from bots.dingtalk_robot.channel import DingtalkRobotChannel
from bots.dingtalk_robot.options import PRETEND_SECRET, PRETEND_TOKEN, DingtalkRobotOptions
from bots.sandbox import ledger, process

FAST = f"{PRETEND_TOKEN}-fast"


def robot(sandbox: process.Sandbox, now: clock.Clock | None = None, **options: Any) -> DingtalkRobotChannel:
    given = {"sandbox": sandbox.url, "token": FAST, "secret": PRETEND_SECRET, **options}
    chosen = DingtalkRobotOptions.model_validate(given).model_copy(update={"timeout": 0.5})
    return DingtalkRobotChannel("ding_main", chosen, now)


@pytest.fixture
def channel(sandbox: process.Sandbox) -> Iterator[DingtalkRobotChannel]:
    made = robot(sandbox)
    yield made
    made.close()


def write(**body: Any) -> Message:
    return Message(uuid4().hex, "robot", "", body)


def test_each_kind_of_message_reaches_the_group(channel: DingtalkRobotChannel, sandbox: process.Sandbox) -> None:
    article = {"title": "会员日", "url": "https://example.com", "picture": "https://example.com/p"}
    bodies: list[dict[str, Any]] = [
        {"text": "待跟进 3 人"},
        {"markdown": "## 待跟进\n3 人"},
        {"news": [article]},
        {"news": [article, article]},
    ]
    sent = [write(**body) for body in bodies]
    for message in sent:
        assert channel.send([message]) == [Accepted()]
    taken = {entry.key: entry.body.get("msgtype") for entry in ledger.entries(sandbox.ledger)}
    assert [taken[message.idem_key] for message in sent] == ["text", "markdown", "link", "feedCard"]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "empty"),
        ({"text": "  "}, "empty"),
        ({"image": "aGk="}, "image"),
        ({"text": "长" * 6667}, "too_long"),  # 20,001 bytes, 6,667 characters
        ({"news": [{"title": "t"}]}, "article"),
        ({"news": [{"title": "t", "url": "u"}] * 2}, "no_picture"),
    ],
)
def test_what_the_robot_would_refuse_is_not_sent(
    channel: DingtalkRobotChannel, body: dict[str, Any], code: str
) -> None:
    assert channel.send([write(**body)]) == [Denied(Reason.BAD_CONTENT, code)]


@pytest.mark.parametrize(
    "options", [{"secret": "TOP-SECRET-other"}, {"now": clock.FixedClock(1_000_000_000)}], ids=["secret", "clock"]
)
def test_a_wrong_signature_or_clock_is_the_operators_to_mend(sandbox: process.Sandbox, options: dict[str, Any]) -> None:
    channel = robot(sandbox, **options)
    outcome = channel.send([write(text="旅程 待跟进")])[0]
    assert outcome == Denied(Reason.NOT_ALLOWED, "310000", permanent=False)
    assert "TOP-SECRET" not in repr(outcome)
    channel.close()


def test_a_robot_with_a_keyword_signs_nothing_and_texts_must_hold_it(sandbox: process.Sandbox) -> None:
    channel = robot(sandbox, secret=None, keyword="旅程")
    assert channel.send([write(text="旅程 待跟进 3 人")]) == [Accepted()]
    assert channel.send([write(text="待跟进 3 人")]) == [Denied(Reason.BAD_CONTENT, "no_keyword")]
    channel.close()
    wrong = robot(sandbox, secret=None, keyword="待跟进")  # not the one set at DingTalk
    assert wrong.send([write(text="待跟进 3 人")]) == [Denied(Reason.BAD_CONTENT, "310000")]
    wrong.close()


def test_no_robot_has_the_token(sandbox: process.Sandbox) -> None:
    channel = robot(sandbox, token="TOP-SECRET-TOKEN")
    assert channel.send([write(text="x")]) == [Denied(Reason.NOT_ALLOWED, "300001", permanent=False)]
    channel.close()


def test_the_twenty_first_message_of_a_minute_waits_ten_minutes(sandbox: process.Sandbox) -> None:
    channel = robot(sandbox, token=PRETEND_TOKEN)
    outcomes = [channel.send([write(text="快")])[0] for _ in range(21)]
    assert outcomes[:20] == [Accepted()] * 20
    assert outcomes[20] == Denied(Reason.RATE_LIMITED, "130101", permanent=False, retry_after=600)
    channel.close()


def test_nobody_knows_after_silence_and_nonsense(channel: DingtalkRobotChannel, fault: Callable[..., None]) -> None:
    for mode, code in (("accept_then_timeout", "timeout"), ("garbage", "garbage")):
        fault(mode, channel="dingtalk_robot", times=1)
        assert channel.send([write(text="x")]) == [Unknown(code)]


def test_the_three_meanings_of_310000_are_told_apart() -> None:
    assert reasons.denied(310000, "keywords not in content, more: [...]").reason is Reason.BAD_CONTENT
    assert reasons.denied(310000, "sign not match").reason is Reason.NOT_ALLOWED
    assert reasons.denied(310000, "ip 203.0.113.1 not in whitelist") == Denied(
        Reason.NOT_ALLOWED, "310000", permanent=False
    )
    assert reasons.denied(999, "").reason is Reason.BAD_CONTENT
