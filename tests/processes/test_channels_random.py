"""Kills at random moments over the platforms' own interfaces, all of them in one shop; then the SMS reports come in."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from automation.store.states import MessageState
from tests.processes.conftest import Bench
from tests.processes.harness import accounts, checker, shop

pytestmark = [pytest.mark.processes, pytest.mark.timeout(280)]
Make = Callable[..., Bench]
KILLS = 20
PEOPLE = 120
EVERY_KILL = {1: 1, 16: 3}  # in_flight -> new orders
CHANNELS = ("template", *accounts.UNKEYED)


@pytest.mark.parametrize("in_flight", EVERY_KILL)
def test_random_kills_on_real_interfaces_lose_nothing_and_double_nothing(
    bench: Make, in_flight: int, capsys: pytest.CaptureFixture[str]
) -> None:
    chance = random.Random(in_flight)
    one = bench(real=True, people=PEOPLE, in_flight=in_flight, channels=CHANNELS, entries=(shop.SHORT,))
    feeder = shop.Feeder(one.shop)
    next_order, sending, kill = 1, 0, 0
    allowed, before = dict.fromkeys(accounts.UNKEYED, 0), dict.fromkeys(accounts.UNKEYED, 0)
    # On a busy machine fewer of them come at the right moment: then there are more.
    while kill < KILLS or (sending <= KILLS / 5 and kill < 2 * KILLS):
        kill += 1
        orders = range(next_order, next_order + EVERY_KILL[in_flight])
        feeder.happen([(number, "order.paid", f"D{number}") for number in orders])
        next_order = orders.stop
        life = one.forks.kill_after(
            one.shop.folder, chance.uniform(0.002, 0.06), ledger=str(one.ledger.path), ready="sending"
        )
        assert life.code == -9, f"kill {kill}: it ended by itself: {one.shop.log.read_text()[-2000:]}"
        for channel in accounts.UNKEYED:
            new = _unclear(one, channel) - before[channel]
            assert new <= allowed[channel], f"kill {kill} left {new} unclear on {channel}"
            before[channel] += new
            allowed[channel] = checker.on_the_way(one.store, channel)
            assert allowed[channel] <= in_flight
        sending += any(allowed.values())
    feeder.close()
    one.drains()
    found = one.check()
    assert found.ambiguous <= kill * in_flight * len(accounts.UNKEYED)
    assert sending > KILLS / 5, "too few kills came while something was on its way to say anything"
    healed = found.ambiguous - _report(one)
    with capsys.disabled():
        print(  # noqa: T201
            f"\nreal interfaces, in_flight {in_flight}: {kill} kills, {sending} with un-keyed messages on their way;"
            f" {sum(found.states.values())} messages, {found.ambiguous} unclear, {healed} of them cleared up by"
            " reports, 0 lost, 0 doubled"
        )


def _unclear(one: Bench, channel: str) -> int:
    sql = f"SELECT count(*) FROM message WHERE state = {MessageState.AMBIGUOUS} AND channel = :channel"
    return int(one.store.value(sql, channel=channel))


def _report(one: Bench) -> int:
    """Both SMS providers report on all they took: what is unclear then never left. How many are, on all channels."""
    life = one.start(web=True)
    phones = accounts.phones(one.shop.folder, PEOPLE)
    for provider in ("aliyun", "tencent"):
        one.hooked(provider, provider)
        accounts.ask(one.url, f"{provider}/_act", do="report", phones=phones)
    assert one.forks.stop(life).code == 0
    found = one.check()
    taken = {entry.key for entry in one.ledger.deliveries()}
    for number, _, _, state, channel, mark, _ in one.store.rows(checker.MARKED):
        if channel in ("aliyun", "tencent"):
            assert (state == MessageState.SENT) == (mark in taken), f"message {number} on {channel} and its report"
    return found.ambiguous
