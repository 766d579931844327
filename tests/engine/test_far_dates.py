"""Dates at the ends of the calendar, as people write them for "for ever": they mean far away, or long past."""

from __future__ import annotations

from typing import Any

import pytest

from automation.engine import orders, timing
from tests.engine.shop import Shop

NEVER, LONG_AGO = "9000-01-01 08:00", "1000-01-01 08:05:43"
PAID = "enter: {event: order.paid}\nagain: finished\n"


def pay(shop: Shop, *ship_on: str) -> list[int]:
    """One customer for each date, who pays at nine."""
    people = shop.people(len(ship_on))
    for number, (person, day) in enumerate(zip(people, ship_on, strict=True)):
        shop.event(person, "order.paid", "2026-03-01 09:00", order_id=str(number), ship_on=day)
    return people


def test_a_customers_date_without_end_stops_nobody(shop: Shop) -> None:
    shop.open(
        "2026-03-01 08:00",
        other=PAID + "steps: [{send: other}]\n",
        wake=PAID + "steps:\n  - {wait: 1h}\n  - {send: hello, expires: entry.ship_on}\n",
    )
    pay(shop, "9999-12-31", "2026-03-03", "0001-01-01")
    shop.tick("2026-03-01 09:00", "2026-03-01 10:00")
    assert shop.texts().count("other") == 3
    assert [message.expires for message in shop.messages() if message.step == "hello"] == [
        NEVER,
        "2026-03-04 00:00",
        LONG_AGO,
    ]


@pytest.mark.parametrize("moment", ["entry.ship_on", "entry.ship_on +1d 09:00", "entry.ship_on +1mo"])
def test_a_wait_until_a_date_without_end_is_not_over(shop: Shop, moment: str) -> None:
    shop.open("2026-03-01 08:00", wake=PAID + f"steps:\n  - {{wait: until {moment}}}\n  - {{send: hello}}\n")
    pay(shop, "9999-12-31", "0001-01-01")
    shop.tick("2026-03-01 09:00")
    assert [run.due for run in shop.runs()] == [NEVER, None]
    assert len(shop.messages()) == 1


@pytest.mark.parametrize(
    ("step", "hello"),
    [
        ("{send: hello, expires: 9999-12-31}", [("2026-03-01 09:00", NEVER)]),
        ("{send: hello, at: 9999-12-31, expires: 1d}", [(NEVER, NEVER)]),
        ("{send: hello, at: 9999-12-31 23:59, expires: month_end}", [(NEVER, NEVER)]),
        ("{if: {last_order_at: {after: 9999-12-31}}, then: [{send: hello}]}", []),
        ("{if: {last_order_at: {between: [2026-01-01, 9999-12-31]}}, then: [{send: hello}]}", [None]),
        ("{if: {last_order_at: {before: 9999-12-31}}, then: [{send: hello}]}", [None]),
        ("{if: {event: {name: order.paid, between: [0001-01-01, 9999-12-31]}}, then: [{send: hello}]}", [None]),
        ("{if: {entry.ship_on: {before: 9999-12-31}}, then: [{send: hello}]}", [None]),
        ("{wait_for: {event: cart.updated}, up_to: 9999-12-31, else: [{send: hello}]}", []),
        ("{wait: until 0001-01-01, id: over}\n  - {send: hello}", [None]),
    ],
)
def test_a_file_may_name_the_ends_of_the_calendar(shop: Shop, step: str, hello: list[tuple[str, str] | None]) -> None:
    shop.open("2026-03-01 08:00", wake=PAID + f"steps:\n  - {step}\n  - {{wait: 3d}}\n")
    pay(shop, "2026-03-03")
    shop.tick("2026-03-01 09:00", "2026-03-02 09:00")
    plain = ("2026-03-01 09:00", "2026-03-02 09:00")
    assert [(message.due, message.expires) for message in shop.messages()] == [one or plain for one in hello]


def test_an_exit_may_name_them_too(shop: Shop) -> None:
    body = PAID + "exit: [{last_order_at: {after: %s}}]\nsteps: [{wait: 1d}, {send: %s}]\n"
    shop.open("2026-03-01 08:00", stay=body % ("9999-12-31", "hello"), go=body % ("0001-01-01", "other"))
    pay(shop, "2026-03-03")
    shop.tick("2026-03-01 09:00", "2026-03-02 09:00")
    assert shop.texts() == ["hello"]


def test_a_coupon_without_end_says_the_last_day_there_is(shop: Shop) -> None:
    shop.files["coupons"] += 'far: {title: 券, amount: 5, codes: {generate: "BD-########"}, valid: 9999-12-31}\n'
    shop.open("2026-03-01 08:00", wake=PAID + "steps: [{coupon: far}, {wait: 1d}]\n")
    pay(shop, "2026-03-03")
    shop.tick("2026-03-01 09:00")
    assert shop.run().data["coupon"]["expires"] == "9999-12-31"


UNFORESEEN = [OverflowError, KeyError, TypeError, ValueError, AttributeError, RecursionError]


def fails_for(monkeypatch: pytest.MonkeyPatch, day: str, error: type[Exception]) -> None:
    """Whatever is worked out from this day of an entry ends in the error."""
    work_out = timing._one

    def failing(parts: Any, when: Any, zone: int, base: int, values: Any, limit: bool) -> int:
        if day in map(str, values.values()):
            raise error("connection")
        return work_out(parts, when, zone, base, values, limit)

    monkeypatch.setattr(timing, "_one", failing)


@pytest.mark.parametrize("error", UNFORESEEN)
def test_a_run_that_nothing_can_be_worked_out_for_is_set_aside_and_the_others_go_on(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    shop.open("2026-03-01 08:00", wake=PAID + "steps:\n  - {wait: 1h}\n  - {send: hello, expires: entry.ship_on}\n")
    people = pay(shop, "2026-03-03", "2026-03-04", "2026-03-05")
    shop.poisoned = True
    with monkeypatch.context() as patch:
        fails_for(patch, "2026-03-04", error)
        shop.tick("2026-03-01 09:00", "2026-03-01 10:00")
    assert [message.person for message in shop.messages()] == [people[0], people[2]]
    assert shop.store.rows("SELECT run_id, error FROM stuck") == [(2, error.__name__)]
    orders.retry_stuck(shop.parts, "ann", shop.ts("2026-03-01 11:00"))
    shop.tick("2026-03-01 11:00")
    assert [message.person for message in shop.messages()] == [people[0], people[2], people[1]]


@pytest.mark.parametrize(("words", "what"), [("pace: 9 a day\n", "entry"), ("", "event")])
def test_who_waits_for_a_turn_or_for_rest_is_set_aside_alone(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, words: str, what: str
) -> None:
    enter = PAID if words else PAID.replace("order.paid", "order.paid, settle: 1h")
    shop.open("2026-03-01 08:00", wake=enter + words + "steps: [{wait: until entry.ship_on}]\n")
    people = pay(shop, "2026-03-03", "2026-03-04", "2026-03-05")
    shop.poisoned = True
    fails_for(monkeypatch, "2026-03-04", OverflowError)
    shop.tick("2026-03-01 09:00", "2026-03-01 10:00")
    assert sorted(run.person for run in shop.runs()) == [people[0], people[2]]
    assert shop.store.value("SELECT count(*) FROM audit WHERE what = :what", what=f"{what} set aside") == 1


def test_an_event_that_nothing_can_be_worked_out_for_is_lost_to_that_journey_only(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    healthy = PAID + "steps: [{wait: 1d}]\n"
    shop.open("2026-03-01 08:00", wake=PAID + "steps: [{wait: until entry.ship_on}]\n", other=healthy)
    people = pay(shop, "2026-03-03", "2026-03-04", "2026-03-05")
    shop.poisoned = True
    fails_for(monkeypatch, "2026-03-04", ValueError)
    shop.tick("2026-03-01 09:00")
    assert sorted(run.person for run in shop.runs("wake")) == [people[0], people[2]]
    assert sorted(run.person for run in shop.runs("other")) == people


@pytest.mark.parametrize("error", [OSError, MemoryError, AssertionError, KeyboardInterrupt])
def test_what_no_row_is_to_blame_for_is_raised_and_sets_nobody_aside(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    shop.open("2026-03-01 08:00", wake=PAID + "steps:\n  - {wait: 1h}\n  - {send: hello, expires: entry.ship_on}\n")
    pay(shop, "2026-03-03")
    shop.tick("2026-03-01 09:00")
    with monkeypatch.context() as patch:
        fails_for(patch, "2026-03-03", error)
        with pytest.raises(error):
            shop.tick("2026-03-01 10:00")
    shop.tick("2026-03-01 10:00")
    assert shop.texts() == ["hello"]


@pytest.mark.parametrize("batch", [None, 2])
def test_whom_the_clock_cannot_let_in_is_left_out_and_the_others_enter(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, batch: int | None
) -> None:
    shop.batch = batch
    shop.open("2026-03-01 08:00", wake="enter: {date: birthday}\nsteps: [{wait: until entry.date +cycle_days}]\n")
    people = [shop.person(birthday="1990-03-08", cycle_days=days) for days in (13, 7, 13, 8, 13)]
    shop.poisoned = True
    fails_for(monkeypatch, "13", ValueError)
    shop.tick("2026-03-08 09:00")
    assert [run.person for run in shop.runs()] == [people[1], people[3]]
    rows = shop.store.rows("SELECT what FROM audit WHERE what LIKE '%set aside'")
    assert rows == [("entry set aside",)] * 3
    assert shop.tick("2026-03-08 09:01").entered == 0


def test_a_journey_nobody_can_enter_by_the_clock_stops_only_itself(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    enter = "enter: {date: birthday, at: 09:00}\n"
    shop.open(
        "2026-03-01 08:00",
        bad=enter + "steps: [{wait: until entry.date 18:00}]\n",
        good=enter + "steps: [{send: hello}]\n",
    )
    for _ in range(10):
        shop.person(birthday="1990-03-08")
    with monkeypatch.context() as patch:
        fails_for(patch, "2026-03-08", ValueError)
        shop.tick("2026-03-08 09:00")
    assert len(shop.texts()) == 10
    assert shop.runs("bad") == []
    shop.tick("2026-03-08 09:01")
    assert len(shop.runs("bad")) == 10
