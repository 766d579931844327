"""WeCom in a live engine, from the task to the adviser's word: awaiting is not sent, and survives whatever happens."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from automation.store.states import MessageState
from tests.processes.conftest import Bench
from tests.processes.harness import accounts

pytestmark = [pytest.mark.processes, pytest.mark.timeout(280)]
Make = Callable[..., Bench]
PEOPLE = 4
PULL = {"pull": 0.2}
# What the adviser does decides how it goes on. `failed` is the other word for it.
TASK = """\
journey: task_{channel}
purpose: care
status: live
enter: {{event: order.paid}}
key: order_id
steps:
  - {{send: hello, via: {channel}, expires: 30d}}
  - wait_for: {{sent: hello}}
    id: adviser
    up_to: 5d
    then:
      - {{send: thanks, via: mail, expires: 30d}}
    else:
      - {{send: late, via: mail, expires: 30d}}
"""
GIVEN_UP = """\
journey: givenup_{channel}
purpose: care
status: live
enter: {{event: order.paid}}
key: order_id
steps:
  - {{send: again, via: [{channel}, mail], expires: 30d}}
  - wait_for: {{failed: again}}
    id: adviser
    up_to: 5d
    then:
      - {{send: story, via: mail, expires: 30d}}
"""


def state(one: Bench, state: MessageState, text: str = "") -> int:
    sql = "SELECT count(*) FROM message m JOIN step s ON s.id = m.step WHERE m.state = :state AND s.key LIKE :text"
    return int(one.store.value(sql, state=state, text=f"{text}%"))


def until(one: Bench, wanted: MessageState, text: str, count: int) -> None:
    sql = (
        f"SELECT count(*) FROM message m JOIN step s ON s.id = m.step WHERE m.state = {wanted:d}"
        f" AND s.key LIKE '{text}%'"
    )
    one.until(sql, lambda found: found == count)


def act(one: Bench, do: str, **more: Any) -> Any:
    return accounts.ask(one.url, "wecom/_act", do=do, **more)


def tasks(one: Bench) -> list[str]:
    """Those that nobody has confirmed."""
    known = act(one, "show")["tasks"]
    return [task for task, about in known.items() if not any(about["parts"].values()) and not about["stopped"]]


def got(one: Bench, channel: str) -> list[str]:
    return sorted(
        entry.key.removeprefix(f"{channel} ") for entry in one.ledger.deliveries() if entry.channel == channel
    )


def test_a_task_is_awaited_and_the_journey_goes_on_when_the_adviser_confirms(bench: Make) -> None:
    one = bench(real=True, people=PEOPLE, in_flight=16, channels=("wecom",), entries=(TASK,))
    one.order(*range(1, PEOPLE + 1))
    life = one.start(**PULL)
    until(one, MessageState.AWAITING, "hello", PEOPLE)
    assert state(one, MessageState.SENT) == 0 and got(one, "mail") == []
    assert "awaiting" in one.command("messages", "list", "--json")
    first, *rest = tasks(one)
    act(one, "confirm", task=first)
    until(one, MessageState.SENT, "hello", PEOPLE - len(rest))
    until(one, MessageState.SENT, "thanks", PEOPLE - len(rest))
    assert state(one, MessageState.AWAITING) == len(rest)
    for task in rest:
        act(one, "confirm", task=task)
    until(one, MessageState.SENT, "thanks", PEOPLE)
    assert one.forks.stop(life).code == 0
    assert got(one, "mail") == [f"thanks-D{number}" for number in range(1, PEOPLE + 1)]
    one.check()


def test_a_task_nobody_confirms_takes_the_next_channel_or_fails_and_the_journey_goes_on(bench: Make) -> None:
    """Who has no other way is told so, and the journey's own words decide; the others get it by mail, once."""
    one = bench(real=True, people=PEOPLE, in_flight=16, channels=("wecom",), entries=(TASK, GIVEN_UP))
    one.order(*range(1, PEOPLE + 1))
    life = one.start(**PULL)
    until(one, MessageState.AWAITING, "", 2 * PEOPLE)
    one.shop.jump(3 * 86_400 + 60)
    until(one, MessageState.FAILED, "hello", PEOPLE)
    until(one, MessageState.SENT, "again", PEOPLE)
    assert {row[0] for row in one.store.rows(f"SELECT reason FROM message WHERE state = {MessageState.FAILED}")} == {
        "not confirmed: expired"
    }
    assert tasks(one) == [], "the adviser cannot send it any more"
    assert state(one, MessageState.SENT, "late") == 0, "`sent` may still come until its time is over"
    one.shop.jump(3 * 86_400)
    until(one, MessageState.SENT, "late", PEOPLE)
    assert one.forks.stop(life).code == 0
    assert state(one, MessageState.SENT, "story") == 0, "it did not fail: it went another way"
    assert len(got(one, "mail")) == 2 * PEOPLE == len(set(got(one, "mail")))


@pytest.mark.parametrize("wound", ["await.before:1", "await.after:1"])
def test_a_kill_while_it_awaits_changes_nothing(bench: Make, wound: str) -> None:
    """Killed as the task is recorded, and once more as it awaits; confirmed while nobody runs."""
    one = bench(real=True, people=PEOPLE, in_flight=16, channels=("wecom",), entries=(TASK,))
    one.order(*range(1, PEOPLE + 1))
    one.dies(wound)
    life = one.start(**PULL)
    until(one, MessageState.AWAITING, "hello", PEOPLE)
    one.forks.kill(life)
    for task in tasks(one):
        act(one, "confirm", task=task)
    assert state(one, MessageState.AWAITING) == PEOPLE
    one.drains(**PULL)
    found = one.check()
    assert found.states == {"SENT": 2 * PEOPLE} and found.delivered == {"wecom": PEOPLE, "mail": PEOPLE}


def test_a_task_whose_maker_was_killed_before_it_heard_of_it_is_found_and_not_made_again(bench: Make) -> None:
    """`add_msg_template` knows no key of ours: a second task would be a second message. But tasks are listed."""
    one = bench(real=True, people=PEOPLE, in_flight=1, channels=("wecom",), entries=(TASK,))
    one.order(*range(1, PEOPLE + 1))
    one.dies("send.after:1")
    life = one.start(**PULL)
    until(one, MessageState.AWAITING, "hello", PEOPLE - 1)
    assert (state(one, MessageState.AMBIGUOUS), len(tasks(one))) == (1, PEOPLE)
    found = one.command("messages", "heal", "--json")
    assert '"found":1' in found.replace(" ", "") and '"held":0' in found.replace(" ", "")
    until(one, MessageState.AWAITING, "hello", PEOPLE)
    for task in tasks(one):
        act(one, "confirm", task=task)
    until(one, MessageState.SENT, "thanks", PEOPLE)
    assert one.forks.stop(life).code == 0
    assert len(got(one, "wecom")) == PEOPLE == len(set(got(one, "wecom")))
    one.check()
