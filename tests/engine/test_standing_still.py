"""Paused, closing, stopped and draft journeys; orders of operators; runs that are set aside."""

from __future__ import annotations

import json

import pytest

from automation.engine import orders
from automation.kernel import errors
from tests.engine.shop import Shop

BODY = (
    "enter: {event: wechat.followed}\nagain: finished\nsteps: [{wait: 1d}, {send: hello}, {wait: 1d}, {send: more}]\n"
)


def follow(shop: Shop, *people: int, at: str = "2026-03-01 09:00") -> None:
    for person in people:
        shop.event(person, "wechat.followed", at)
    shop.tick(at)


def test_an_operators_pause_holds_everybody_and_gives_the_moments_back(shop: Shop) -> None:
    shop.open("2026-03-01 08:00", wake=BODY)
    ann, bob = shop.people(2)
    follow(shop, ann)
    shop.pause("wake", "2026-03-01 10:00")
    follow(shop, bob, at="2026-03-01 11:00")
    shop.tick("2026-03-02 09:00", "2026-03-02 09:30")
    assert (shop.texts(), shop.run().held) == ([], "2026-03-02 09:00")
    shop.resume("wake", "2026-03-02 09:30")
    shop.tick("2026-03-02 09:30")
    assert shop.sent() == [("hello", "2026-03-02 09:30")]
    assert shop.run().due == "2026-03-03 09:00"


def test_what_became_overdue_in_a_pause_expires_from_its_moment(shop: Shop) -> None:
    shop.open("2026-03-01 08:00", wake=BODY)
    follow(shop, shop.person())
    shop.pause("wake", "2026-03-01 10:00")
    shop.tick("2026-03-02 09:00")
    shop.resume("wake", "2026-03-05 09:00")
    shop.tick("2026-03-05 09:00")
    assert [message.expires for message in shop.messages()] == ["2026-03-03 09:00"]
    assert shop.run().due == "2026-03-06 09:00"


def test_an_order_needs_a_journey_and_a_change(shop: Shop) -> None:
    shop.open("2026-03-01 08:00", wake=BODY)
    with pytest.raises(errors.Refused, match="not taken up any journey"):
        shop.pause("wkae", "2026-03-01 09:00")
    with pytest.raises(errors.Refused, match="not paused"):
        shop.resume("wake", "2026-03-01 09:00")
    shop.pause("wake", "2026-03-01 09:00")
    with pytest.raises(errors.Refused, match="already paused"):
        shop.pause("wake", "2026-03-01 09:00")


def test_a_resume_by_another_process_reaches_runs_that_were_held_after_it(shop: Shop) -> None:
    shop.open("2026-03-01 08:00", wake=BODY)
    follow(shop, shop.person())
    shop.pause("wake", "2026-03-01 10:00")
    with shop.store.write() as tx:
        tx.run("UPDATE journey SET paused = 0")
    shop.tick("2026-03-02 09:00")  # this process has not heard of it yet
    assert shop.run().held == "2026-03-02 09:00"
    shop.reload("2026-03-02 09:05")
    shop.tick("2026-03-02 09:05")
    assert shop.texts() == ["hello"]


@pytest.mark.parametrize("status", ["paused", "draft"])
def test_a_file_may_say_that_all_stand_still_and_go_on(shop: Shop, status: str) -> None:
    shop.open("2026-03-01 08:00", wake=BODY)
    ann, bob = shop.people(2)
    follow(shop, ann)
    shop.open("2026-03-01 10:00", wake=f"status: {status}\n" + BODY)
    follow(shop, bob, at="2026-03-01 11:00")
    shop.tick("2026-03-02 09:00")
    assert (len(shop.runs()), shop.texts()) == (1, [])
    shop.open("2026-03-02 09:30", wake=BODY)
    shop.tick("2026-03-02 09:30")
    assert shop.texts() == ["hello"]


def test_an_answer_in_a_pause_is_found_when_the_journey_goes_on(shop: Shop) -> None:
    shop.open(
        "2026-03-01 08:00",
        wake="enter: {event: wechat.followed}\nagain: finished\n"
        "steps: [{wait_for: {event: order.paid}, up_to: 9d, then: [{send: thanks}], else: [{send: nudge}]}]\n",
    )
    ann = shop.person()
    follow(shop, ann)
    shop.pause("wake", "2026-03-01 10:00")
    shop.event(ann, "order.paid", "2026-03-01 11:00", order_id="D1")
    shop.tick("2026-03-01 11:00")
    assert shop.texts() == []
    shop.resume("wake", "2026-03-01 12:00")
    shop.tick("2026-03-01 12:00")
    assert shop.texts() == ["thanks"]


def test_closing_lets_nobody_in_and_those_inside_finish(shop: Shop) -> None:
    shop.open("2026-03-01 08:00", wake=BODY)
    ann, bob = shop.people(2)
    follow(shop, ann)
    shop.open("2026-03-01 10:00", wake="status: closing\n" + BODY)
    follow(shop, bob, at="2026-03-01 11:00")
    shop.tick("2026-03-02 09:00", "2026-03-03 09:00")
    assert [(run.person, run.reason) for run in shop.runs()] == [(ann, "finished")]


def test_stopped_sends_all_home_and_withdraws_their_messages(shop: Shop) -> None:
    shop.batch = 3
    shop.open("2026-03-01 08:00", wake=BODY.replace("{wait: 1d}, {send: hello}", "{send: hello}"))
    follow(shop, *shop.people(8))
    shop.open("2026-03-01 10:00", wake="status: stopped\n" + BODY)
    assert {run.reason for run in shop.runs()} == {"stopped"}
    assert {message.state for message in shop.messages(None)} == {"CANCELLED"}


@pytest.mark.parametrize(("head", "settle"), [("pace: 1 a day\n", ""), ("", ", settle: 1d")])
def test_stopped_lets_go_who_waits_to_enter(shop: Shop, head: str, settle: str) -> None:
    shop.batch = 3
    body = head + f"enter: {{event: wechat.followed{settle}, catch_up: 90d}}\nagain: finished\nsteps: [{{wait: 1d}}]\n"
    shop.open("2026-03-01 08:00", wake=body)
    follow(shop, *shop.people(8))
    began = len(shop.runs())
    shop.open("2026-03-01 10:00", wake="status: stopped\n" + body)
    shop.open("2026-03-02 10:00", wake=body)
    shop.tick("2026-03-03 10:00")
    assert len(shop.runs()) == began


def test_a_draft_is_not_installed(shop: Shop) -> None:
    shop.open("2026-03-01 08:00", wake="status: draft\n" + BODY)
    follow(shop, shop.person())
    assert shop.runs() == []


def test_a_run_that_no_statement_can_read_is_set_aside_and_the_others_go_on(shop: Shop) -> None:
    body = BODY.replace("{send: hello}", "{if: {entry.scene: x}, then: [{send: hello}], else: [{send: other}]}")
    shop.open("2026-03-01 08:00", wake="owner: ops\n" + body)
    people = shop.people(9)
    follow(shop, *people)
    shop.poisoned = True
    good = shop.store.value("SELECT data FROM run WHERE person_id = :p", p=people[4])
    with shop.store.write() as tx:
        tx.run("UPDATE run SET data = '{broken' WHERE person_id = :p", p=people[4])
    shop.tick("2026-03-02 09:00")
    assert [message.person for message in shop.messages()] == [p for p in people if p != people[4]]
    ((run_id, error),) = shop.store.rows("SELECT run_id, error FROM stuck")
    assert (run_id, bool(error)) == (5, True)
    ((role, who, text),) = shop.store.rows("SELECT ref, person_id, payload FROM effect WHERE kind = 'notify'")
    assert (role, who) == ("ops", people[4])
    assert "wake: somebody is stuck at wait" in json.loads(text)["text"]
    assert shop.tick("2026-03-02 09:01").advanced == 0
    with shop.store.write() as tx:
        tx.run("UPDATE run SET data = :good WHERE id = 5", good=good)
    assert orders.retry_stuck(shop.parts, "ann", shop.ts("2026-03-02 09:02")) == 1
    shop.tick("2026-03-02 09:02")
    assert [message.person for message in shop.messages()][-1] == people[4]
    assert shop.store.rows("SELECT * FROM stuck") == []


def test_the_owner_hears_of_who_is_stuck_again_after_a_retry(shop: Shop) -> None:
    body = BODY.replace("{send: hello}", "{if: {entry.scene: x}, then: [{send: hello}]}")
    shop.open("2026-03-01 08:00", wake="owner: ops\n" + body)
    follow(shop, shop.person())
    shop.poisoned = True
    with shop.store.write() as tx:
        tx.run("UPDATE run SET data = '{broken'")
    shop.tick("2026-03-02 09:00")
    with shop.store.write() as tx:
        tx.run("UPDATE effect SET state = 1, due = NULL")  # the owner was told
    told = shop.store.value("SELECT id FROM effect")
    orders.retry_stuck(shop.parts, "ann", shop.ts("2026-03-03 09:00"))
    shop.tick("2026-03-03 09:00")
    ((again, due),) = shop.store.rows("SELECT id, due FROM effect")
    assert (again > told, shop.say(due)) == (True, "2026-03-03 09:15")


def test_resuming_does_not_wake_what_was_set_aside(shop: Shop) -> None:
    shop.open("2026-03-01 08:00", wake=BODY)
    follow(shop, shop.person())
    shop.poisoned = True
    with shop.store.write() as tx:
        tx.run("INSERT INTO stuck (run_id, at, node, error) SELECT id, 1, node, 'x' FROM run")
        tx.run("UPDATE run SET held_due = due, due = NULL")
    shop.tick("2026-03-02 09:00")
    assert shop.texts() == []
