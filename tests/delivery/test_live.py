"""The pipeline of threads against the real sandbox server: everything leaves once, faults and stops included."""

from __future__ import annotations

import base64
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from automation.engine.delivery.facade import Delivery
from automation.engine.delivery.spool import NoSpool
from automation.kernel import clock, errors
from automation.kernel.ports import Accepted, Lane, Message, Outcome
from automation.people import keyring
from automation.people.sealing import Vault
from automation.rendering.renderer import LocalRenderer, Stream
from automation.rendering.texts import Texts
from bots import http
from bots import registry as bots
from bots.sandbox import ledger, process
from tests.delivery.house import BOTH, House

NOON = "2026-03-02 12:00"
WECHAT, SMS = "{send: hello, via: [wechat], expires: 3d}", "{send: hello, via: [sms], expires: 3d}"


class Running(clock.FixedClock):
    """Starts at noon and runs a hundred times as fast as the machine's."""

    def __init__(self, now: int) -> None:
        super().__init__(now)
        self._began = clock.monotonic()

    def now(self) -> int:
        return super().now() + int((clock.monotonic() - self._began) * 100)


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[process.Sandbox]:
    with process.start(tmp_path_factory.mktemp("live") / "ledger.jsonl") as running:
        yield running


def fault(sandbox: process.Sandbox, **order: object) -> None:
    client = http.Client(timeout=5)
    assert client.post_json(f"{sandbox.url}/faults", order).status == 200
    client.close()


def real(house: House) -> Delivery:
    """A delivery whose channels are those of the settings, talking to the sandbox."""
    known = house.parts.settings.channels
    channels = {name: bots.build(name, one.kind, one) for name, one in known.items()}
    renderer = LocalRenderer(house.parts.project.texts, zone="Asia/Shanghai", lunar=str)
    return Delivery(house.parts, channels, house.key, renderer, Running(house.ts(NOON)))


@contextmanager
def delivering(delivery: Delivery, now: int = 0) -> Iterator[None]:
    if now:
        delivery.clock.set(now)  # type: ignore[attr-defined]
    stop = threading.Event()
    work = threading.Thread(target=delivery.run, args=(stop, True))
    work.start()
    try:
        yield
    finally:
        stop.set()
        work.join(60)
        delivery.close()
        for channel in delivery.channels.values():
            channel.close()
        assert not work.is_alive()


def wait_for(house: House, state: int, count: int, or_state: int = -1, seconds: float = 60) -> None:
    end = clock.monotonic() + seconds
    sql = "SELECT count(*) FROM message WHERE state IN (:s, :o)"
    while house.store.value(sql, s=state, o=or_state) < count:
        assert clock.monotonic() < end, house.states()
        threading.Event().wait(0.02)


def delivered(sandbox: process.Sandbox, house: House) -> Counter[str]:
    """Address -> how often it got a message of this test's people."""
    ours = {row[0] for row in house.store.rows("SELECT idem_key FROM attempt")}
    return Counter(entry.address for entry in ledger.deliveries(sandbox.ledger) if entry.key in ours)


@pytest.fixture
def at(house: House, sandbox: process.Sandbox) -> House:
    house.config = house.config.replace("http://127.0.0.1:8025", sandbox.url)
    fault(sandbox, mode="ok")
    # The server remembers keys from test to test, so every test has a secret of its own.
    house.key = keyring.read(f"1:{base64.b64encode(next(_secrets).to_bytes(32)).decode()}", "the test")
    house.vault = Vault(house.key)
    return house


_secrets = iter(range(1, 1000))


class Silent:
    """A provider that takes a request and answers only when it is told to."""

    def __init__(self) -> None:
        self.answers, self.asked = threading.Event(), threading.Event()

    def __call__(self, message: Message) -> Outcome:
        self.asked.set()
        self.answers.wait(60)
        return Accepted("late")


def leftovers(house: House, people: int) -> None:
    """What a process leaves behind that is killed while a keyed provider is asked."""
    house.config = house.config.replace("in_flight: 16, connections: 2", "in_flight: 16, connections: 1")
    house.config = house.config.replace("drain: 5s", "drain: 1s")
    house.wechat.lanes = [Lane("talk", "openid", BOTH, 1, 600)]
    house.send_one(NOON, WECHAT, people=people)
    _, prepared = house.made(spool=NoSpool()).prepare(house.ts(NOON))
    with house.store.write() as tx:
        assert len(house.delivery.dispatcher.commit(tx, prepared, house.ts(NOON))) == people


def test_what_was_interrupted_by_a_silent_provider_holds_up_neither_other_channels_nor_the_end(house: House) -> None:
    leftovers(house, 3)
    house.send_one(NOON, SMS, people=3)
    house.wechat.answer = silent = Silent()
    house.delivery.clock.set(house.ts(NOON) + 1)  # type: ignore[attr-defined]
    stop = threading.Event()
    work = threading.Thread(target=house.delivery.run, args=(stop, True), daemon=True)
    work.start()
    try:
        wait_for(house, 3, 3, seconds=20)
        assert silent.asked.wait(20)
        stop.set()
        work.join(20)
        assert not work.is_alive()
    finally:
        stop.set()
        house.delivery.close()
        silent.answers.set()
    assert Counter(state for state, _ in house.states()) == {"SENT": 3, "DISPATCHING": 3}, "none is in doubt"
    house.wechat.answer = lambda _: Accepted("again")
    with delivering(house.made(), house.ts(NOON) + 2):
        wait_for(house, 3, 6)
    keys = Counter(message.idem_key for message in house.wechat.sent)
    assert sorted(keys.values()) == [1, 1, 2], "with the key of the first time; who was not asked yet is asked once"


def test_a_repeat_that_waited_until_the_key_may_be_forgotten_is_held(house: House) -> None:
    leftovers(house, 1)
    now = house.ts(NOON)
    (again,) = house.delivery.recover(now + 1, alone=True)
    with house.store.write() as tx:
        assert house.delivery.dispatcher.commit(tx, [again], now + 500) == []
    assert house.states() == [("AMBIGUOUS", "unknown, interrupted")]


def test_everybody_gets_one_message_and_the_books_say_so(at: House, sandbox: process.Sandbox) -> None:
    at.send_one(NOON, SMS, people=60)
    with delivering(real(at)):
        wait_for(at, 3, 60)
    assert sorted(delivered(sandbox, at).values()) == [1] * 60
    assert not list(Path(f"{at.store.path}.spool").glob("*")) if at.store.path else True


def test_answers_lost_on_a_keyed_channel_repeat_nothing(at: House, sandbox: process.Sandbox) -> None:
    at.send_one(NOON, WECHAT, people=40)
    fault(sandbox, mode="accept_then_reset", channel="wechat_main", times=2)
    with delivering(real(at)):
        wait_for(at, 3, 40)
    assert sorted(delivered(sandbox, at).values()) == [1] * 40


def test_answers_lost_on_a_channel_without_a_key_are_held_within_in_flight(at: House, sandbox: process.Sandbox) -> None:
    at.send_one(NOON, SMS, people=30)
    fault(sandbox, mode="accept_then_reset", channel="sms_main", times=1)
    with delivering(real(at)):
        wait_for(at, 3, 30, or_state=4)
    held = at.store.value("SELECT count(*) FROM message WHERE state = 4")
    assert 1 <= held <= 4  # in_flight of sms_main
    assert sorted(delivered(sandbox, at).values()) == [1] * 30


def test_an_outage_is_waited_out_and_nothing_is_lost(at: House, sandbox: process.Sandbox) -> None:
    at.config = at.config.replace("plays: wechat,", "plays: wechat, breaker: {failures: 2, pause: 20s},")
    at.send_one(NOON, WECHAT, people=20)
    fault(sandbox, mode="5xx", channel="wechat_main", times=3)
    with delivering(real(at)):
        wait_for(at, 3, 20)
    assert sorted(delivered(sandbox, at).values()) == [1] * 20


def rendered_by(house: House, renderer: LocalRenderer, time: clock.Clock) -> Delivery:
    channels = {one.name: one for one in (house.wechat, house.sms, house.mail)}
    return Delivery(house.parts, channels, house.key, renderer, time)


class Slow(LocalRenderer):
    """Texts are not ready before it is told so."""

    def __init__(self, texts: Texts) -> None:
        super().__init__(texts, zone="Asia/Shanghai", lunar=str)
        self.asked, self.go = threading.Event(), threading.Event()

    def stream(self) -> AbstractContextManager[Stream]:
        self.asked.set()
        self.go.wait(20)
        return super().stream()


def test_what_is_made_ready_when_the_end_comes_goes_back_to_the_queue(sqlite_house: House) -> None:
    house = sqlite_house
    house.send_one(NOON, SMS, people=3)
    renderer = Slow(house.parts.project.texts)
    with delivering(rendered_by(house, renderer, Running(house.ts(NOON)))):
        assert renderer.asked.wait(20)
        assert house.states() == [("CLAIMED", None)] * 3
        threading.Timer(0.5, renderer.go.set).start()
    assert house.states() == [("QUEUED", None)] * 3 and not house.sms.sent
    assert house.store.value("SELECT count(*) FROM message WHERE due IS NULL") == 0


class Away(LocalRenderer):
    """Fails as where no child can be started, and works the next time."""

    failed = False

    def stream(self) -> AbstractContextManager[Stream]:
        if not self.failed:
            self.failed = True
            raise errors.ServiceAway("no child today")
        return super().stream()


def test_what_cannot_be_rendered_now_goes_back_to_the_queue(sqlite_house: House) -> None:
    """The clock stands still, so no lease ends."""
    house = sqlite_house
    house.send_one(NOON, SMS, people=3)
    renderer = Away(house.parts.project.texts, zone="Asia/Shanghai", lunar=str)
    with delivering(rendered_by(house, renderer, clock.FixedClock(house.ts(NOON)))):
        wait_for(house, 3, 3, seconds=20)
    assert renderer.failed and len(house.sms.sent) == 3


def test_stopping_gives_back_what_was_claimed_and_records_what_was_on_its_way(
    at: House, sandbox: process.Sandbox
) -> None:
    at.send_one(NOON, SMS, people=40)
    fault(sandbox, mode="slow", channel="sms_main", seconds=0.1)
    with delivering(real(at)):
        wait_for(at, 3, 4)
    states = Counter(state for state, _ in at.states())
    assert set(states) <= {"SENT", "QUEUED"} and states["SENT"] >= 4
    assert sum(delivered(sandbox, at).values()) == states["SENT"]
    fault(sandbox, mode="ok")
    with delivering(real(at)):
        wait_for(at, 3, 40)
    assert sorted(delivered(sandbox, at).values()) == [1] * 40
