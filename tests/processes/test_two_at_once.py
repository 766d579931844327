"""Two engines, zombies that wake up late, and operators who give orders in the middle of the work."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable

import pytest

from automation.policy import stop
from automation.store import audit
from tests.processes.conftest import Bench
from tests.processes.harness import checker, shop

pytestmark = pytest.mark.processes
Make = Callable[..., Bench]
PEOPLE = 100
TRIES = "SELECT sum(attempts) FROM message"
SENT = "SELECT count(*) FROM message WHERE state = 3"


def test_a_second_engine_says_that_one_runs_and_ends_with_4(bench: Make) -> None:
    one = bench(people=PEOPLE, channels=("plain",), entries=(shop.SHORT,))
    one.order(*range(1, PEOPLE + 1))
    first = one.start()
    second = one.forks.wait(one.start())
    assert second.code == 4
    one.logs("an engine is already running on this database")
    assert "already running" in one.command("start", code=4)
    assert "already running" in one.command("tick", code=4)
    checker.drain(one.shop, one.store)
    assert one.forks.stop(first).code == 0
    found = one.check()
    assert found.ambiguous == 0 and found.delivered["plain"] == 2 * PEOPLE


def test_an_engine_takes_over_at_once_from_one_that_was_killed(bench: Make) -> None:
    one = bench(people=4, channels=("keyed",), entries=(shop.SHORT,))
    one.order(1, 2, 3, 4)
    one.shop.stand_still()  # so that no lease is ever over
    one.dies("claim.after")
    one.start()
    one.until(SENT, lambda count: count == 4)


@pytest.mark.parametrize("channel", ["keyed", "plain"])
def test_z1_a_worker_that_slept_past_its_lease_after_the_claim_sends_nothing(either: Make, channel: str) -> None:
    one = _queued(either, channel)
    zombie = one.start(only="delivery", wound="claim.after:1:stop")
    one.until("SELECT count(*) FROM message WHERE state = 1", lambda count: count == 6)
    one.fault(mode="slow", channel=channel, seconds=4)
    one.shop.jump(10)
    other = one.start(only="delivery")
    one.until("SELECT count(*) FROM message WHERE state = 2", lambda count: count == 6)
    one.forks.signal(zombie, signal.SIGCONT)
    one.until(SENT, lambda count: count == 6)
    time.sleep(0.5)
    assert one.store.value(TRIES) == 6, "its intent finds no row with its token"
    assert len(one.ledger.entries()) == 6
    for worker in (zombie, other):
        one.forks.kill(worker)
    one.drains()
    assert one.check().ambiguous == 0


@pytest.mark.parametrize("channel", ["keyed", "plain"])
def test_z2_a_worker_that_slept_past_its_lease_before_the_first_byte_doubles_nothing(
    either: Make, channel: str
) -> None:
    one = _queued(either, channel, in_flight=1)
    zombie = one.start(only="delivery", wound="send.before:1:stop")
    one.until("SELECT count(*) FROM message WHERE state = 2", lambda count: count == 1)
    one.shop.jump(10)
    other = one.start(only="delivery")
    one.until(f"{SENT} OR state = 4", lambda count: count == 6)
    assert checker.ambiguous(one.store) == (0 if channel == "keyed" else 1), "nobody knows what the sleeper did"
    one.forks.signal(zombie, signal.SIGCONT)
    end = time.monotonic() + 60
    while len(one.ledger.entries()) < 6 + (channel == "keyed"):
        assert time.monotonic() < end, "what it was about to send did not come"
        time.sleep(0.02)
    if channel == "plain":
        one.until(SENT, lambda count: count == 6)  # its late answer ends the doubt
    for worker in (zombie, other):
        one.forks.kill(worker)
    one.drains()
    found = one.check()
    assert found.ambiguous == 0
    assert found.delivered[channel] == 6


def test_after_stop_all_is_committed_not_one_message_is_handed_over(bench: Make) -> None:
    one = bench(people=300, in_flight=4, channels=("plain",), entries=(shop.SHORT,), batch=30)
    one.order(*range(1, 301))
    one.fault(mode="slow", channel="plain", seconds=0.1)  # or all may have left before we give the order
    life = one.start(ready="sending")
    one.until(SENT, lambda count: count > 20)
    _turn(one, True)
    tries = one.store.value(TRIES)
    assert tries < 300
    time.sleep(1.5)
    assert one.store.value(TRIES) == tries, "zero new dispatches"
    assert len(one.ledger.entries()) == tries
    one.fault(mode="ok")
    _turn(one, False)
    checker.drain(one.shop, one.store)
    assert one.forks.stop(life).code == 0
    assert one.check().delivered["plain"] == 600


def test_orders_given_by_command_in_the_middle_of_the_work_lose_and_double_nothing(bench: Make) -> None:
    one = bench(people=PEOPLE, in_flight=2, channels=("keyed", "plain"), entries=(shop.SHORT,), batch=10)
    one.order(*range(1, PEOPLE + 1))
    life = one.start(ready="sending")
    one.command("journeys", "pause", "short_plain")
    stood = len([entry for entry in one.ledger.deliveries() if entry.channel == "plain"])
    one.command("customers", "tag", "#1", "重点")
    one.command("stop-all", "--why", "test")
    one.command("resume-all")
    one.until(f"{SENT} AND channel = 'keyed'", lambda count: count == 2 * PEOPLE)
    went = len([entry for entry in one.ledger.deliveries() if entry.channel == "plain"])
    assert went - stood <= 2, "what was handed over before the order may arrive after it, nothing else"
    one.command("journeys", "resume", "short_plain")
    checker.drain(one.shop, one.store)
    assert one.forks.stop(life).code == 0
    found = one.check()
    assert found.ambiguous == 0
    assert found.delivered == {"keyed": 2 * PEOPLE, "plain": 2 * PEOPLE}
    assert "the chain" not in one.command("audit", "check"), "every invariant holds"


def test_an_engine_that_is_asked_to_stop_as_soon_as_it_runs_stops(bench: Make) -> None:
    one = bench(people=0, channels=("plain",), entries=(shop.SINGLE,))
    for _ in range(25):
        assert one.forks.stop(one.start()).code == 0


def _queued(bench: Make, channel: str, in_flight: int = 16) -> Bench:
    """Six messages that wait to leave, and no engine."""
    one = bench(people=6, in_flight=in_flight, channels=(channel,), entries=(shop.SINGLE,))
    _turn(one, True)
    one.order(*range(1, 7))
    life = one.start()
    one.until("SELECT count(*) FROM message", lambda count: count == 6)
    one.forks.stop(life)
    _turn(one, False)
    return one


def _turn(one: Bench, on: bool) -> None:
    with one.store.write() as tx:
        stop.turn(tx, 1, on, "test")
        audit.record(tx, 1, "test", "stop all" if on else "resume all")
