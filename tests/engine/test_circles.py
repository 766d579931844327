"""Journeys that bring about what they are entered by."""

from __future__ import annotations

import pytest

from automation.engine import enrol, events
from tests.engine.shop import Shop

CIRCLE = (
    "enter: {event: {name: customer.changed, where: {field: city}}}\nagain: finished\n"
    "steps: [{if: {city: A}, then: [{set: {city: B}}], else: [{set: {city: A}}]}]\n"
)
OTHER = "enter: {manual: true}\nagain: finished\nsteps: [{send: hello}]\n"


def move(shop: Shop, at: str) -> None:
    shop.event(shop.person(city="A"), "customer.changed", at, field="city", old="B", new="A")


def test_changes_that_bring_about_one_another_come_to_an_end(shop: Shop) -> None:
    shop.open("2026-03-01 08:00", circle=CIRCLE, other=OTHER)
    shop.enter("other", shop.person(), "2026-03-01 09:00")
    move(shop, "2026-03-01 09:00")
    shop.tick("2026-03-01 09:00", "2026-03-01 09:01")
    assert len(shop.runs("circle")) == enrol.DEEPEST + 1
    assert shop.texts() == ["hello"]


@pytest.mark.parametrize("how", ["pace: 60 a day\n", "settle"])
def test_they_also_do_where_people_wait_in_line_or_an_event_rests(shop: Shop, how: str) -> None:
    circle = CIRCLE.replace("{field: city}}}", "{field: city}}, settle: 1s}") if how == "settle" else how + CIRCLE
    shop.open("2026-03-01 08:00", circle=circle)
    move(shop, "2026-03-01 09:00")
    for second in range(0, 60, 2):
        shop.tick(f"2026-03-01 09:00:{second:02}")
    assert len(shop.runs("circle")) == enrol.DEEPEST + 1


def test_a_change_long_after_its_run_began_is_a_change_like_any_other(shop: Shop) -> None:
    shop.open("2026-03-01 00:00", circle=CIRCLE.replace("steps: [", "steps: [{wait: 2h}, "))
    move(shop, "2026-03-01 00:00")
    for hour in range(24):
        shop.tick(f"2026-03-01 {hour:02}:00")
    assert len(shop.runs("circle")) == 12


def test_a_drain_that_is_asked_to_stop_leaves_the_events_where_they_are(shop: Shop) -> None:
    shop.open("2026-03-01 08:00", circle=CIRCLE)
    move(shop, "2026-03-01 09:00")
    assert events.drain(shop.parts, shop.ts("2026-03-01 09:00"), lambda: True) == 0
    assert shop.store.value("SELECT count(*) FROM event_queue") == 1


def test_a_drain_takes_what_was_queued_when_it_began(shop: Shop) -> None:
    shop.open("2026-03-01 08:00", circle=CIRCLE)
    move(shop, "2026-03-01 09:00")
    assert events.drain(shop.parts, shop.ts("2026-03-01 09:00")) == 1
    assert shop.store.value("SELECT count(*) FROM event_queue") == 1
