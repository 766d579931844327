"""exit, goal and the control group: who leaves when, what is counted, and what is withdrawn."""

from __future__ import annotations

from automation.store.states import MessageState
from tests.engine.shop import Shop

ENTER = "enter: {event: wechat.followed}\nagain: finished\n"


def follow(shop: Shop, *people: int, at: str = "2026-03-01 09:00") -> None:
    for person in people:
        shop.event(person, "wechat.followed", at)
    shop.tick(at)


def test_an_event_ends_the_run_at_once_and_withdraws_what_has_not_left(shop: Shop) -> None:
    shop.open(
        "2026-03-01 08:00",
        wake="purpose: ads\nexit: [{event: order.paid}]\n" + ENTER + "steps: [{send: hello}, {wait: 9d}]\n",
    )
    ann, bob = shop.people(2)
    follow(shop, ann, bob, at="2026-03-01 22:00")
    shop.event(ann, "order.paid", "2026-03-01 23:00", order_id="D1")
    shop.tick("2026-03-01 23:00")
    assert [(run.inside, run.reason) for run in shop.runs()] == [(False, "exit 1"), (True, None)]
    assert [(message.person, message.state) for message in shop.messages(None)] == [(ann, "CANCELLED"), (bob, "QUEUED")]


def test_an_event_that_is_an_exit_and_what_a_wait_waits_for_ends_the_run_by_the_first_exit(shop: Shop) -> None:
    steps = "steps: [{wait_for: {event: order.closed}, up_to: 9d, then: [{send: thanks}], else: [{send: nudge}]}]\n"
    shop.open(
        "2026-03-01 08:00",
        wake="exit: [{event: order.paid}, {event: order.closed}, {event: [order.closed, order.paid]}]\n"
        + ENTER
        + steps,
    )
    ann = shop.person()
    follow(shop, ann)
    shop.event(ann, "order.closed", "2026-03-01 10:00", reason="x")
    shop.tick("2026-03-01 10:00")
    assert (shop.run().reason, shop.messages(None)) == ("exit 2", [])


def test_which_exit_came_first_does_not_hang_on_what_happened_to_others(shop: Shop) -> None:
    shop.open("2026-02-01 08:00", early="enter: {event: order.paid}\nagain: finished\nsteps: [{wait: 1d}]\n")
    shop.open(
        "2026-03-01 08:00",
        wake="exit: [{event: order.closed}, {event: [order.closed, order.paid]}]\n" + ENTER + "steps: [{wait: 9d}]\n",
    )
    ann, bob = shop.people(2)
    follow(shop, ann, bob)
    shop.event(ann, "order.closed", "2026-03-01 10:00", reason="x")
    shop.event(bob, "order.paid", "2026-03-01 10:00", order_id="2")
    shop.tick("2026-03-01 10:00")
    assert [run.reason for run in shop.runs("wake")] == ["exit 1", "exit 2"]


def test_an_exit_withdraws_the_last_message_of_a_run_that_has_finished(shop: Shop) -> None:
    shop.open(
        "2026-03-01 08:00", wake="purpose: ads\nexit: [{event: order.paid}]\n" + ENTER + "steps: [{send: hello}]\n"
    )
    ann = shop.person()
    follow(shop, ann, at="2026-03-01 22:00")
    assert shop.run().reason == "finished"
    shop.event(ann, "order.paid", "2026-03-01 23:00", order_id="D1")
    shop.tick("2026-03-01 23:00")
    assert shop.run().reason == "finished"
    assert [message.state for message in shop.messages(None)] == ["CANCELLED"]


def test_a_message_that_is_claimed_and_not_dispatched_yet_is_withdrawn_too(shop: Shop) -> None:
    shop.open("2026-03-01 08:00", wake="exit: [{event: order.paid}]\n" + ENTER + "steps: [{send: hello}, {wait: 9d}]\n")
    ann = shop.person()
    follow(shop, ann)
    with shop.store.write() as tx:
        tx.run(
            "UPDATE message SET state = :claimed, due = NULL, lease_until = :soon, token = 7, counted_at = :soon",
            claimed=MessageState.CLAIMED, soon=shop.ts("2026-03-01 10:01"),
        )  # fmt: skip
    shop.event(ann, "order.paid", "2026-03-01 10:00", order_id="D1")
    shop.tick("2026-03-01 10:00")
    assert [message.state for message in shop.messages(None)] == ["CANCELLED"]
    freed = shop.store.rows("SELECT reason, done_at, lease_until, token, counted_at FROM message")
    assert freed == [("left", shop.ts("2026-03-01 10:00"), None, None, None)]


def test_what_is_on_its_way_stays(shop: Shop) -> None:
    shop.open("2026-03-01 08:00", wake="exit: [{event: order.paid}]\n" + ENTER + "steps: [{send: hello}, {wait: 9d}]\n")
    ann = shop.person()
    follow(shop, ann)
    with shop.store.write() as tx:
        tx.run("UPDATE message SET state = :going, due = NULL, lease_until = 1", going=MessageState.DISPATCHING)
    shop.event(ann, "order.paid", "2026-03-01 10:00", order_id="D1")
    shop.tick("2026-03-01 10:00")
    assert not shop.run().inside
    assert [message.state for message in shop.messages(None)] == ["DISPATCHING"]


def test_a_state_is_asked_when_the_run_is_next_due(shop: Shop) -> None:
    shop.open(
        "2026-03-01 08:00",
        wake="exit: [{tag: 黑名单}, {tier: gold}]\n" + ENTER + "steps: [{wait: 1d}, {send: hello}]\n",
    )
    ann, bob, cid = shop.people(3)
    follow(shop, ann, bob, cid)
    shop.tag(ann, "黑名单")
    shop.set(bob, tier="gold")
    shop.tick("2026-03-01 12:00")
    assert all(run.inside for run in shop.runs())
    shop.tick("2026-03-02 09:00")
    assert [run.reason for run in shop.runs()] == ["exit 1", "exit 2", "finished"]
    assert [message.person for message in shop.messages()] == [cid]


def test_who_meets_an_exit_on_the_way_in_gets_nothing(shop: Shop) -> None:
    shop.open("2026-03-01 08:00", wake="exit: [{tier: gold}]\n" + ENTER + "steps: [{send: hello}]\n")
    follow(shop, shop.person(tier="gold"))
    assert (shop.run().reason, shop.messages()) == ("exit 1", [])


def test_an_exit_may_count_events(shop: Shop) -> None:
    shop.open(
        "2026-03-01 08:00",
        wake="exit: [{event: {name: order.paid, count: {at_least: 2}}}]\n" + ENTER + "steps: [{wait: 9d}]\n",
    )
    ann = shop.person()
    follow(shop, ann)
    shop.event(ann, "order.paid", "2026-03-01 10:00", order_id="D1")
    shop.tick("2026-03-01 10:00")
    assert shop.run().inside
    shop.event(ann, "order.paid", "2026-03-01 11:00", order_id="D2")
    shop.tick("2026-03-01 11:00")
    assert not shop.run().inside


GOAL = "goal: {event: order.paid, up_to: 14d, value: amount}\n"


def test_a_goal_is_counted_with_its_value_also_after_the_run_ended_and_not_after_its_limit(shop: Shop) -> None:
    shop.open("2026-03-01 08:00", wake=GOAL + ENTER + "steps: [{send: hello}]\n")
    ann, bob = shop.people(2)
    follow(shop, ann, bob)
    for person, at, amount in (
        (ann, "2026-03-03 09:00", 5000),
        (ann, "2026-03-15 09:00", 700),
        (bob, "2026-03-15 09:01", 1),
    ):
        shop.tick(at)
        shop.event(person, "order.paid", at, order_id=at, amount=amount)
        shop.tick(at)
    assert [(run.goal, run.value) for run in shop.runs()] == [("2026-03-03 09:00", 5700), (None, None)]


def test_exit_goal_leaves_at_the_goal(shop: Shop) -> None:
    shop.open("2026-03-01 08:00", wake="exit: goal\n" + GOAL + ENTER + "steps: [{wait: 9d}]\n")
    ann = shop.person()
    follow(shop, ann)
    shop.event(ann, "order.paid", "2026-03-03 09:00", order_id="D1", amount=100)
    shop.tick("2026-03-03 09:00")
    run = shop.run()
    assert (run.reason, run.goal, run.value) == ("goal", "2026-03-03 09:00", 100)


def test_the_event_that_brought_in_is_no_goal(shop: Shop) -> None:
    shop.open("2026-03-01 08:00", wake=GOAL + "enter: {event: order.paid}\nagain: finished\nsteps: [{wait: 9d}]\n")
    shop.event(shop.person(), "order.paid", "2026-03-01 09:00", order_id="D1", amount=100)
    shop.tick("2026-03-01 09:00")
    assert shop.run().goal is None


def test_the_control_group_is_parked_counted_and_let_go_at_the_end_of_the_goal(shop: Shop) -> None:
    text = (
        "holdout: 50%\nexit: [{event: order.closed}]\n"
        + GOAL
        + ENTER
        + "steps: [{send: hello}, {wait: 1d}, {send: more}]\n"
    )
    shop.open("2026-03-01 08:00", wake=text)
    people = shop.people(40)
    follow(shop, *people)
    held = [run.person for run in shop.runs() if run.holdout]
    assert 10 <= len(held) <= 30
    assert not {message.person for message in shop.messages()} & set(held)
    shop.event(held[0], "order.paid", "2026-03-02 10:00", order_id="D1", amount=100)
    shop.event(held[1], "order.closed", "2026-03-02 10:00", reason="x")
    shop.tick("2026-03-02 10:00")
    by_person = {run.person: run for run in shop.runs()}
    assert by_person[held[0]].goal == "2026-03-02 10:00"
    assert by_person[held[0]].inside
    assert by_person[held[1]].reason == "exit 1"
    shop.tick("2026-03-15 08:59")
    assert sum(run.inside for run in shop.runs()) == len(held) - 1
    shop.tick("2026-03-15 09:00")
    assert {run.reason for run in shop.runs() if run.holdout} == {"control group", "exit 1"}
    assert not {message.person for message in shop.messages(None)} & set(held)


def test_the_control_group_ends_by_a_state_that_is_an_exit(shop: Shop) -> None:
    head = "holdout: 50%\nexit: [{tag: gone}, {tag: away}]\n" + GOAL + ENTER
    shop.open("2026-03-01 08:00", wake=head + "steps: [{wait: 30d}]\n")
    follow(shop, *shop.people(20))
    held = [run.person for run in shop.runs() if run.holdout]
    shop.tag(held[0], "away")
    shop.tick("2026-03-15 09:00")
    reasons = {run.person: run.reason for run in shop.runs() if run.holdout}
    assert reasons == {**dict.fromkeys(held, "control group"), held[0]: "exit 2"}


def test_who_is_in_the_control_group_stays_in_it(shop: Shop) -> None:
    shop.open(
        "2026-03-01 08:00", wake="holdout: 50%\n" + GOAL.replace("14d", "1d") + ENTER + "steps: [{send: hello}]\n"
    )
    people = shop.people(20)
    follow(shop, *people)
    first = {run.person: run.holdout for run in shop.runs()}
    shop.tick("2026-03-02 09:00")
    follow(shop, *people, at="2026-03-05 09:00")
    assert {run.person: run.holdout for run in shop.runs()[20:]} == first


def test_the_shops_control_group_is_kept_out_of_all_marketing_but_not_of_service(shop: Shop) -> None:
    shop.config += "control_group: 50%\n"
    shop.open(
        "2026-03-01 08:00",
        one="purpose: ads\n" + ENTER + "steps: [{send: hello}]\n",
        two="purpose: ads\n" + ENTER + "steps: [{send: hello}]\n",
        care=ENTER + "steps: [{send: hello}]\n",
    )
    follow(shop, *shop.people(30))
    held = {name: {run.person for run in shop.runs(name) if run.holdout} for name in ("one", "two", "care")}
    assert held["one"] == held["two"]
    assert 5 <= len(held["one"]) <= 25
    assert held["care"] == set()


def test_a_state_is_asked_at_the_last_wait_too(shop: Shop) -> None:
    shop.open("2026-03-01 08:00", wake="exit: [{tier: gold}]\n" + ENTER + "steps: [{send: hello}, {wait: 1d}]\n")
    ann, bob = shop.people(2)
    follow(shop, ann, bob)
    shop.set(ann, tier="gold")
    shop.tick("2026-03-02 09:00")
    assert [run.reason for run in shop.runs()] == ["exit 1", "finished"]


def test_the_last_message_keeps_the_quiet_hours_of_the_customers_zone(shop: Shop) -> None:
    shop.open("2026-03-01 08:00", wake="purpose: ads\n" + ENTER + "steps: [{wait: 12h}, {send: hello}]\n")
    zone = "America/New_York"
    people = [shop.person(zone=zone) for _ in range(20)]
    follow(shop, *people, at="2026-03-01 09:00")
    shop.tick("2026-03-01 21:00")  # 08:00 in New York
    assert {run.reason for run in shop.runs()} == {"finished"}
    due = {shop.say(shop.ts(message.due or ""), zone) or "" for message in shop.messages()}
    assert all("2026-03-01 09:00" <= moment < "2026-03-01 09:16" for moment in due)
    assert len(due) > 10, "each at a moment of their own"
