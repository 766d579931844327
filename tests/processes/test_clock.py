"""Clocks that jump while the engine runs, and a customer's zone that changes its clocks: once each, never too early."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from tests.processes.conftest import Bench
from tests.processes.harness import checker, shop
from tests.processes.harness.shop import SetClock

pytestmark = pytest.mark.processes
Make = Callable[..., Bench]
PEOPLE = 20
DAY = 86_400
TOMORROW = """\
journey: tomorrow_{channel}
purpose: care
status: live
enter: {{event: order.paid}}
key: order_id
steps:
  - wait: until tomorrow 09:00
    id: night
  - {{send: thanks, via: {channel}, expires: 30d}}
"""


@pytest.mark.parametrize("jumps", [(DAY, -DAY), (-DAY, DAY), (DAY, DAY), (-DAY, -DAY)])
def test_a_clock_that_jumps_by_a_day_loses_nothing_and_doubles_nothing(bench: Make, jumps: tuple[int, int]) -> None:
    one = bench(people=PEOPLE, in_flight=2, channels=("keyed", "plain"), entries=(shop.SHORT,), batch=10)
    one.order(*range(1, PEOPLE + 1))
    life = one.start(ready="sending")
    for number, jump in enumerate(jumps):
        # Who comes more than a day after the event does not enter: not what this is about.
        one.until("SELECT count(*) FROM event_queue", lambda count: count == 0)
        one.shop.jump(jump)
        one.order(*range(1, PEOPLE + 1), name=f"after jump {number} ")
    one.forks.kill(life)
    one.drains()
    # After a day forward a provider may have forgotten the keys: what was on its way is held there too.
    found = one.check(window=False)
    assert found.runs == 3 * 2 * PEOPLE
    assert found.ambiguous <= 2 + 2
    assert sum(found.delivered.values()) >= 3 * 4 * PEOPLE - found.ambiguous


def test_a_check_is_made_once_although_the_clock_passes_its_moment_twice(bench: Make) -> None:
    one = bench(people=PEOPLE, channels=("plain",), entries=(shop.CHECKED,))
    _set(one, "2026-12-01 09:59:30", "Asia/Shanghai")
    one.forks.stop(one.start())
    _set(one, "2026-12-01 10:00:01", "Asia/Shanghai")
    life = one.start()
    one.until("SELECT count(*) FROM run", lambda count: count == PEOPLE)
    checker.drain(one.shop, one.store)
    one.forks.stop(life)
    assert one.check().runs == PEOPLE
    _set(one, "2026-12-01 09:59:58", "Asia/Shanghai")
    life = one.start()
    one.shop.jump(10)
    time.sleep(1)
    assert one.forks.stop(life).code == 0
    assert one.check().runs == PEOPLE, "nobody came in a second time"


@pytest.mark.parametrize(
    ("ordered", "zone", "due"),
    [
        ("2027-03-13 12:00", "America/New_York", "2027-03-14 09:00"),  # an hour is left out in between
        ("2027-11-06 12:00", "America/New_York", "2027-11-07 09:00"),  # an hour comes twice
        ("2027-03-27 12:00", "Europe/Berlin", "2027-03-28 09:00"),
        ("2027-03-27 12:00", "Asia/Shanghai", "2027-03-28 09:00"),
    ],
)
def test_nine_in_the_morning_is_nine_in_the_customers_zone_over_a_change_of_clocks(
    bench: Make, ordered: str, zone: str, due: str
) -> None:
    one = bench(people=2, channels=("plain",), entries=(TOMORROW,))
    with one.store.write() as tx:
        number = tx.value("INSERT INTO zone (name) VALUES (:zone) RETURNING id", zone=zone)
        tx.run("UPDATE person SET zone_id = :zone", zone=number)
    _set(one, ordered, zone)
    one.order(1, 2)
    one.dies("run.after")
    life = one.start()
    moment = int(datetime.fromisoformat(due).replace(tzinfo=ZoneInfo(zone)).timestamp())
    assert one.store.rows("SELECT DISTINCT due FROM run") == [(moment,)]
    _set(one, due, zone, -3)
    one.until("SELECT count(*) FROM run WHERE state = 0", lambda count: count == 2)
    checker.drain(one.shop, one.store)
    assert one.forks.stop(life).code == 0
    assert one.check().delivered["plain"] == 2
    sent = one.store.value("SELECT min(sent_at) FROM message")
    assert moment <= sent <= moment + 30


def _set(one: Bench, moment: str, zone: str, seconds: int = 0) -> None:
    """Puts the shop's clock to this local time and some seconds."""
    wanted = int(datetime.fromisoformat(moment).replace(tzinfo=ZoneInfo(zone)).timestamp()) + seconds
    one.shop.jump(wanted - SetClock(one.shop.folder / "clock").now())
