"""Marketing leaves between 08:00 and 22:00 where the recipient is, also for a class whose quiet hours say otherwise."""

from __future__ import annotations

from dataclasses import replace

from tests.delivery.house import House
from tests.policy.test_asking import ADS, NOON


def without_quiet(house: House, **overrides: str) -> None:
    """As in a version that was read before its class had quiet hours."""
    project = house.parts.project
    bare = {name: replace(one, quiet=None) for name, one in project.policy.purposes.items()}
    house.parts.project = replace(project, policy=replace(project.policy, purposes=bare, overrides=overrides))


def waiting(house: House, at: str, zone: str | None = None) -> None:
    house.send_one(NOON, people=0, **ADS)
    person = house.reachable(seed=100, zone=zone) if zone else house.reachable(seed=100)
    house.enter("j", person, NOON)
    house.tick(NOON)
    house.put("UPDATE message SET due = :due, expires_at = :due + 90000", due=house.ts(at))


def test_a_class_without_quiet_hours_waits_for_eight_in_the_persons_zone(house: House) -> None:
    waiting(house, "2026-03-02 22:00")
    without_quiet(house)
    house.deliver("2026-03-02 22:00")
    assert house.states() == [("QUEUED", "quiet hours (SMS-04)")]
    assert house.due(0) == house.say(house.ts("2026-03-03 08:00") + 100)
    house.deliver(house.ts("2026-03-03 08:00") + 100)
    assert house.state() == "SENT"


def test_a_minute_before_ten_it_leaves(house: House) -> None:
    waiting(house, "2026-03-02 21:59")
    without_quiet(house)
    house.deliver("2026-03-02 21:59")
    assert house.state() == "SENT"


def test_where_it_is_day_it_leaves(house: House) -> None:
    waiting(house, "2026-03-02 23:30", zone="Europe/London")
    without_quiet(house)
    house.deliver("2026-03-02 23:30")  # 15:30 in London
    assert house.state() == "SENT"


def test_a_shop_that_sets_the_rule_aside_sends_at_night(house: House) -> None:
    waiting(house, "2026-03-02 23:30")
    without_quiet(house, **{"SMS-04": "只在门店内的屏幕上显示"})
    house.deliver("2026-03-02 23:30")
    assert house.state() == "SENT"


def test_service_leaves_at_any_hour(house: House) -> None:
    house.send_one("2026-03-02 23:30")
    without_quiet(house)
    house.deliver("2026-03-02 23:30")
    assert house.state() == "SENT"
