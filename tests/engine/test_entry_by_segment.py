"""Entry by segment, by schedule and by hand: existing, pace, catch_up, active, start with data, the bound of depth."""

from __future__ import annotations

import pytest

from tests.engine.shop import Shop

GOLD = """
enter: {segment: gold, check: daily 09:00, existing: include}
again: finished
steps:
  - {wait: 30d}
"""


def test_the_check_lets_in_who_is_in_the_segment_and_not_before_its_time(shop: Shop) -> None:
    shop.open("2026-03-01 08:00", wake=GOLD)
    ann = shop.person(tier="gold")
    shop.person(tier="basic")
    shop.tick("2026-03-01 08:59")
    assert shop.runs() == []
    shop.tick("2026-03-01 09:00", "2026-03-01 09:01", "2026-03-02 09:00")
    assert [run.person for run in shop.runs()] == [ann]
    assert shop.run().due == "2026-03-31 09:00"


def test_existing_skip_leaves_out_who_was_there_until_they_leave_and_come_back(shop: Shop) -> None:
    shop.batch = 2
    shop.folder.mkdir(exist_ok=True)
    shop.open("2026-03-01 07:00", other=GOLD.replace("gold", "dormant"))
    old = [shop.person(tier="gold") for _ in range(5)]
    shop.open("2026-03-01 08:00", wake=GOLD.replace("include", "skip"))
    new = shop.person(tier="gold")
    shop.tick("2026-03-01 09:00")
    assert [run.person for run in shop.runs("wake")] == [new]
    shop.set(old[0], tier="basic")
    shop.tick("2026-03-02 09:00")
    shop.set(old[0], tier="gold")
    shop.tick("2026-03-03 09:00")
    assert [run.person for run in shop.runs("wake")] == [new, old[0]]


def test_a_paused_first_version_does_not_lose_who_was_there(shop: Shop) -> None:
    shop.open("2026-03-01 07:00", wake="status: paused\n" + GOLD.replace("include", "skip"))
    shop.person(tier="gold")
    shop.open("2026-03-01 08:00", wake=GOLD.replace("include", "skip"))
    shop.tick("2026-03-01 09:00")
    assert shop.runs() == []


def test_pace_lets_in_so_many_a_day_in_a_stable_order(shop: Shop) -> None:
    shop.open("2026-03-01 08:00", wake="pace: 2 a day\n" + GOLD)
    people = shop.people(5, tier="gold")
    shop.tick("2026-03-01 09:00", "2026-03-01 10:00")
    assert len(shop.runs()) == 2
    shop.tick("2026-03-02 09:00", "2026-03-03 09:00", "2026-03-04 09:00")
    entered = [run.person for run in shop.runs()]
    assert sorted(entered) == people
    assert entered != people


def test_a_rare_check_lets_the_others_in_on_the_next_days(shop: Shop) -> None:
    shop.open("2026-03-01 08:00", wake="pace: 2 a day\n" + GOLD.replace("daily 09:00", "every month on 2 09:00"))
    shop.people(5, tier="gold")
    shop.tick("2026-03-01 12:00")
    assert shop.runs() == []
    shop.tick("2026-03-02 09:00", "2026-03-02 18:00")
    assert len(shop.runs()) == 2
    shop.tick("2026-03-03 08:59")
    assert len(shop.runs()) == 2
    shop.tick("2026-03-03 09:00", "2026-03-04 09:00")
    assert len(shop.runs()) == 5


def test_who_waits_for_the_day_after_a_rare_check_enters_on_the_morning_after_it_was_missed(shop: Shop) -> None:
    shop.open("2026-03-01 08:00", wake="pace: 2 a day\n" + GOLD.replace("daily 09:00", "every month on 2 09:00"))
    shop.people(5, tier="gold")
    shop.tick("2026-03-02 09:00")
    assert len(shop.runs()) == 2
    shop.tick("2026-03-04 08:00")
    assert len(shop.runs()) == 4
    shop.tick("2026-03-04 08:30")
    assert len(shop.runs()) == 4


def test_after_a_stop_one_check_finds_whoever_missed_the_earlier_ones(shop: Shop) -> None:
    shop.open("2026-03-01 08:00", wake=GOLD)
    shop.person(tier="gold")
    shop.tick("2026-03-05 10:00")
    assert len(shop.runs()) == 1
    assert shop.run().due == "2026-04-04 09:00"


def test_a_check_older_than_catch_up_is_passed_over(shop: Shop) -> None:
    shop.open("2026-03-01 08:00", wake=GOLD.replace("existing", "catch_up: 2h, existing"))
    shop.person(tier="gold")
    shop.tick("2026-03-01 12:00")
    assert shop.runs() == []
    shop.tick("2026-03-02 10:00")
    assert len(shop.runs()) == 1


def test_a_check_outside_the_active_dates_is_not_made_up_for(shop: Shop) -> None:
    shop.open("2026-03-01 08:00", wake="active: 2026-03-03 to 2026-03-05\n" + GOLD)
    shop.person(tier="gold")
    shop.tick("2026-03-03 08:00")
    assert shop.runs() == []
    shop.tick("2026-03-03 09:00")
    assert len(shop.runs()) == 1


def test_nobody_enters_outside_the_active_dates(shop: Shop) -> None:
    shop.open("2026-03-01 08:00", wake="active: 2026-03-02 to 2026-03-03\n" + GOLD)
    shop.person(tier="gold")
    shop.tick("2026-03-01 09:00")
    assert shop.runs() == []
    shop.tick("2026-03-02 09:00")
    assert len(shop.runs()) == 1
    shop.person(tier="gold")
    shop.tick("2026-03-04 09:00")
    assert len(shop.runs()) == 1


def test_the_stay_of_whom_the_pace_kept_waiting_begins_when_it_is_their_turn(shop: Shop) -> None:
    shop.open(
        "2026-03-01 08:00",
        wake="pace: 1 a day\ngoal: {event: order.paid, up_to: 2d}\nenter: {event: wechat.followed}\nagain: finished\n"
        "steps: [{send: hello, expires: 2h}, {wait: 1d}, {send: more}]\n",
    )
    for person in shop.people(2):
        shop.event(person, "wechat.followed", "2026-03-01 09:00")
    shop.tick("2026-03-01 09:00")
    second = ({1, 2} - {run.person for run in shop.runs()}).pop()
    shop.event(second, "order.paid", "2026-03-01 12:00", order_id="D1")
    shop.tick("2026-03-01 12:00", "2026-03-02 00:05")
    assert [(run.due, run.goal) for run in shop.runs()] == [("2026-03-02 09:00", None), ("2026-03-03 00:05", None)]
    assert [message.expires for message in shop.messages()] == ["2026-03-01 11:00", "2026-03-02 02:05"]
    shop.event(second, "order.paid", "2026-03-04 00:05", order_id="D2")
    shop.tick("2026-03-04 00:05")
    assert [run.goal for run in shop.runs()] == [None, "2026-03-04 00:05"]


def test_a_turn_that_comes_within_the_hour_keeps_the_moment_it_was_asked_for(shop: Shop) -> None:
    shop.open("2026-03-01 08:00", wake="enter: {manual: true}\nagain: finished\nsteps: [{wait: 1d}]\n")
    ann, bob = shop.people(2)
    shop.enter("wake", ann, "2026-03-01 09:00")
    shop.enter("wake", bob, "2026-03-01 08:59:59")
    shop.tick("2026-03-01 10:00")
    assert [run.due for run in shop.runs()] == ["2026-03-02 09:00", "2026-03-02 10:00"]


def test_of_two_requests_for_one_person_the_second_finds_what_the_first_left_behind(shop: Shop) -> None:
    shop.open(
        "2026-03-01 08:00",
        wake="pace: 9 a day\nenter: {event: wechat.followed}\nagain: after 2d\nsteps: [{send: hello}]\n",
    )
    ann, bob = shop.people(2)
    for person, at in ((ann, "2026-03-01 09:00"), (bob, "2026-03-01 09:00"), (ann, "2026-03-01 09:05")):
        shop.event(person, "wechat.followed", at)
    shop.tick("2026-03-01 09:10")
    assert sorted(run.person for run in shop.runs()) == [ann, bob]
    assert sorted(message.person for message in shop.messages()) == [ann, bob]
    assert shop.store.rows("SELECT used FROM paced") == [(2,)]


CALLED = """
enter: {schedule: "2026-06-18 10:00", segment: gold}
again: never
steps:
  - {send: hello}
"""


def test_a_schedule_calls_the_segment_once(shop: Shop) -> None:
    shop.open("2026-03-01 08:00", wake=CALLED)
    ann = shop.person(tier="gold")
    shop.tick("2026-06-18 09:59", "2026-06-18 10:00", "2026-06-18 10:01")
    shop.person(tier="gold")
    shop.tick("2026-06-19 10:00", "2027-06-18 10:00")
    assert [run.person for run in shop.runs()] == [ann]


def test_a_paced_schedule_lets_those_wait_whom_it_called(shop: Shop) -> None:
    shop.open("2026-03-01 08:00", wake="pace: 2 a day\n" + CALLED)
    called = shop.people(5, tier="gold")
    shop.tick("2026-06-18 10:00")
    shop.person(tier="gold")
    assert len(shop.runs()) == 2
    shop.tick("2026-06-19 00:01", "2026-06-20 00:01", "2026-06-21 00:01")
    assert sorted(run.person for run in shop.runs()) == called


def test_a_monthly_schedule_comes_every_month(shop: Shop) -> None:
    text = CALLED.replace('"2026-06-18 10:00"', "every month on 1 10:00").replace("never", "finished")
    shop.open("2026-03-01 08:00", wake=text)
    shop.person(tier="gold")
    shop.tick("2026-03-01 10:00", "2026-03-15 10:00", "2026-04-01 10:00", "2026-05-01 10:00")
    assert len(shop.runs()) == 3


MANUAL = """
enter: {manual: true}
again: finished
steps:
  - {wait: 1d}
"""


def test_whoever_is_asked_in_by_hand_enters_once_however_often_asked(shop: Shop) -> None:
    shop.open("2026-03-01 08:00", wake=MANUAL)
    ann = shop.person()
    shop.enter("wake", ann, "2026-03-01 09:00")
    shop.enter("wake", ann, "2026-03-01 09:01")
    shop.tick("2026-03-01 09:02")
    assert [run.person for run in shop.runs()] == [ann]
    assert shop.store.value("SELECT count(*) FROM entrant") == 0


IN_APRIL = "active: 2026-04-01 to 2026-04-30\n"


def test_who_is_asked_in_before_the_active_dates_enters_on_the_first_of_them(shop: Shop) -> None:
    shop.open(
        "2026-03-01 08:00",
        first="enter: {event: order.paid}\nkey: order_id\nsteps: [{start: second}]\n",
        second=IN_APRIL + MANUAL,
    )
    ann, bob = shop.people(2)
    shop.event(ann, "order.paid", "2026-03-01 09:00", order_id="D1")
    shop.enter("second", bob, "2026-03-01 09:00")
    shop.tick("2026-03-01 09:00", "2026-03-31 23:59")
    assert shop.runs("second") == []
    shop.tick("2026-04-01 00:00")
    assert [(run.person, run.due) for run in shop.runs("second")] == [
        (ann, "2026-04-02 00:00"),
        (bob, "2026-04-02 00:00"),
    ]


def test_who_is_still_in_line_when_the_active_dates_are_over_does_not_enter(
    shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    shop.batch = 2
    text = "enter: {event: wechat.followed}\nagain: finished\nsteps: [{send: hello}]\n"
    shop.open("2026-04-01 08:00", wake=f"pace: 1 a day\n{IN_APRIL}{text}")
    for person in shop.people(5):
        shop.event(person, "wechat.followed", "2026-04-29 09:00")
    shop.tick("2026-04-29 09:00", "2026-04-30 23:59")
    assert len(shop.runs()) == 2
    shop.tick("2026-05-01 00:00")
    assert "in line for wake do not enter" in caplog.text
    shop.open("2026-05-02 08:00", wake=f"pace: 1 a day\n{IN_APRIL.replace('04-30', '05-31')}{text}")
    shop.tick("2026-05-02 09:00")
    assert len(shop.runs()) == 2


def test_whoever_a_pause_keeps_in_line_is_not_sent_away_by_the_end_of_the_active_dates(shop: Shop) -> None:
    shop.open("2026-04-01 08:00", wake=IN_APRIL + MANUAL)
    shop.pause("wake", "2026-04-01 09:00")
    ann = shop.person()
    shop.enter("wake", ann, "2026-04-30 09:00")
    shop.tick("2026-05-01 09:00")
    shop.open("2026-05-02 08:00", wake=IN_APRIL.replace("04-30", "05-31") + MANUAL)
    shop.resume("wake", "2026-05-02 09:00")
    shop.tick("2026-05-02 09:00")
    assert [run.person for run in shop.runs()] == [ann]


def test_start_hands_over_values_and_does_not_wait(shop: Shop) -> None:
    shop.open(
        "2026-03-01 08:00",
        first="enter: {event: csat.answered}\nagain: finished\n"
        "steps:\n  - {start: second, with: {score: {from: entry.score}, how: 问卷}}\n  - {send: hello}\n",
        second="enter: {manual: true, if: {entry.score: {at_least: 9}}}\nagain: finished\nsteps: [{send: thanks}]\n",
    )
    ann, bob = shop.people(2)
    shop.event(ann, "csat.answered", "2026-03-01 09:00", score=10)
    shop.event(bob, "csat.answered", "2026-03-01 09:00", score=3)
    shop.tick("2026-03-01 09:00")
    assert shop.run("second").data["entry"] == {"score": 10, "how": "问卷"}
    assert sorted(shop.texts()) == ["hello", "hello", "thanks"]


def test_two_runs_that_start_one_journey_for_one_customer_start_it_once(shop: Shop) -> None:
    shop.open(
        "2026-03-01 08:00",
        first="enter: {event: order.paid}\nkey: order_id\nsteps: [{wait: 1d}, {start: second}]\n",
        second="enter: {manual: true}\nagain: finished\nsteps: [{wait: 1d}]\n",
    )
    ann = shop.person()
    for order in ("D1", "D2"):
        shop.event(ann, "order.paid", "2026-03-01 09:00", order_id=order)
    shop.tick("2026-03-01 09:00", "2026-03-02 09:00")
    assert len(shop.runs("second")) == 1


def test_journeys_that_start_one_another_stop_at_a_depth_of_eight(shop: Shop) -> None:
    text = "enter: {manual: true}\nagain: finished\nsteps: [{wait: 1s}, {start: OTHER}]\n"
    shop.open("2026-03-01 08:00", ping=text.replace("OTHER", "pong"), pong=text.replace("OTHER", "ping"))
    shop.enter("ping", shop.person(), "2026-03-01 09:00")
    shop.tick(*[f"2026-03-01 09:{minute:02}" for minute in range(0, 40, 2)])
    assert len(shop.runs()) == 9


def test_a_poisoned_request_is_set_aside_and_the_others_enter(shop: Shop) -> None:
    shop.open("2026-03-01 08:00", wake=MANUAL.replace("true", "true, if: {city: 上海}"))
    people = shop.people(5, city="上海")
    for person in people:
        shop.enter("wake", person, "2026-03-01 09:00")
    shop.poisoned = True
    with shop.store.write() as tx:
        tx.run("UPDATE person SET attrs = '{broken' WHERE id = :id", id=people[2])
    shop.tick("2026-03-01 09:00")
    assert len(shop.runs()) == 4
    assert shop.store.value("SELECT count(*) FROM audit WHERE what = 'entry set aside'") == 1
