"""Entry by event: lists, where, if, settle, key, catch_up, again and while_inside."""

from __future__ import annotations

import json

import pytest

from tests.engine.shop import Shop

CART = """
enter: {event: cart.updated, settle: 1h, if: {entry.total: {at_least: 50}}}
again: finished
steps:
  - {send: hello}
  - {wait: 3d}
"""


def test_an_event_brings_a_customer_in_and_the_first_message_is_queued_in_the_same_tick(shop: Shop) -> None:
    shop.open("2026-03-01 08:00", wake="enter: {event: wechat.followed}\nagain: finished\nsteps:\n  - send: hello\n")
    ann = shop.person()
    shop.event(ann, "wechat.followed", "2026-03-01 09:00")
    shop.tick("2026-03-01 09:00")
    assert [(message.person, message.step, message.due) for message in shop.messages()] == [
        (ann, "hello", "2026-03-01 09:00")
    ]
    assert (shop.run().inside, shop.run().reason) == (False, "finished")


def test_any_event_of_a_list_brings_in_and_another_does_not(shop: Shop) -> None:
    shop.open(
        "2026-03-01 08:00", wake="enter: {event: [wechat.followed, order.paid]}\nagain: finished\nsteps: [{wait: 1d}]\n"
    )
    ann, bob, cid = shop.people(3)
    shop.event(ann, "wechat.followed", "2026-03-01 09:00")
    shop.event(bob, "order.paid", "2026-03-01 09:00", order_id="D1")
    shop.event(cid, "cart.updated", "2026-03-01 09:00", total=5000)
    shop.tick("2026-03-01 09:00")
    assert {run.person for run in shop.runs()} == {ann, bob}


def test_where_asks_the_event_and_if_asks_the_customer(shop: Shop) -> None:
    shop.open(
        "2026-03-01 08:00",
        wake="enter: {event: {name: order.paid, where: {amount: {at_least: 100}}}, if: {tier: gold}}\nkey: order_id\n"
        "steps: [{wait: 1d}]\n",
    )
    for tier, amount in (("gold", 10000), ("gold", 9999), ("basic", 10000)):
        shop.event(shop.person(tier=tier), "order.paid", "2026-03-01 09:00", order_id="D1", amount=amount)
    shop.tick("2026-03-01 09:00")
    assert [run.person for run in shop.runs()] == [1]


def test_settle_waits_until_the_events_rest_and_the_newest_is_the_entry(shop: Shop) -> None:
    shop.open("2026-03-01 08:00", wake=CART)
    ann = shop.person()
    shop.event(ann, "cart.updated", "2026-03-01 09:00", total=9900)
    shop.tick("2026-03-01 09:00")
    shop.event(ann, "cart.updated", "2026-03-01 09:50", total=12900)
    shop.tick("2026-03-01 10:30")
    assert shop.runs() == []
    shop.tick("2026-03-01 10:50")
    assert shop.run().data["entry"]["total"] == 12900


def test_an_older_event_that_comes_late_neither_ends_the_rest_nor_becomes_the_entry(shop: Shop) -> None:
    shop.open(
        "2026-03-01 08:00", wake="enter: {event: cart.updated, settle: 1h}\nagain: finished\nsteps: [{wait: 1d}]\n"
    )
    ann = shop.person()
    shop.event(ann, "cart.updated", "2026-03-01 10:30", total=200)
    shop.tick("2026-03-01 10:31")
    shop.event(ann, "cart.updated", "2026-03-01 10:00", total=100)
    shop.tick("2026-03-01 10:35", "2026-03-01 11:05", "2026-03-01 11:29")
    assert shop.runs() == []
    shop.tick("2026-03-01 11:30")
    assert shop.run().data["entry"]["total"] == 200


def test_an_older_event_that_comes_after_the_newest_has_settled_starts_nothing(shop: Shop) -> None:
    settle = "enter: {event: {name: order.paid, where: {amount: {at_least: 10}}}, settle: 1h}\n"
    shop.open("2026-03-01 08:00", wake=f"{settle}key: order_id\nagain: finished\nsteps: [{{send: hello}}]\n")
    ann = shop.person()
    shop.event(ann, "order.paid", "2026-03-01 09:00", order_id="D1", amount=2000)
    shop.event(ann, "order.paid", "2026-03-01 09:20", order_id="D2", amount=10)
    shop.tick("2026-03-01 09:30", "2026-03-01 10:20")
    assert [run.key for run in shop.runs()] == ["D1"]
    for order in ("D1", "D2"):
        shop.event(ann, "order.paid", "2026-03-01 08:50", order_id=order, amount=1000)
    shop.tick("2026-03-01 10:25")
    assert [run.key for run in shop.runs()] == ["D1", "D2"]


PAYS = "event: {name: order.paid, where: {amount: {at_least: 10}}}"


@pytest.mark.parametrize(
    "exits",
    [
        f"exit: [{{{PAYS}}}]",
        f"goal: {{{PAYS}, up_to: 7d}}\nexit: goal",
        "exit: [{event: {name: order.paid, where: {amount: {at_least: 10}}, within: 30d, count: {at_least: 2}}}]",
    ],
)
@pytest.mark.parametrize("pace", ["", "pace: 9 a day\n"])
def test_who_has_had_an_exit_while_their_event_rested_does_not_enter(shop: Shop, exits: str, pace: str) -> None:
    shop.open("2026-03-01 08:00", wake=f"{pace}{exits}\n{CART.replace('settle: 1h', 'settle: 2h')}")
    ann, bob, cid = shop.people(3)
    for person in (ann, bob, cid):
        for at in ("2026-02-20 09:00", "2026-03-01 08:59"):
            shop.event(person, "order.paid", at, order_id=f"D{at}", amount=1000)
        shop.event(person, "cart.updated", "2026-03-01 09:00", total=9900)
    shop.event(ann, "order.paid", "2026-03-01 09:30", order_id="D1", amount=1000)
    shop.event(bob, "order.paid", "2026-03-01 09:30", order_id="D2", amount=999)
    shop.tick("2026-03-01 09:30", "2026-03-01 11:00")
    assert sorted(run.person for run in shop.runs()) == [bob, cid]
    assert all(run.inside for run in shop.runs())


def test_settle_asks_the_condition_about_the_newest_event(shop: Shop) -> None:
    shop.open("2026-03-01 08:00", wake=CART)
    ann = shop.person()
    shop.event(ann, "cart.updated", "2026-03-01 09:00", total=9900)
    shop.event(ann, "cart.updated", "2026-03-01 09:10", total=100)
    shop.tick("2026-03-01 09:10", "2026-03-01 11:00")
    assert shop.runs() == []


def test_what_rested_longer_ago_than_catch_up_does_not_enter(shop: Shop) -> None:
    shop.open("2026-03-01 08:00", wake=CART)
    shop.event(shop.person(), "cart.updated", "2026-03-01 09:00", total=9900)
    shop.tick("2026-03-01 09:10", "2026-03-04 11:00")
    assert shop.runs() == []


def test_who_settles_waits_for_the_pace_too(shop: Shop) -> None:
    shop.open("2026-03-01 08:00", wake="pace: 1 a day\n" + CART)
    for person in shop.people(3):
        shop.event(person, "cart.updated", "2026-03-01 09:00", total=9900)
    shop.tick("2026-03-01 09:00", "2026-03-01 10:00", "2026-03-01 12:00")
    assert len(shop.runs()) == 1
    shop.tick("2026-03-02 00:01")
    assert len(shop.runs()) == 2


def test_an_event_older_than_catch_up_starts_nothing(shop: Shop) -> None:
    shop.open(
        "2026-03-01 08:00", wake="enter: {event: wechat.followed, catch_up: 2h}\nagain: finished\nsteps: [{wait: 1d}]\n"
    )
    ann, bob = shop.people(2)
    shop.event(ann, "wechat.followed", "2026-03-01 08:59")
    shop.event(bob, "wechat.followed", "2026-03-01 09:00")
    shop.tick("2026-03-01 11:00")
    assert [run.person for run in shop.runs()] == [bob]


PAID = "enter: {event: order.paid}\nkey: order_id\nsteps: [{send: hello}]\n"


def tell(shop: Shop, *moments: str) -> None:
    """An order paid at each of these moments, named after it; only the next tick hears of it."""
    for at in moments:
        shop.event(shop.person(), "order.paid", at, order_id=at)


def test_an_event_from_before_going_live_starts_nothing_however_late_it_is_told(shop: Shop) -> None:
    shop.open("2026-03-01 09:00", wake=PAID)
    tell(shop, "2026-03-01 08:54:59", "2026-03-01 08:55", "2026-03-01 09:00")
    shop.tick("2026-03-01 09:10")
    assert [run.key for run in shop.runs()] == ["2026-03-01 08:55", "2026-03-01 09:00"]


def test_a_clock_that_is_set_back_makes_no_journey_deaf(shop: Shop) -> None:
    shop.open("2026-03-02 09:00", wake=PAID)
    shop.pause("wake", "2026-03-02 09:10")
    shop.resume("wake", "2026-03-02 09:20")
    tell(shop, "2026-03-01 09:30")
    shop.tick("2026-03-01 09:30")
    assert [run.key for run in shop.runs()] == ["2026-03-01 09:30"]


def test_an_event_from_outside_active_starts_nothing_however_late_it_is_told(shop: Shop) -> None:
    shop.open("2026-02-01 09:00", wake="active: 2026-03-01 to 2026-03-02\n" + PAID)
    tell(shop, "2026-02-28 23:59:59", "2026-03-01 00:00")
    shop.tick("2026-03-01 00:10")
    tell(shop, "2026-03-02 23:59:59", "2026-03-03 00:00")
    shop.tick("2026-03-02 23:59:59")
    assert [run.key for run in shop.runs()] == ["2026-03-01 00:00", "2026-03-02 23:59:59"]


def test_an_event_from_a_pause_starts_nothing_however_late_it_is_told(shop: Shop) -> None:
    shop.open("2026-03-01 08:00", wake=PAID)
    for begins, ends in (("2026-03-01 09:00", "2026-03-01 10:00"), ("2026-03-01 11:00", "2026-03-01 12:00")):
        shop.pause("wake", begins)
        shop.resume("wake", ends)
    tell(shop, "2026-03-01 11:30", "2026-03-01 12:00")
    shop.tick("2026-03-01 12:10")
    assert [run.key for run in shop.runs()] == ["2026-03-01 12:00"]


@pytest.mark.parametrize("status", ["paused", "draft", "closing"])
def test_an_event_from_a_pause_by_the_file_starts_nothing_either(shop: Shop, status: str) -> None:
    shop.open("2026-03-01 08:00", wake=PAID)
    shop.open("2026-03-01 11:00", wake=f"status: {status}\n" + PAID)
    shop.open("2026-03-01 12:00", wake=PAID)
    tell(shop, "2026-03-01 11:30", "2026-03-01 12:00")
    shop.tick("2026-03-01 12:10")
    assert [run.key for run in shop.runs()] == ["2026-03-01 12:00"]


def test_what_happens_in_a_pause_ends_the_rest_of_an_older_event(shop: Shop) -> None:
    shop.open(
        "2026-03-01 08:00", wake="enter: {event: cart.updated, settle: 2h}\nagain: finished\nsteps: [{wait: 1d}]\n"
    )
    ann = shop.person()
    shop.event(ann, "cart.updated", "2026-03-02 10:00", total=1)
    shop.tick("2026-03-02 10:00")
    shop.pause("wake", "2026-03-02 10:30")
    shop.event(ann, "cart.updated", "2026-03-02 11:00", total=2)
    shop.tick("2026-03-02 11:00")
    shop.resume("wake", "2026-03-02 11:30")
    shop.tick("2026-03-02 12:00", "2026-03-02 13:00")
    assert shop.runs() == []


def test_a_key_gives_one_run_a_value_and_never_twice(shop: Shop) -> None:
    shop.open("2026-03-01 08:00", wake="enter: {event: order.paid}\nkey: order_id\nsteps: [{send: hello}]\n")
    ann = shop.person()
    for order in ("D1", "D2", "D1"):
        shop.event(ann, "order.paid", "2026-03-01 09:00", order_id=order)
    shop.tick("2026-03-01 09:00")
    assert [run.key for run in shop.runs()] == ["D1", "D2"]
    shop.event(ann, "order.paid", "2026-03-02 09:00", order_id="D2")
    shop.tick("2026-03-02 09:00")
    assert len(shop.runs()) == 2


def test_an_event_without_the_journeys_key_starts_no_run(shop: Shop) -> None:
    shop.open("2026-03-01 08:00", wake="enter: {event: order.paid}\nkey: order_id\nsteps: [{send: hello}]\n")
    ann, bob, cid = shop.people(3)
    shop.event(ann, "order.paid", "2026-03-01 09:00", amount=100)
    shop.event(bob, "order.paid", "2026-03-01 09:00", order_id="")
    shop.event(cid, "order.paid", "2026-03-01 09:00", order_id="D1")
    shop.tick("2026-03-01 09:00")
    assert [(run.person, run.key) for run in shop.runs()] == [(cid, "D1")]


def test_with_a_key_events_speak_of_the_run_with_their_value_only(shop: Shop) -> None:
    shop.open(
        "2026-03-01 08:00",
        wake="enter: {event: {name: order.paid, where: {category: 预售}}}\nkey: order_id\n"
        "exit: [{event: {name: order.paid, where: {category: 取消}}}]\nsteps: [{wait: 3d}]\n",
    )
    ann = shop.person()
    shop.event(ann, "order.paid", "2026-03-01 09:00", order_id="D1", category="预售")
    shop.event(ann, "order.paid", "2026-03-01 09:00", order_id="D2", category="预售")
    shop.event(ann, "order.paid", "2026-03-01 09:05", order_id="D2", category="取消")
    shop.tick("2026-03-01 09:10")
    assert [(run.key, run.inside) for run in shop.runs()] == [("D1", True), ("D2", False)]


def test_again_never_lets_in_once_in_a_lifetime(shop: Shop) -> None:
    shop.open("2026-03-01 08:00", wake="enter: {event: wechat.followed}\nagain: never\nsteps: [{send: hello}]\n")
    ann = shop.person()
    for day in (1, 2, 3):
        shop.event(ann, "wechat.followed", f"2026-03-0{day} 09:00")
        shop.tick(f"2026-03-0{day} 09:00")
    assert len(shop.runs()) == 1


def test_again_finished_lets_in_once_the_last_run_has_ended(shop: Shop) -> None:
    shop.open("2026-03-01 08:00", wake="enter: {event: wechat.followed}\nagain: finished\nsteps: [{wait: 36h}]\n")
    ann = shop.person()
    for day in (1, 2, 3, 4):
        shop.event(ann, "wechat.followed", f"2026-03-0{day} 09:00")
        shop.tick(f"2026-03-0{day} 09:00")
    assert [run.inside for run in shop.runs()] == [False, True]


def test_again_after_counts_from_the_last_entry(shop: Shop) -> None:
    shop.open("2026-03-01 08:00", wake="enter: {event: wechat.followed}\nagain: after 2d\nsteps: [{send: hello}]\n")
    ann = shop.person()
    for at in ("2026-03-01 09:00", "2026-03-03 08:59", "2026-03-03 09:00", "2026-03-04 09:00"):
        shop.event(ann, "wechat.followed", at)
        shop.tick(at)
    assert [shop.say(int(run.data["entry"]["at"])) for run in shop.runs()] == ["2026-03-01 09:00", "2026-03-03 09:00"]


def test_while_inside_ignore_keeps_the_first_run(shop: Shop) -> None:
    shop.open("2026-03-01 08:00", wake="enter: {event: wechat.followed}\nagain: finished\nsteps: [{wait: 3d}]\n")
    ann = shop.person()
    shop.event(ann, "wechat.followed", "2026-03-01 09:00", scene="a")
    shop.event(ann, "wechat.followed", "2026-03-01 09:01", scene="b")
    shop.tick("2026-03-01 09:05")
    assert shop.run().data["entry"]["scene"] == "a"


RESTART = """
while_inside: restart
enter: {event: cart.updated, if: {entry.total: {at_least: 50}}}
steps:
  - {wait: 1d}
  - {send: hello}
"""


def test_while_inside_restart_begins_anew_whatever_again_says(shop: Shop) -> None:
    for again in ("finished", "never", "after 30d"):
        shop.open("2026-03-01 08:00", **{f"wake_{again.split()[0]}": f"again: {again}\n{RESTART}"})
    ann = shop.person()
    shop.event(ann, "cart.updated", "2026-03-01 09:00", total=5000)
    shop.tick("2026-03-01 09:00")
    shop.event(ann, "cart.updated", "2026-03-01 12:00", total=6000)
    shop.event(ann, "cart.updated", "2026-03-01 12:30", total=7000)
    shop.tick("2026-03-01 12:30")
    inside = [run for run in shop.runs() if run.inside]
    assert [(run.due, run.data["entry"]["total"]) for run in inside] == [("2026-03-02 12:30", 7000)] * 3
    assert {run.reason for run in shop.runs() if not run.inside} == {"restarted"}
    shop.tick("2026-03-02 12:30")
    assert shop.texts() == ["hello"] * 3


def test_an_entry_that_is_refused_restarts_nothing(shop: Shop) -> None:
    shop.open("2026-03-01 08:00", wake=f"again: finished\n{RESTART}")
    ann = shop.person()
    shop.event(ann, "cart.updated", "2026-03-01 09:00", total=5000)
    shop.tick("2026-03-01 09:00")
    shop.event(ann, "cart.updated", "2026-03-01 12:00", total=1)
    shop.tick("2026-03-01 12:00")
    assert (shop.run().inside, shop.run().due) == (True, "2026-03-02 09:00")


def test_after_a_restarted_run_has_finished_again_never_holds(shop: Shop) -> None:
    shop.open("2026-03-01 08:00", wake=f"again: never\n{RESTART}")
    ann = shop.person()
    for at in ("2026-03-01 09:00", "2026-03-01 10:00", "2026-03-05 10:00"):
        shop.tick(at)
        shop.event(ann, "cart.updated", at, total=5000)
        shop.tick(at)
    shop.tick("2026-03-09 10:00")
    assert [run.reason for run in shop.runs()] == ["restarted", "finished"]


def test_a_run_that_gave_way_reaches_no_goal_any_more(shop: Shop) -> None:
    goal = "goal: {event: order.paid, up_to: 7d, value: amount}\n"
    shop.open("2026-03-01 08:00", wake=f"again: finished\n{goal}{RESTART}")
    ann = shop.person()
    for hour in (9, 10, 11):
        shop.event(ann, "cart.updated", f"2026-03-01 {hour:02}:00", total=5000)
        shop.event(ann, "order.paid", f"2026-03-01 {hour:02}:30", order_id=f"D{hour}", amount=hour)
        shop.tick(f"2026-03-01 {hour:02}:30")
    assert [(run.reason, run.value) for run in shop.runs()] == [("restarted", 9), ("restarted", 10), (None, 11)]


def test_events_of_one_customer_are_taken_in_their_order(shop: Shop) -> None:
    shop.open(
        "2026-03-01 08:00",
        wake="enter: {event: wechat.followed}\nagain: finished\nexit: [{event: order.paid}]\nsteps: [{wait: 3d}]\n",
    )
    ann, bob = shop.people(2)
    shop.event(ann, "wechat.followed", "2026-03-01 09:00")
    shop.event(ann, "order.paid", "2026-03-01 09:01", order_id="D1")
    shop.event(ann, "wechat.followed", "2026-03-01 09:02")
    shop.event(bob, "order.paid", "2026-03-01 09:00", order_id="D2")
    shop.event(bob, "wechat.followed", "2026-03-01 09:01")
    shop.tick("2026-03-01 09:05")
    assert [(run.person, run.inside) for run in shop.runs()] == [(ann, False), (bob, True), (ann, True)]


def test_many_events_pass_through_small_batches(shop: Shop) -> None:
    shop.batch = 3
    shop.open("2026-03-01 08:00", wake="enter: {event: wechat.followed}\nagain: finished\nsteps: [{send: hello}]\n")
    for person in shop.people(10):
        shop.event(person, "wechat.followed", "2026-03-01 09:00")
    assert shop.tick("2026-03-01 09:00").events == 10
    assert len(shop.messages()) == 10


def test_an_event_no_statement_can_read_is_set_aside_and_the_others_go_on(shop: Shop) -> None:
    shop.open(
        "2026-03-01 08:00",
        wake="enter: {event: {name: cart.updated, where: {total: {at_least: 1}}}}\nagain: finished\n"
        "steps: [{wait: 1d}]\n",
    )
    people = shop.people(5)
    for person in people:
        shop.event(person, "cart.updated", "2026-03-01 09:00", total=5000)
    shop.poisoned = True
    with shop.store.write() as tx:
        tx.run("UPDATE event SET props = '{broken' WHERE person_id = :person", person=people[2])
    shop.tick("2026-03-01 09:00")
    assert [run.person for run in shop.runs()] == [person for person in people if person != people[2]]
    assert shop.store.value("SELECT count(*) FROM event_queue") == 0
    assert shop.store.value("SELECT count(*) FROM audit WHERE what = 'event set aside'") == 1


def test_an_event_that_one_journey_cannot_read_is_lost_to_that_journey_only(
    shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    reads = "again: finished\nsteps: [{wait: 1d}]\nenter: {event: order.paid, if: {city: 上海}}\n"
    waits = "enter: {event: wechat.followed}\nagain: finished\n"
    waits += "steps: [{wait_for: {event: order.paid}, up_to: 3d}, {send: hello}]\n"
    shop.open(
        "2026-03-01 08:00",
        ahead=reads,
        behind=reads,
        healthy=waits,
        leaves=waits + "exit: [{event: order.paid}]\ngoal: {event: order.paid, up_to: 7d}\n",
    )
    ann, bob = shop.people(2, city="上海")
    for person in (ann, bob):
        shop.event(person, "wechat.followed", "2026-03-01 08:30")
    shop.tick("2026-03-01 08:30")
    for person in (ann, bob):
        shop.event(person, "order.paid", "2026-03-01 09:00", order_id=f"D{person}")
    shop.poisoned = True
    with shop.store.write() as tx:
        tx.run("UPDATE person SET attrs = '{broken' WHERE id = :person", person=ann)
    shop.tick("2026-03-01 09:00")
    assert [(run.person, run.journey) for run in shop.runs() if run.inside] == [(bob, "ahead"), (bob, "behind")]
    assert [message.person for message in shop.messages()] == [ann, bob]
    assert [run.goal for run in shop.runs("leaves")] == ["2026-03-01 09:00"] * 2
    assert shop.store.value("SELECT count(*) FROM event_queue") == 0
    told = shop.store.rows("SELECT detail FROM audit WHERE what = 'event set aside' ORDER BY id")
    assert [json.loads(detail)["journey"] for (detail,) in told] == ["ahead", "behind"]
    assert "cannot be taken in by ahead" in caplog.text
