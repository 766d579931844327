"""Quiet hours and `unless`: each class by its own words, each time by the clock of that minute."""

from __future__ import annotations

from tests.delivery.house import House
from tests.policy.test_asking import NOON

ADS, NEWS = "{kind: marketing, quiet: 20:00-10:00, caps: {}}", "{kind: marketing, quiet: 22:00-08:00, caps: {}}"
HEAD = "enter: {manual: true}\nagain: finished\n"
SEND = "{send: hello, via: [sms], expires: 3d}"


def one_of_each(house: House, at: str, *purposes: str) -> list[int]:
    """A journey of each class with one new person in it; their messages are due now."""
    house.open(at, **{name: f"purpose: {name}\n{HEAD}steps: [{SEND}]\n" for name in purposes})
    people = [house.reachable(seed=0) for _ in purposes]
    for name, person in zip(purposes, people, strict=True):
        house.enter(name, person, at)
    house.tick(at)
    house.put("UPDATE message SET due = :at WHERE state = 0", at=house.ts(at))
    return people


def test_two_classes_are_quiet_each_in_its_own_hours(house: House) -> None:
    house.files["policy"] = f"purposes:\n  ads: {ADS}\n  news: {NEWS}\n"
    one_of_each(house, "2026-03-02 21:00", "ads", "news")
    house.deliver("2026-03-02 21:00")
    assert house.states() == [("QUEUED", "quiet hours"), ("SENT", None)]
    one_of_each(house, "2026-03-02 23:00", "ads", "news")
    house.deliver("2026-03-02 23:00")
    assert [house.due(number) for number in (2, 3)] == ["2026-03-03 10:00", "2026-03-03 08:00"]


def test_what_was_open_by_day_is_quiet_at_night(house: House) -> None:
    house.files["policy"] = f"purposes:\n  ads: {ADS}\n"
    one_of_each(house, NOON, "ads")
    house.deliver(NOON)
    one_of_each(house, "2026-03-02 20:00", "ads")
    house.deliver("2026-03-02 20:00")
    assert house.states() == [("SENT", None), ("QUEUED", "quiet hours")]


def test_what_silences_marketing_does_not_silence_service(house: House) -> None:
    house.files["policy"] += "unless: {marketing: {tag: 别打扰}}\n"
    for person in one_of_each(house, NOON, "ads", "plain"):
        house.tag(person, "别打扰")
    house.deliver(NOON)
    assert house.states() == [("SUPPRESSED", "unless (policy, marketing)"), ("SENT", None)]


def test_one_condition_in_two_journeys_is_asked_about_the_order_of_each(house: House) -> None:
    house.files["catalog"] = house.files["catalog"].replace(
        "order.closed: {properties: {reason: text}}",
        "order.closed: {properties: {reason: text, order_id: text}}",
    )
    unless = "unless: {event: {name: order.closed, same: order_id}}\n"
    steps = f"again: finished\n{unless}steps: [{{wait: 1h}}, {SEND}]\n"
    house.open(
        NOON,
        by_order=f"key: order_id\nenter: {{event: order.paid}}\n{steps}",
        by_taste=f"key: category\nenter: {{event: order.paid}}\n{steps}",
    )
    person = house.reachable()
    house.event(person, "order.paid", NOON, order_id="D1", category="茶")
    house.tick(NOON)
    house.event(person, "order.closed", "2026-03-02 12:30", order_id="D1")
    house.tick("2026-03-02 12:30", "2026-03-02 13:00")
    house.deliver("2026-03-02 13:00")
    house.deliver("2026-03-02 13:00")
    assert house.states() == [("SUPPRESSED", "unless (journey)")] * 2
