"""What every channel promises the engine, asked of each one against real servers on the loopback address."""

from __future__ import annotations

import itertools
import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import uuid4

import pytest

from automation.journey import built_in
from automation.kernel.ports import Accepted, Channel, Denied, Lane, Message, Outcome, Reason, Unknown
from bots import http, registry
from bots.sandbox import ledger, process
from bots.sandbox.options import Plays, SandboxOptions, lanes
from bots.sandbox.platforms import robots
from tests import ports
from tests.bots.memory import MemoryCache

SECRETS = ("1380000", "openid-of-li", "li@example.com", "TOP-SECRET-WORDS", "s3cret")
NUMBERS = itertools.count(1)
# A number makes each message's address its own, where providers that are told no key tell messages apart by it.
ADDRESSES = {"phone": "+86138{:08d}", "openid": "openid-of-li-{}", "email": "li@example.com",
             "wecom_id": "wm-of-li-{}", "wecom_user": "staff-{}", "": ""}  # fmt: skip
BODIES: dict[str, dict[str, Any]] = {
    "wechat_main template": {"template": {"key": "birthday", "data": {"thing1": "TOP-SECRET-WORDS"}}},
    "wechat_main subscribe": {"subscribe": {"key": "birthday", "data": {"thing1": "TOP-SECRET-WORDS"}}},
    "wechat_main mass": {"mass": {"text": "TOP-SECRET-WORDS 生日快乐"}},
}
MOST = 200  # messages of a batch here, whatever more a lane takes


@dataclass(frozen=True)
class Kind:
    """A channel under test: how it is configured, and how the sandbox's faults are addressed to it."""

    name: str
    kind: str
    options: dict[str, Any]
    side: str  # of the sandbox
    at: str = "url"  # the option that says where it is
    stage: tuple[str, dict[str, Any]] | None = None  # what the sandbox is told before: path, order
    alone: bool = False  # each message is an HTTP request
    settles: bool = False  # it looks among the provider's tasks for what an answer was lost to
    unnamed: frozenset[str] = frozenset()  # lanes whose provider gives a message no id of its own

    @property
    def a_request(self) -> int | None:
        """Messages that one fault befalls; None: a whole batch."""
        return 1 if self.alone else None

    def is_honest(self, outcome: Outcome) -> bool:
        """Of a message that was taken and whose answer was lost."""
        return isinstance(outcome, Unknown) or (self.settles and isinstance(outcome, Accepted) and outcome.awaiting)

    def where(self, port: int) -> dict[str, Any]:
        return {"port": port} if self.side == "smtp" else {self.at: f"http://127.0.0.1:{port}"}

    def build(self, server: process.Sandbox, **more: Any) -> Channel:
        where = self.where(server.smtp_port if self.side == "smtp" else int(server.url.rpartition(":")[2]))
        times = {name: value for name, value in self.options.items() if name.endswith("timeout")}
        given = {name: value for name, value in {**where, **self.options, **more}.items() if name not in times}
        # time limits shorter than a file may set
        options = registry.KINDS[self.kind].model_validate(given).model_copy(update=times)
        if self.stage is not None:
            assert http.Client(timeout=5).post_json(server.url + self.stage[0], self.stage[1]).status == 200
        return registry.build(self.name, self.kind, options, MemoryCache())


MAIL = {
    "host": "127.0.0.1",
    "tls": "none",
    "from_address": "shop@example.com",
    "timeout": 3,
    "data_timeout": 0.5,
}
SANDBOX = {"timeout": 0.5, "batch": 10}
WECHAT = {"templates": {"birthday": {"id": "TPL-1"}}, "subscriptions": {"birthday": {"id": "SUB-1"}}}
KINDS = [
    Kind("mail", "mail", MAIL, "smtp"),
    *(
        Kind(f"{plays}_{keyed}", "sandbox", {**SANDBOX, "plays": plays, "keyed": keyed}, "http")
        for plays, keyed in (("wechat", True), ("sms", False), ("wecom", True), ("email", False))
    ),
    *(Kind(kind, kind, {"timeout": 0.5}, "http", at="sandbox") for kind in ("aliyun_sms", "tencent_sms")),
    Kind(
        "wechat_main", "wechat", {**WECHAT, "timeout": 1}, "http", at="sandbox", alone=True,
        stage=("/wechat/_account", {"everybody": True, "mass_a_month": 100}),
        unnamed=frozenset({"customer_service", "subscribe", "mass"}),
    ),
    Kind("wecom_main", "wecom", {"timeout": 1}, "http", at="sandbox", settles=True),
    Kind(
        "group_main", "wecom_robot", {"timeout": 0.5, "key": f"{robots.WECOM_KEY}-fast"}, "http", at="sandbox",
        unnamed=frozenset({"robot"}),
    ),
    Kind(
        "ding_main", "dingtalk_robot",
        {"timeout": 0.5, "token": f"{robots.DINGTALK_TOKEN}-fast", "secret": robots.DINGTALK_SECRET},
        "http", at="sandbox", unnamed=frozenset({"robot"}),
    ),
]  # fmt: skip
Fault = Callable[..., None]


@pytest.fixture(params=KINDS, ids=lambda kind: kind.name)
def kind(request: pytest.FixtureRequest) -> Kind:
    chosen: Kind = request.param
    return chosen


@pytest.fixture
def channel(kind: Kind, sandbox: process.Sandbox) -> Iterator[Channel]:
    made = kind.build(sandbox)
    yield made
    made.close()


def messages(channel: Channel, count: int | None = None, lane: Lane | None = None) -> list[Message]:
    """A full batch, or `count`, of new messages of one lane."""
    chosen = lane or channel.lanes[0]
    body = {
        "subject": "TOP-SECRET-WORDS",
        "text": "TOP-SECRET-WORDS 生日快乐",
        "html": "<p>生日快乐</p>",
        "template": "birthday",
        "params": {"name": "TOP-SECRET-WORDS"},
    }
    body = BODIES.get(f"{channel.name} {chosen.name}", body)
    return [
        Message(uuid4().hex, chosen.name, ADDRESSES[chosen.address].format(next(NUMBERS)), body)
        for _ in range(min(chosen.batch, MOST) if count is None else count)
    ]


def only(outcomes: Sequence[Outcome]) -> Outcome:
    """The one outcome all messages of a failed request share."""
    assert len(set(outcomes)) == 1
    return outcomes[0]


def delivered(server: process.Sandbox, sent: Sequence[Message]) -> list[str]:
    """Keys of what reached somebody. Who is told no key knows the address, where it is each message's own."""
    return [key for entry in ledger.deliveries(server.ledger) if (key := _key(entry, sent))]


def _key(entry: ledger.Entry, sent: Sequence[Message]) -> str:
    keys = {message.idem_key for message in sent}
    own = {message.address: message.idem_key for message in sent if message.address.startswith(("+", "openid-of-li-"))}
    return entry.key if entry.key in keys else own.get(entry.address, "")


def test_every_kind_of_channel_is_under_this_contract() -> None:
    assert {kind.kind for kind in KINDS} == set(registry.KINDS)


def test_a_channel_names_itself_its_kind_and_its_lanes(kind: Kind, channel: Channel) -> None:
    assert channel.name == kind.name
    assert channel.kind in {"wechat", "wecom", "sms", "email", "wecom_robot", "dingtalk_robot"}
    assert channel.lanes
    for lane in channel.lanes:
        assert lane.purposes <= {"marketing", "service"}
        assert lane.purposes
        assert lane.batch >= 1
        assert lane.address in ADDRESSES


def test_outcomes_are_as_many_as_messages_and_in_their_order(
    kind: Kind, channel: Channel, sandbox: process.Sandbox
) -> None:
    for lane in channel.lanes:
        sent = messages(channel, lane=lane)
        outcomes = channel.send(sent)
        assert len(outcomes) == len(sent)
        assert all(isinstance(outcome, Accepted) for outcome in outcomes)
        arrived, keys = delivered(sandbox, sent), [message.idem_key for message in sent]
        assert (sorted(arrived) == sorted(keys)) if kind.alone else arrived == keys
        if lane.name not in kind.unnamed:
            assert len({outcome.provider_id for outcome in outcomes if isinstance(outcome, Accepted)} - {""}) == len(
                sent
            )


def test_an_empty_batch_sends_nothing(channel: Channel) -> None:
    assert list(channel.send([])) == []


def test_what_is_no_batch_of_one_lane_is_a_programming_error(channel: Channel) -> None:
    one = messages(channel, 1)[0]
    for wrong in (
        [replace(one, lane="no_such_lane")],
        [replace(one, idem_key="")],
        [replace(one, idem_key="x" * 33)],
        [replace(one, idem_key="A/B\r\n")],
        messages(channel, channel.lanes[0].batch + 1),
    ):
        with pytest.raises(ValueError) as caught:
            channel.send(wrong)
        assert not any(secret in str(caught.value) for secret in SECRETS)


def test_nobody_listening_may_be_tried_again(kind: Kind, sandbox: process.Sandbox) -> None:
    channel = kind.build(sandbox, **kind.where(ports.refusing()))
    assert only(channel.send(messages(channel))) == Denied(Reason.UNAVAILABLE, "refused", permanent=False)
    channel.close()


def test_silence_after_the_message_was_taken_is_unknown(
    kind: Kind, channel: Channel, sandbox: process.Sandbox, fault: Fault
) -> None:
    fault("accept_then_timeout", on=kind.side, times=1)
    sent = messages(channel, kind.a_request)
    assert all(kind.is_honest(outcome) for outcome in channel.send(sent))
    assert len(delivered(sandbox, sent)) == len(sent)


@pytest.mark.parametrize("kept", [False, True], ids=["first request", "kept connection"])
def test_a_connection_lost_after_the_message_was_taken_is_unknown_and_not_repeated(
    kind: Kind, channel: Channel, sandbox: process.Sandbox, fault: Fault, kept: bool
) -> None:
    if kept:
        channel.send(messages(channel, kind.a_request))
    fault("accept_then_reset", on=kind.side, times=1)
    sent = messages(channel, kind.a_request)
    assert all(kind.is_honest(outcome) for outcome in channel.send(sent))
    taken = [entry for entry in ledger.entries(sandbox.ledger) if _key(entry, sent)]
    assert len(taken) == len(sent)
    assert all(isinstance(outcome, Accepted) for outcome in channel.send(messages(channel)))


def test_a_connection_lost_before_anything_was_taken_never_counts_as_sent(
    kind: Kind, channel: Channel, sandbox: process.Sandbox, fault: Fault
) -> None:
    fault("reset", on=kind.side, times=1)
    sent = messages(channel, kind.a_request)
    outcome = only(channel.send(sent))
    assert isinstance(outcome, Unknown) or (isinstance(outcome, Denied) and not outcome.permanent)
    assert delivered(sandbox, sent) == []


def test_eight_threads_may_send_at_once(channel: Channel, sandbox: process.Sandbox) -> None:
    sent: list[Message] = []
    wrong: list[Outcome] = []

    def work() -> None:
        for _ in range(4):
            batch = messages(channel, min(20, channel.lanes[0].batch))
            sent.extend(batch)
            wrong.extend(outcome for outcome in channel.send(batch) if not isinstance(outcome, Accepted))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert sorted(delivered(sandbox, sent)) == sorted(message.idem_key for message in sent)


def test_nothing_personal_shows_in_outcomes_or_logs(
    kind: Kind, channel: Channel, fault: Fault, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    shown = []
    for mode in ("ok", "accept_then_reset", "reset", *(("429", "garbage") if kind.side == "http" else ("550", "554"))):
        fault(mode, on=kind.side, times=1)
        shown += [repr(outcome) for outcome in channel.send(messages(channel))]
    text = "".join(shown) + caplog.text + "".join(capfd.readouterr())
    assert not any(secret in text for secret in SECRETS)


def test_a_repeated_key_is_delivered_once_where_the_lane_has_a_window(
    channel: Channel, sandbox: process.Sandbox
) -> None:
    sent = messages(channel)
    first, second = channel.send(sent), channel.send(sent)
    if channel.lanes[0].dedupe_window:
        assert first == second
        assert len(delivered(sandbox, sent)) == len(sent)
    else:
        assert len(delivered(sandbox, sent)) == 2 * len(sent)


def test_a_channel_may_be_closed_twice(channel: Channel) -> None:
    channel.send(messages(channel))
    channel.close()
    channel.close()


HTTP_REFUSALS = [
    ({"mode": "429", "retry_after": 7}, Denied(Reason.RATE_LIMITED, "http_429", permanent=False, retry_after=7)),
    ({"mode": "5xx"}, Denied(Reason.UNAVAILABLE, "http_503", permanent=False)),
    ({"mode": "5xx", "status": 500}, Unknown("http_500")),
    ({"mode": "garbage"}, Unknown("garbage")),
    ({"mode": "hang"}, Unknown("timeout")),
]
SMTP_REFUSALS = [
    ({"mode": "421", "times": 2}, Denied(Reason.UNAVAILABLE, "421 4.3.2", permanent=False)),
    ({"mode": "450"}, Denied(Reason.UNAVAILABLE, "450 4.2.0", permanent=False)),
    ({"mode": "550"}, Denied(Reason.BAD_ADDRESS, "550 5.1.1")),
    ({"mode": "554"}, Denied(Reason.BAD_CONTENT, "554 5.6.0")),
    ({"mode": "reset_after_data"}, Unknown("no_answer_after_data")),
]


def test_each_refusal_is_told_in_the_common_words(kind: Kind, channel: Channel, fault: Fault) -> None:
    for order, outcome in HTTP_REFUSALS if kind.side == "http" else SMTP_REFUSALS:
        fault(**{"on": kind.side, "times": 1, **order})
        outcomes = channel.send(messages(channel, kind.a_request))
        if order["mode"] == "garbage" and kind.settles:
            assert all(kind.is_honest(one) for one in outcomes)
        else:
            assert only(outcomes) == outcome
        fault("ok", on=kind.side)
        assert isinstance(channel.send(messages(channel))[0], Accepted)


@pytest.mark.parametrize(
    ("word", "permanent"),
    [("bad_address", True), ("not_reachable", True), ("bad_content", True), ("quota", False), ("not_allowed", False)],
)
def test_a_batch_may_be_refused_in_part(sandbox: process.Sandbox, fault: Fault, word: str, permanent: bool) -> None:
    channel = KINDS[1].build(sandbox)
    fault("partial", every=3, error=word, times=1)
    sent = messages(channel)
    outcomes = channel.send(sent)
    for number, outcome in enumerate(outcomes, start=1):
        if number % 3:
            assert isinstance(outcome, Accepted)
        else:
            assert outcome == Denied(Reason(word), word, permanent)
    assert delivered(sandbox, sent) == [message.idem_key for n, message in enumerate(sent, start=1) if n % 3]
    channel.close()


def test_every_lane_sends_to_a_kind_of_identity_that_people_have_or_to_the_channel_itself(channel: Channel) -> None:
    assert {lane.address for lane in channel.lanes} <= {*built_in.IDENTITIES, ""}


@pytest.mark.parametrize("plays", Plays)
def test_a_lane_sends_to_a_kind_of_identity_that_people_have(plays: Plays) -> None:
    assert {lane.address for lane in lanes(SandboxOptions(plays=plays))} <= set(built_in.IDENTITIES)


def test_one_message_too_large_does_not_stop_the_others(sandbox: process.Sandbox) -> None:
    channel = KINDS[1].build(sandbox)
    sent = messages(channel, 3)
    sent[1] = replace(sent[1], body={"text": "长" * 100_000})
    outcomes = channel.send(sent)
    assert outcomes[1] == Denied(Reason.BAD_CONTENT, "too_large")
    assert [type(outcome) for outcome in outcomes] == [Accepted, Denied, Accepted]
    assert delivered(sandbox, sent) == [sent[0].idem_key, sent[2].idem_key]
    channel.close()
