"""Edited files and those inside: nobody is left behind by a kill, and nothing is given twice."""

from __future__ import annotations

import os
import signal
from collections import Counter
from typing import Any

import pytest

from automation.engine import bringing
from automation.store.database import Store
from tests.engine.shop import Shop

HEAD = "enter: {event: wechat.followed}\nagain: finished\n"
OLD = HEAD + "steps:\n  - {wait: 5d, id: pause}\n  - {send: old_text}\n"
NEW = HEAD + "steps:\n  - {wait: 2d, id: pause}\n  - {send: new_text}\n"
WAYS = [
    ("follow", "2026-03-06 09:00"),
    ("recount", "2026-03-03 09:00"),
    ("restart", "2026-03-04 11:00"),
]  # fmt: skip


class Died(Exception):
    pass


def five_inside(shop: Shop) -> list[int]:
    shop.batch = 2
    shop.open("2026-03-01 08:00", wake=OLD)
    people = shop.people(5)
    for person in people:
        shop.event(person, "wechat.followed", "2026-03-01 09:00")
    shop.tick("2026-03-01 09:00")
    return people


def dies_at_slice(shop: Shop, number: int, monkeypatch: pytest.MonkeyPatch, at: str, **journeys: str) -> None:
    """Takes files into use, and ends before this slice of people; the next engine knows only what the store keeps."""
    passed, bring = Counter[str](), bringing._bring_slice

    def dying(*given: Any) -> int | None:
        passed["slice"] += 1
        if passed["slice"] == number:
            raise Died
        return bring(*given)

    with monkeypatch.context() as patch:
        patch.setattr(bringing, "_bring_slice", dying)
        with pytest.raises(Died):
            shop.open(at, **journeys)
    shop._parts = None


@pytest.mark.parametrize("number", [1, 2, 3])
@pytest.mark.parametrize(("on_change", "due"), WAYS)
def test_who_was_left_is_brought_along_by_the_next_start(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, on_change: str, due: str, number: int
) -> None:
    people = five_inside(shop)
    edited = f"on_change: {on_change}\n" + NEW
    dies_at_slice(shop, number, monkeypatch, "2026-03-02 11:00", wake=edited)
    shop.reload("2026-03-02 11:00")
    shop.tick("2026-03-02 11:00")
    inside = [run for run in shop.runs() if run.inside]
    assert sorted(run.person for run in inside) == people
    assert {(run.version, run.due) for run in inside} == {(2, due)}
    assert len(shop.runs()) == (10 if on_change == "restart" else 5), "nobody begins anew twice"
    shop.reload("2026-03-02 12:00")
    shop.tick("2026-03-02 12:00", due)
    assert len(shop.runs()) == (10 if on_change == "restart" else 5)
    assert shop.texts() == ["new_text"] * 5


def test_nobody_is_sent_out_to_begin_anew_where_active_is_over(shop: Shop) -> None:
    active = "active: 2026-03-01 to 2026-03-02\non_change: restart\n"
    shop.open("2026-03-01 08:00", wake=active + OLD)
    shop.event(shop.person(), "wechat.followed", "2026-03-01 09:00")
    shop.tick("2026-03-01 09:00")
    shop.open("2026-03-03 11:00", wake=active + NEW)
    shop.tick("2026-03-06 09:00")
    assert [(run.reason, run.version) for run in shop.runs()] == [("finished", 1)]
    assert shop.texts() == ["old_text"]


def test_the_same_after_a_kill_with_sqlite(sqlite_store: Store, tmp_path: Any) -> None:
    shop = Shop(sqlite_store, tmp_path)
    people = five_inside(shop)
    edited = "on_change: restart\n" + NEW
    shop.store.close()
    child = os.fork()
    if child == 0:
        bringing._bring_along = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
        try:
            shop.store, shop._parts = Store(sqlite_store.url), None
            shop.open("2026-03-02 11:00", wake=edited)
        finally:
            os._exit(1)
    assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGKILL
    shop.store, shop._parts = Store(sqlite_store.url), None
    shop.reload("2026-03-02 11:00")
    shop.tick("2026-03-02 11:00")
    assert [run.person for run in shop.runs() if run.inside and run.version == 2] == people
    shop.store.close()


def test_a_newer_file_that_pins_comes_after_what_was_left_to_do(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    five_inside(shop)
    dies_at_slice(shop, 2, monkeypatch, "2026-03-02 11:00", wake="on_change: recount\n" + NEW)
    shop.open("2026-03-02 12:00", wake=NEW.replace("new_text", "newest"))
    assert {(run.version, run.due) for run in shop.runs()} == {(2, "2026-03-03 09:00")}
    shop.tick("2026-03-03 09:00")
    assert shop.texts() == ["new_text"] * 5


def test_who_was_pinned_stays_where_they_are_however_often_files_are_read(shop: Shop) -> None:
    five_inside(shop)
    shop.open("2026-03-02 11:00", wake=NEW)
    shop._parts = None
    shop.reload("2026-03-02 12:00")
    assert {(run.version, run.due) for run in shop.runs()} == {(1, "2026-03-06 09:00")}
    shop.open("2026-03-02 13:00", wake="on_change: follow\n" + NEW)
    assert {(run.version, run.due) for run in shop.runs()} == {(3, "2026-03-06 09:00")}, "an edit takes all who are in"


SWAPPED = """
on_change: follow
enter: {event: wechat.followed}
again: finished
steps:
  - {wait: 1h, id: w1}
  - {coupon: gift, else: [{send: sorry}]}
  - {send: hello}
  - {send: later, at: +1m}
  - {points: 5, reason: x}
  - {webhook: crm}
  - {start: second}
  - {wait: 1h, id: w2}
  - {send: bye}
"""


def test_an_edit_that_leads_past_the_same_steps_again_gives_nothing_twice(shop: Shop) -> None:
    second = "enter: {manual: true}\nagain: finished\nsteps: [{send: welcome}]\n"
    shop.open("2026-03-01 08:00", wake=SWAPPED, second=second)
    shop.codes("gift", "A1", "A2", "A3")
    ann = shop.person()
    shop.event(ann, "wechat.followed", "2026-03-01 09:00")
    shop.tick("2026-03-01 09:00")
    shop.tick("2026-03-01 10:00")
    had = ["hello", "later", "welcome"]
    assert sorted(shop.texts()) == had
    swapped = SWAPPED.replace("id: w1", "id: first").replace("id: w2", "id: w1").replace("id: first", "id: w2")
    shop.open("2026-03-01 10:30", wake=swapped)
    shop.tick("2026-03-01 11:01", "2026-03-01 12:02", "2026-03-01 13:03")
    assert [(run.journey, run.reason) for run in shop.runs()] == [("wake", "finished"), ("second", "finished")]
    assert sorted(shop.texts()) == sorted([*had, "bye"])
    for table in ("points", "coupon", "effect"):
        assert shop.store.value(f"SELECT count(*) FROM {table} WHERE person_id = :ann", ann=ann) == 1, table
    assert shop.store.value("SELECT points FROM person WHERE id = :ann", ann=ann) == 5


def test_who_begins_anew_has_what_the_entry_gave_and_nothing_of_the_run_before(shop: Shop) -> None:
    body = "on_change: restart\nenter: {event: order.paid}\nagain: finished\n"
    body += "steps:\n  - {coupon: gift, else: [{tag: nothing}]}\n  - {wait: 1d, id: w}\n"
    shop.open("2026-03-01 08:00", wake=body)
    shop.codes("gift", "A1")
    ann = shop.person()
    shop.event(ann, "order.paid", "2026-03-01 09:00", order_id="1")
    shop.tick("2026-03-01 09:00")
    assert (shop.run().data["coupon"]["code"], shop.tags(ann)) == ("A1", set())
    shop.open("2026-03-01 10:00", wake=body.replace("1d", "2d"))
    shop.tick("2026-03-01 10:00")
    old, new = shop.runs()
    assert new.data == {"entry": old.data["entry"]}
    assert shop.tags(ann) == {"nothing"}


def test_who_began_with_nothing_begins_anew_with_nothing(shop: Shop) -> None:
    body = "on_change: restart\nenter: {manual: true}\nagain: finished\nsteps: [{coupon: made}, {wait: 1d, id: w}]\n"
    shop.open("2026-03-01 08:00", wake=body)
    shop.enter("wake", shop.person(), "2026-03-01 09:00")
    shop.tick("2026-03-01 09:00")
    shop.open("2026-03-01 10:00", wake=body.replace("coupon: made", "tag: x"))
    shop.tick("2026-03-01 10:00")
    assert [row[0] for row in shop.store.rows("SELECT data FROM run ORDER BY id")][1] is None


def test_who_is_not_let_in_anew_goes_on_in_the_run_they_have(shop: Shop) -> None:
    body = "on_change: restart\nenter: {event: wechat.followed, if: {not: {tag: blocked}}}\nagain: never\n"
    body += "steps: [{wait: 1d, id: w}]\n"
    shop.open("2026-03-01 08:00", wake=body)
    ann = shop.person()
    shop.event(ann, "wechat.followed", "2026-03-01 09:00")
    shop.tick("2026-03-01 09:00")
    shop.tag(ann, "blocked")
    shop.open("2026-03-01 10:00", wake=body.replace("1d", "6d"))
    shop.tick("2026-03-01 10:00")
    assert [(run.reason, run.due) for run in shop.runs()] == [(None, "2026-03-02 09:00")]
    with shop.store.write() as tx:
        tx.run("DELETE FROM person_tag")
    shop.open("2026-03-01 11:00", wake=body.replace("1d", "7d"))
    shop.tick("2026-03-01 11:00")
    assert [(run.reason, run.due) for run in shop.runs()] == [("restarted", None), (None, "2026-03-08 11:00")]


PACED = "on_change: restart\nenter: {event: wechat.followed}\nagain: finished\npace: 1 a day\n"
BEFORE = "steps:\n  - {wait: 5d, id: pause}\n  - {send: old_text}\n"
AFTER = "steps:\n  - {wait: 2d, id: pause}\n  - {send: new_text}\n"


def two_in_line_to_begin_anew(shop: Shop, more: str = "") -> None:
    """Both enter on the first of March; one of them begins anew on the second, at ten."""
    shop.open("2026-03-01 08:00", wake=more + PACED.replace("1 a day", "9 a day") + BEFORE)
    for person in shop.people(2):
        shop.event(person, "wechat.followed", "2026-03-01 09:00")
    shop.tick("2026-03-01 09:00")
    shop.open("2026-03-02 10:00", wake=more + PACED + AFTER)
    assert [run.inside for run in shop.runs()] == [True, True]
    shop.tick("2026-03-02 10:00")


def versions_inside(shop: Shop) -> list[int]:
    return sorted(run.version for run in shop.runs() if run.inside)


def test_who_waits_for_the_pace_to_begin_anew_goes_on_in_the_run_they_have(shop: Shop) -> None:
    two_in_line_to_begin_anew(shop)
    assert versions_inside(shop) == [1, 2]
    shop.tick("2026-03-03 10:00")
    assert versions_inside(shop) == [2, 2]
    assert [run.reason for run in shop.runs()] == ["restarted", "restarted", None, None]
    shop.tick("2026-03-06 10:00")
    assert shop.texts() == ["new_text"] * 2


def test_who_waits_to_begin_anew_when_active_ends_keeps_the_run_they_have(shop: Shop) -> None:
    two_in_line_to_begin_anew(shop, "active: 2026-03-01 to 2026-03-02\n")
    shop.tick("2026-03-03 10:00", "2026-03-06 10:00")
    assert sorted(shop.texts()) == ["new_text", "old_text"]
    assert [run.reason for run in shop.runs()].count("restarted") == 1
    assert shop.store.value("SELECT count(*) FROM entrant") == 0


def test_who_has_come_to_the_end_before_their_turn_does_not_begin_anew(shop: Shop) -> None:
    five_inside(shop)
    shop.open("2026-03-02 10:00", wake=PACED + AFTER)
    shop.tick("2026-03-02 10:00", "2026-03-06 09:00", "2026-03-07 10:00", "2026-03-08 10:00")
    assert sorted(shop.texts()) == ["new_text"] * 2 + ["old_text"] * 3
    shop.tick("2026-03-09 10:00", "2026-03-10 10:00")
    assert len(shop.runs()) == 7
    assert shop.store.value("SELECT count(*) FROM entrant") == 0


def test_whose_run_ended_while_they_were_in_line_keeps_nobody_else_from_beginning_anew(shop: Shop) -> None:
    shop.batch = 1
    body = "on_change: restart\nenter: {event: wechat.followed}\nagain: finished\nexit: [{event: order.paid}]\n"
    shop.open("2026-03-01 08:00", wake=body + BEFORE)
    ann, bob = shop.people(2)
    for person in (ann, bob):
        shop.event(person, "wechat.followed", "2026-03-01 09:00")
    shop.tick("2026-03-01 09:00")
    shop.open("2026-03-02 10:00", wake=body + AFTER)
    shop.pause("wake", "2026-03-02 10:01")
    shop.event(ann, "order.paid", "2026-03-02 10:02", order_id="1")
    shop.tick("2026-03-02 10:02")
    shop.resume("wake", "2026-03-02 10:03")
    shop.tick("2026-03-02 10:03")
    assert [(run.person, run.reason) for run in shop.runs()] == [(ann, "exit 1"), (bob, "restarted"), (bob, None)]
    assert shop.store.value("SELECT count(*) FROM entrant") == 0


def test_who_is_edited_twice_while_in_line_begins_anew_once(shop: Shop) -> None:
    two_in_line_to_begin_anew(shop)
    shop.open("2026-03-02 11:00", wake=PACED.replace("1 a day", "9 a day") + AFTER.replace("new_text", "newest"))
    shop.tick("2026-03-02 11:00")
    assert [run.version for run in shop.runs()] == [1, 1, 2, 3, 3]
    shop.tick("2026-03-05 11:00")
    assert shop.texts() == ["newest"] * 2


def test_who_was_taken_along_while_in_line_does_not_begin_anew_by_an_older_file(shop: Shop) -> None:
    two_in_line_to_begin_anew(shop)
    shop.open("2026-03-02 11:00", wake=PACED.replace("restart", "follow") + AFTER.replace("2d", "8d"))
    shop.open("2026-03-02 12:00", wake=PACED.replace("restart", "pin") + AFTER.replace("2d", "9d"))
    shop.tick("2026-03-03 10:00", "2026-03-04 10:00")
    assert [run.version for run in shop.runs()] == [1, 3, 3]


@pytest.mark.parametrize("newer", ["follow", "the old file again"])
def test_a_newer_file_that_restarts_nobody_lets_those_in_line_go_on(shop: Shop, newer: str) -> None:
    two_in_line_to_begin_anew(shop)
    follows = "on_change: follow\n" + HEAD + AFTER.replace("new_text", "newest")
    shop.open("2026-03-02 11:00", wake=follows if newer == "follow" else PACED.replace("1 a", "9 a") + BEFORE)
    shop.tick("2026-03-02 11:00")
    if newer == "follow":
        assert versions_inside(shop) == [3, 3]
        assert len(shop.runs()) == 3
    else:
        assert versions_inside(shop) == [1, 1]
        assert len(shop.runs()) == 4
    assert shop.store.value("SELECT count(*) FROM entrant") == 0


@pytest.mark.parametrize("on_change", ["follow", "recount"])
def test_who_is_brought_along_reaches_the_goal_of_the_new_file_counted_from_the_entry(
    shop: Shop, on_change: str
) -> None:
    body = f"on_change: {on_change}\n" + HEAD + "steps: [{wait: 9d, id: w}, {send: hello}]\n"
    shop.open("2026-03-01 08:00", wake=body)
    ann, bob = shop.people(2)
    for person in (ann, bob):
        shop.event(person, "wechat.followed", "2026-03-01 09:00")
    shop.tick("2026-03-01 09:00")
    shop.open("2026-03-02 10:00", wake="goal: {event: order.paid, up_to: 3d}\nexit: [goal]\n" + body)
    shop.event(ann, "order.paid", "2026-03-04 09:00", order_id="1")
    shop.event(bob, "order.paid", "2026-03-04 09:01", order_id="2")
    shop.tick("2026-03-04 09:01", "2026-03-10 09:00")
    assert [(run.person, run.reason, run.goal) for run in shop.runs()] == [
        (ann, "goal", "2026-03-04 09:00"),
        (bob, "finished", None),
    ]
    assert [message.person for message in shop.messages()] == [bob]


def test_a_goal_that_the_new_file_lacks_is_no_longer_waited_for_and_what_was_reached_stays(shop: Shop) -> None:
    goal = "goal: {event: order.paid, up_to: 30d, value: amount}\n"
    body = "on_change: follow\n" + HEAD + "steps: [{wait: 9d, id: w}]\n"
    shop.open("2026-03-01 08:00", wake=goal + body)
    ann = shop.person()
    shop.event(ann, "wechat.followed", "2026-03-01 09:00")
    shop.event(ann, "order.paid", "2026-03-01 10:00", order_id="1", amount=100)
    shop.tick("2026-03-01 10:00")
    shop.open("2026-03-02 09:00", wake=body)
    shop.open("2026-03-02 10:00", wake=body.replace("9d", "8d"))
    shop.event(ann, "order.paid", "2026-03-02 11:00", order_id="2", amount=100)
    shop.tick("2026-03-02 11:00")
    assert (shop.run().goal, shop.run().value) == ("2026-03-01 10:00", 100)
    assert shop.store.value("SELECT goal_until FROM run") is None


ASKS = "on_change: recount\n" + HEAD + "steps:\n  - wait_for: {event: order.paid}\n    id: w\n    up_to: 7d\n"
ASKS += "    then: [{send: thanks}]\n    else: [{send: late}]\n  - {wait: 1d}\n"


def test_recount_leaves_a_wait_alone_that_was_answered_in_a_pause(shop: Shop) -> None:
    shop.open("2026-03-01 08:00", wake=ASKS)
    answers, waits = shop.people(2)
    for person in (answers, waits):
        shop.event(person, "wechat.followed", "2026-03-01 09:00")
    shop.tick("2026-03-01 09:00")
    shop.pause("wake", "2026-03-01 10:00")
    shop.event(answers, "order.paid", "2026-03-01 11:00", order_id="1")
    shop.event(waits, "cart.updated", "2026-03-01 11:00")
    shop.tick("2026-03-01 11:00", "2026-03-08 09:00")
    shop.open("2026-03-08 10:00", wake=ASKS.replace("7d", "8d"))
    shop.resume("wake", "2026-03-08 11:00")
    shop.tick("2026-03-08 11:00")
    assert [(message.person, message.step) for message in shop.messages()] == [(answers, "thanks")]
    assert [run.due for run in shop.runs() if run.person == waits] == ["2026-03-09 09:00"]


def test_recount_counts_for_whom_the_answered_step_is_gone(shop: Shop) -> None:
    shop.open("2026-03-01 08:00", wake=ASKS + "  - {wait: 2d, id: rest}\n")
    ann = shop.person()
    shop.event(ann, "wechat.followed", "2026-03-01 09:00")
    shop.tick("2026-03-01 09:00")
    shop.pause("wake", "2026-03-01 10:00")
    shop.event(ann, "order.paid", "2026-03-01 11:00", order_id="1")
    shop.tick("2026-03-01 11:00")
    shop.open("2026-03-01 12:00", wake="on_change: recount\n" + HEAD + "steps: [{wait: 2d, id: rest}]\n")
    assert shop.run().held == "2026-03-03 09:00"
