"""WeCom's group robot: sizes in bytes, paces, refusals, and a key that never shows."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest

from automation.kernel.ports import Accepted, Denied, Message, Reason, Unknown
from automation.settings import channels
from bots import registry
from bots.sandbox import ledger, process
from bots.wecom_robot.channel import WecomRobotChannel
from bots.wecom_robot.options import PRETEND_KEY, WecomRobotOptions

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 64


def robot(sandbox: process.Sandbox, key: str = f"{PRETEND_KEY}-fast") -> WecomRobotChannel:
    options = WecomRobotOptions.model_validate({"sandbox": sandbox.url, "key": key})
    return WecomRobotChannel("group_main", options.model_copy(update={"timeout": 0.5}))


@pytest.fixture
def channel(sandbox: process.Sandbox) -> Iterator[WecomRobotChannel]:
    made = robot(sandbox)
    yield made
    made.close()


def write(**body: Any) -> Message:
    return Message(uuid4().hex, "robot", "", body)


def test_each_kind_of_message_reaches_the_group(channel: WecomRobotChannel, sandbox: process.Sandbox) -> None:
    article = {
        "title": "会员日",
        "url": "https://example.com",
        "description": "全场",
        "picture": "https://example.com/p",
    }
    sent = [
        write(text="今日待跟进 3 人"),
        write(markdown="**待跟进** 3 人"),
        write(news=[article] * 8),
        write(image=base64.b64encode(PNG).decode()),
    ]
    for message in sent:
        assert channel.send([message]) == [Accepted()]
    taken = {entry.key: entry.body.get("msgtype") for entry in ledger.entries(sandbox.ledger)}
    assert [taken[message.idem_key] for message in sent] == ["text", "markdown", "news", "image"]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "empty"),
        ({"text": " \n"}, "empty"),
        ({"text": "长" * 683}, "text_too_long"),  # 2,049 bytes, 683 characters
        ({"markdown": "长" * 1366}, "text_too_long"),  # 4,098 bytes
        ({"news": [{"title": "t", "url": "u"}] * 9}, "articles"),
        ({"news": [{"title": "t"}]}, "article"),
        ({"news": "x"}, "articles"),
        ({"image": "no base64"}, "image"),
        ({"image": base64.b64encode(b"GIF89a").decode()}, "image_not_jpg_or_png"),
        ({"image": base64.b64encode(PNG + b"\0" * (2 << 20)).decode()}, "image_too_large"),
    ],
)
def test_what_the_robot_would_refuse_is_not_sent(channel: WecomRobotChannel, body: dict[str, Any], code: str) -> None:
    assert channel.send([write(**body)]) == [Denied(Reason.BAD_CONTENT, code)]


@pytest.mark.parametrize("body", [{"text": "长" * 682 + "ab"}, {"markdown": "长" * 1365 + "a"}])
def test_exactly_the_bytes_allowed_are_taken_by_both_sides(channel: WecomRobotChannel, body: dict[str, Any]) -> None:
    assert channel.send([write(**body)]) == [Accepted()]


def test_the_twenty_first_message_of_a_minute_has_to_wait(sandbox: process.Sandbox) -> None:
    channel = robot(sandbox, PRETEND_KEY)
    outcomes = [channel.send([write(text="快")])[0] for _ in range(21)]
    assert outcomes[:20] == [Accepted()] * 20
    assert outcomes[20] == Denied(Reason.RATE_LIMITED, "45009", permanent=False, retry_after=60)
    channel.close()


def test_a_wrong_key_is_the_operators_to_mend_and_never_shows(sandbox: process.Sandbox) -> None:
    channel = robot(sandbox, "TOP-SECRET-KEY")
    outcome = channel.send([write(text="x")])[0]
    assert outcome == Denied(Reason.NOT_ALLOWED, "93000", permanent=False)
    assert "TOP-SECRET" not in repr(outcome)
    channel.close()


def test_nobody_knows_after_silence_and_nonsense(channel: WecomRobotChannel, fault: Callable[..., None]) -> None:
    for mode, code in (("accept_then_timeout", "timeout"), ("garbage", "garbage")):
        fault(mode, channel="wecom_robot", times=1)
        assert channel.send([write(text="x")]) == [Unknown(code)]


def test_a_robot_writes_twenty_a_minute_unless_config_says_otherwise() -> None:
    for kind in ("wecom_robot", "dingtalk_robot"):
        model = channels.joined(registry.KINDS[kind])
        given: dict[str, Any] = {"kind": kind, "sandbox": "http://127.0.0.1:8025"}
        assert model.model_validate(given).rate == pytest.approx(1 / 3)
        assert model.model_validate({**given, "rate": 0.1}).rate == 0.1
        assert model.model_validate({**given, "rate": "none"}).rate is None
