"""A disk that fills while the engine runs: it stops sending before it cannot record, and goes on when there is room."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable

import pytest

from tests.processes.conftest import Bench
from tests.processes.harness import checker, shop

pytestmark = pytest.mark.processes
Make = Callable[..., Bench]
PEOPLE = 150
SENT = "SELECT count(*) FROM message WHERE state = 3"
TRIES = "SELECT sum(attempts) FROM message"


def test_nothing_leaves_while_the_reserve_is_not_there_and_everything_when_it_is_back(bench: Make) -> None:
    one = bench(people=20, channels=("plain",), entries=(shop.SHORT,))
    room = one.shop.folder / "space"
    room.write_text("10000000")
    one.order(*range(1, 21))
    life = one.start(space=True)
    one.logs("no message leaves until there is room")
    one.until("SELECT count(*) FROM message", lambda count: count >= 20)  # some may stand at their second one
    time.sleep(0.5)
    assert one.ledger.entries() == [] and not one.store.value(TRIES), "people move on, messages wait"
    room.write_text("900000000")
    checker.drain(one.shop, one.store)
    one.logs("messages leave")
    assert one.forks.stop(life).code == 0
    assert one.check().ambiguous == 0


@pytest.mark.parametrize("channel", ["keyed", "plain"])
def test_a_database_that_can_no_longer_grow_stops_the_sending_and_nothing_is_lost_or_doubled(
    bench: Make, channel: str
) -> None:
    one = bench(people=PEOPLE, in_flight=4, channels=(channel,), entries=(shop.SHORT,), batch=20)
    one.order(*range(1, PEOPLE + 1))
    one.fault(mode="slow", channel=channel, seconds=0.05)  # or all may have left before the disk is full
    life = one.start(ready="sending")
    one.until(SENT, lambda count: count > 10)
    wal = one.shop.database.with_name("lucheng.db-wal")
    _limit(life.pid, wal.stat().st_size + 8192)
    one.logs("failed, trying again")
    time.sleep(1)  # what was on its way arrives
    before = len(one.ledger.deliveries())
    time.sleep(1.5)
    assert len(one.ledger.deliveries()) == before, "it goes on sending and cannot record it"
    assert before < 2 * PEOPLE
    _limit(life.pid, resource.RLIM_INFINITY)
    one.fault(mode="ok")
    checker.drain(one.shop, one.store)
    assert one.forks.stop(life).code == 0, "the same process went on"
    found = one.check()
    assert found.ambiguous == 0, "it remembered every answer it could not write down"
    assert found.delivered[channel] == 2 * PEOPLE


def test_a_kill_while_the_disk_is_full_leaves_at_most_in_flight_unclear(bench: Make) -> None:
    one = bench(people=PEOPLE, in_flight=4, channels=("plain",), entries=(shop.SHORT,), batch=20)
    one.order(*range(1, PEOPLE + 1))
    one.fault(mode="slow", channel="plain", seconds=0.05)
    life = one.start(ready="sending")
    one.until(SENT, lambda count: count > 10)
    _limit(life.pid, one.shop.database.with_name("lucheng.db-wal").stat().st_size + 8192)
    one.logs("failed, trying again")
    time.sleep(0.3)
    one.forks.kill(life)
    one.fault(mode="ok")
    assert checker.on_the_way(one.store, "plain") <= 4
    one.drains()
    found = one.check()
    assert found.ambiguous <= 4
    assert found.delivered["plain"] + found.ambiguous >= 2 * PEOPLE


def _limit(process: int, size: int) -> None:
    """No file of the process may grow past this: for SQLite the same as a disk without room."""
    resource.prlimit(process, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
