"""Engines killed with SIGKILL at random moments, again and again, while others write into the same database.

Nothing may be lost, nothing doubled, and on a channel that drops no repeats a kill leaves at most `in_flight` unclear.
"""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from tests.processes.conftest import Bench
from tests.processes.harness import checker, shop

pytestmark = [pytest.mark.processes, pytest.mark.timeout(280)]
Make = Callable[..., Bench]
KILLS = 160
PEOPLE = 60
SEGMENT_EVERY = 80  # kills between checks of the segment: everybody enters again


@pytest.mark.parametrize("in_flight", [1, 16])
def test_kills_at_random_moments_lose_nothing_and_double_nothing(
    bench: Make, in_flight: int, capsys: pytest.CaptureFixture[str]
) -> None:
    chance = random.Random(in_flight)
    one = bench(people=PEOPLE, in_flight=in_flight)
    feeder = shop.Feeder(one.shop)
    orders, worst, new, sending = 0, 0, 0, 0
    allowed = 0
    for kill in range(KILLS):
        orders += _feed(feeder, chance, orders, in_flight)
        if kill % SEGMENT_EVERY == 10:
            one.shop.jump(900)
        born = chance.random() < 0.1
        life = one.forks.kill_after(
            one.shop.folder, chance.uniform(0.002, 0.06), before_ready=born, ledger=str(one.ledger.path),
            ready="" if chance.random() < 0.2 else "sending",
        )  # fmt: skip
        assert life.code == -9, f"kill {kill}: it ended by itself: {one.shop.log.read_text()[-2000:]}"
        unclear = checker.ambiguous(one.store)
        assert unclear - new <= allowed, f"kill {kill} left {unclear - new} unclear, {allowed} were on their way"
        new, allowed = unclear, checker.on_the_way(one.store, "plain")
        assert allowed <= in_flight
        worst, sending = max(worst, allowed), sending + (allowed > 0)
    feeder.close()
    one.check(over=False)
    one.drains()
    found = one.check()
    twice = sum(entry.repeat for entry in one.ledger.entries())
    with capsys.disabled():
        print(  # noqa: T201
            f"\nin_flight {in_flight}: {KILLS} kills, {sending} of them with un-keyed messages on their way (at most"
            f" {worst} at once); {found.runs} runs, {sum(found.states.values())} messages, {found.ambiguous} unclear,"
            f" {twice} repeats dropped by the keyed channel, 0 lost, 0 doubled"
        )
    assert sending > KILLS / 10, "too few kills came while something was on its way to say anything"
    assert found.ambiguous <= KILLS * in_flight
    assert twice, "no kill made the keyed channel drop a repeat"


def _feed(feeder: shop.Feeder, chance: random.Random, orders: int, in_flight: int) -> int:
    """New orders, and the parcel of an earlier one; whose order it is follows from its number."""
    count = 1 if in_flight == 1 else 3
    events = [(number % PEOPLE + 1, "order.paid", f"D{number}") for number in range(orders, orders + count)]
    if orders:
        number = chance.randrange(max(0, orders - 30), orders)
        events.append((number % PEOPLE + 1, "parcel.arrived", f"D{number}"))
    feeder.happen(events)
    return count
