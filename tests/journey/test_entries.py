"""Every kind of entry is read, and every mistake in one is shown at its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from automation.conditions.tree import Compare, Happened
from automation.festivals.durations import Duration
from automation.journey import graph
from automation.journey.shop import Shop
from tests.journey import shelf

HEAD = "journey: wake\npurpose: promo\n"
TAIL = "\nsteps: [{tag: a}]\n"


@pytest.fixture(scope="module")
def known() -> Shop:
    return shelf.shop()


def entered(text: str, known: Shop, more: str = "again: finished") -> graph.Journey:
    return shelf.read(f"{HEAD}enter: {text}\n{more}{TAIL}", known)


WRONG = [
    ("{event: order.payed}", 16, "C020", "order.paid"),
    ("{event: order.paid, settel: 1h}", 28, "S001", "did you mean 'settle'"),
    ("{event: order.paid, each: items}", 28, "J002", "not available yet"),
    ("{event: order.paid, who: {tag: a}}", 28, "J002", "not available yet"),
    ("{event: order.paid, segment: vip}", 28, "J010", "two kinds"),
    ("{event: order.paid, settle: 1 workday}", 36, "C016", "write days"),
    ("{event: order.paid, catch_up: 1y}", 38, "C016", "write days"),
    ("{evnt: order.paid}", 9, "J010", "did you mean 'event'"),
    ("order.paid", 8, "J010", "an entry is due"),
    ("{segment: vpi, existing: skip}", 18, "J016", "did you mean 'vip'"),
    ("{segment: vip, existing: yes}", 33, "S017", "possible words"),
    ("{segment: vip}", 18, "J012", "existing: skip"),
    ("{segment: vip, existing: skip, check: daily}", 46, "J015", "time of day"),
    ("{date: birthdya}", 15, "J013", "did you mean 'birthday'"),
    ("{date: size}", 15, "J013", "is text, not a date"),
    (f"{{date: birthday, offset: -{'9' * 5_000}d}}", 33, "J015", "a hundred years"),
    ("{date: birthday, offset: -7h}", 33, "J015", "shorter than a day"),
    ("{date: birthday, at: 25:00}", 29, "J015", "00:00 to 23:59"),
    ("{date: birthday, years: 3}", 32, "J017", "such as [1, 3, 5]"),
    ("{date: birthday, years: [0]}", 33, "S018", "outside"),
    ("{festival: [double_11, doubel_12]}", 31, "J014", "did you mean 'double_11'"),
    ("{schedule: every moon 10:00, segment: vip}", 19, "J015", "not a weekday"),
    ('{schedule: "2026-06-18 10:00"}', 8, "S002", "segment"),
    ("{manual: false}", 17, "S015", "manual: true"),
    ("{event: order.paid, if: {entry.amuont: 3}}", 33, "C001", "entry.amount"),
]


@pytest.mark.parametrize(("text", "column", "code", "said"), WRONG, ids=[case[0][:80] for case in WRONG])
def test_a_mistake_is_shown_where_it_stands_with_a_way_out(
    known: Shop, text: str, column: int, code: str, said: str
) -> None:
    found = shelf.problems(f"{HEAD}enter: {text}\nagain: finished{TAIL}", known)
    assert [(one.line, one.column, one.code) for one in found] == [(3, column, code)], found
    assert said in f"{found[0].message} ({found[0].hint})"


def test_by_event(known: Shop) -> None:
    journey = entered("{event: [order.paid, cart.updated], settle: 1h, catch_up: 2h, if: {tier: gold}}", known)
    assert journey.entry == graph.EventEntry(Happened(("order.paid", "cart.updated")), Duration(seconds=3600))
    assert journey.catch_up == Duration(seconds=7200)
    assert isinstance(journey.entry_if, Compare) and journey.entry_if.path == "tier"


def test_by_segment(known: Shop) -> None:
    journey = entered("{segment: vip, check: every monday 10:00, existing: skip}", known)
    assert journey.entry == graph.SegmentEntry("vip", known.segments["vip"], "every monday 10:00", False)
    paced = entered("{segment: vip}", known, "again: finished\npace: 500 a day")
    assert paced.entry == graph.SegmentEntry("vip", known.segments["vip"], "daily 09:00", True)


def test_by_date(known: Shop) -> None:
    journey = entered("{date: birthday, offset: -7d, at: 8:30, years: [5, 1]}", known, "")
    assert journey.entry == graph.DateEntry("birthday", Duration(days=-7), "08:30", (1, 5))
    assert journey.again is graph.Again.EACH_OCCASION


def test_by_festival(known: Shop) -> None:
    journey = entered("{festival: spring_festival}", known, "")
    assert journey.entry == graph.FestivalEntry(("spring_festival",), None, "09:00")
    assert journey.again is graph.Again.EACH_OCCASION


def test_by_schedule(known: Shop) -> None:
    journey = entered("{schedule: every month on 1 10:00, segment: vip}", known)
    assert journey.entry == graph.ScheduleEntry("every month on 1 10:00", "vip", known.segments["vip"])


def test_by_hand(known: Shop) -> None:
    assert entered("{manual: true}", known).entry == graph.ManualEntry()


def test_a_property_of_only_one_of_two_events_may_be_asked_but_is_not_promised(known: Shop) -> None:
    journey = entered("{event: [order.paid, cart.updated], if: {entry.category: 床品}}", known)
    assert isinstance(journey.entry_if, Compare)
    text = f"{HEAD}enter: {{event: [order.paid, cart.updated]}}\nkey: order_id{TAIL}"
    assert [one.code for one in shelf.problems(text, known)] == ["J011"]


def test_a_key_belongs_to_an_event(known: Shop) -> None:
    text = f"{HEAD}enter: {{manual: true}}\nagain: finished\nkey: order_id{TAIL}"
    assert [(one.line, one.column, one.code) for one in shelf.problems(text, known)] == [(5, 1, "J011")]


def test_what_a_text_needs_of_an_entry_that_is_broken_is_not_said(tmp_path: Path) -> None:
    entry = "enter: {event: {name: order.paid}, segment: vip}\nagain: finished\nsteps: [{send: about_order}]\n"
    found = shelf.problems(HEAD + entry, shelf.with_texts(tmp_path))
    assert [one.code for one in found] == ["J010"]
