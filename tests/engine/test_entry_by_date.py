"""Entry by a date of the customer and by festivals: calendars, offsets, years, catch_up, zones."""

from __future__ import annotations

import pytest

from tests.engine.shop import Shop

BIRTHDAY = """
enter: {date: birthday, at: 09:00, catch_up: 3d}
steps:
  - {send: wish}
"""


def entered(shop: Shop) -> list[tuple[int, str]]:
    return [(run.person, run.data["entry"]["date"]) for run in shop.runs()]


def test_a_birthday_comes_once_a_year_and_says_how_many(shop: Shop) -> None:
    shop.open("2026-01-01 08:00", wake=BIRTHDAY)
    ann = shop.person(birthday="1990-03-08")
    for day in ("2026-03-07", "2026-03-08", "2026-03-09", "2026-03-10", "2027-03-08", "2027-03-09"):
        shop.tick(f"{day} 09:00")
    assert entered(shop) == [(ann, "2026-03-08"), (ann, "2027-03-08")]
    assert [run.data["entry"]["years"] for run in shop.runs()] == [36, 37]


def test_a_lunar_birthday_moves_with_the_lunar_calendar(shop: Shop) -> None:
    shop.open("2026-01-01 08:00", wake=BIRTHDAY)
    ann = shop.person(birthday="农历八月十五")
    for day in ("2026-09-24", "2026-09-25", "2026-09-26", "2027-09-15"):
        shop.tick(f"{day} 09:00")
    assert entered(shop) == [(ann, "2026-09-25"), (ann, "2027-09-15")]


def test_an_offset_enters_before_the_day(shop: Shop) -> None:
    shop.open("2026-01-01 08:00", wake=BIRTHDAY.replace("birthday,", "birthday, offset: -7d,"))
    ann = shop.person(birthday="1990-03-08")
    shop.tick("2026-03-01 08:59")
    assert shop.runs() == []
    shop.tick("2026-03-01 09:00")
    assert entered(shop) == [(ann, "2026-03-08")]


def test_years_pick_the_anniversaries_and_day_zero_is_none(shop: Shop) -> None:
    shop.open("2026-01-01 08:00", wake=BIRTHDAY.replace("birthday,", "birthday, years: [1, 3],"))
    people = [shop.person(birthday=f"{year}-03-08") for year in (2026, 2025, 2024, 2023)]
    shop.tick("2026-03-08 09:00")
    assert [run.person for run in shop.runs()] == [people[1], people[3]]


def test_without_a_list_of_years_day_zero_is_no_anniversary_either(shop: Shop) -> None:
    shop.open("2026-01-01 08:00", wake=BIRTHDAY)
    shop.person(birthday="2026-03-08")
    shop.tick("2026-03-08 09:00")
    assert shop.runs() == []


def test_who_gives_a_birthday_late_still_enters_within_catch_up(shop: Shop) -> None:
    shop.open("2026-01-01 08:00", wake=BIRTHDAY)
    shop.tick("2026-03-10 09:00")
    ann, _ = shop.person(birthday="1990-03-08"), shop.person(birthday="1990-03-06")
    shop.tick("2026-03-10 12:00")
    assert shop.runs() == []
    shop.tick("2026-03-11 09:00")
    assert entered(shop) == [(ann, "2026-03-08")]


def test_an_engine_that_was_down_catches_up_and_no_further(shop: Shop) -> None:
    shop.open("2026-01-01 08:00", wake=BIRTHDAY)
    shop.person(birthday="1990-03-05")
    ann = shop.person(birthday="1990-03-08")
    shop.tick("2026-03-01 09:00", "2026-03-11 08:00")
    assert entered(shop) == [(ann, "2026-03-08")]
    assert [(message.due, message.expires) for message in shop.messages()] == [("2026-03-11 08:00", "2026-03-09 09:00")]


def test_the_29th_of_february_is_kept_on_the_28th(shop: Shop) -> None:
    shop.open("2026-01-01 08:00", wake=BIRTHDAY)
    ann = shop.person(birthday="1996-02-29")
    shop.tick("2026-02-28 09:00", "2026-03-01 09:00")
    assert entered(shop) == [(ann, "2026-02-28")]


def test_everybody_enters_at_nine_of_their_own_zone(shop: Shop) -> None:
    shop.open("2026-01-01 08:00", wake=BIRTHDAY)
    ann = shop.person(birthday="1990-03-08")
    bob = shop.person(birthday="1990-03-08", zone="America/New_York")
    shop.tick("2026-03-08 09:00")
    assert [run.person for run in shop.runs()] == [ann]
    assert shop.ts("2026-03-08 09:00", "America/New_York") == shop.ts("2026-03-08 21:00")
    shop.tick("2026-03-08 20:59")
    assert len(shop.runs()) == 1
    shop.tick("2026-03-08 21:00")
    assert [run.person for run in shop.runs()] == [ann, bob]


def test_clock_shop_lets_all_in_at_once(shop: Shop) -> None:
    shop.open("2026-01-01 08:00", wake="clock: shop\n" + BIRTHDAY)
    shop.person(birthday="1990-03-08")
    shop.person(birthday="1990-03-08", zone="America/New_York")
    shop.tick("2026-03-08 09:00")
    assert len(shop.runs()) == 2


def test_who_moves_to_another_zone_has_one_birthday(shop: Shop) -> None:
    shop.open("2026-01-01 08:00", wake=BIRTHDAY)
    ann = shop.person(birthday="1990-03-08")
    shop.person(zone="America/New_York")
    shop.tick("2026-03-08 09:00")
    with shop.store.write() as tx:
        tx.run("UPDATE person SET zone_id = (SELECT max(id) FROM zone) WHERE id = :id", id=ann)
    shop.tick("2026-03-08 21:00", "2026-03-09 09:00")
    assert len(shop.runs()) == 1


FESTIVAL = """
enter: {festival: [mid_autumn, national_day], offset: -5d, at: 10:00, catch_up: 4d, if: {tier: gold}}
steps:
  - {wait: until entry.date 09:00}
  - {send: wish}
"""


def test_every_festival_of_the_list_brings_in_and_says_which(shop: Shop) -> None:
    shop.open("2026-01-01 08:00", wake=FESTIVAL)
    ann = shop.person(tier="gold")
    shop.person(tier="basic")
    shop.tick("2026-09-20 10:00", "2026-09-25 09:00", "2026-09-26 10:00", "2026-10-01 09:00")
    assert [(run.person, run.data["entry"]["festival"]) for run in shop.runs()] == [
        (ann, "mid_autumn"),
        (ann, "national_day"),
    ]
    assert shop.sent() == [("wish", "2026-09-25 09:00"), ("wish", "2026-10-01 09:00")]


@pytest.mark.parametrize(("clock", "first"), [("customer", 1), ("shop", 2)])
def test_a_festival_keeps_the_clock_of_its_file(shop: Shop, clock: str, first: int) -> None:
    shop.open("2026-01-01 08:00", wake=f"clock: {clock}\n" + FESTIVAL)
    shop.person(tier="gold")
    shop.person(tier="gold", zone="America/New_York")
    shop.open("2026-01-01 08:00")
    shop.tick("2026-09-20 10:00")
    assert len(shop.runs()) == first
    shop.tick("2026-09-20 22:00")
    assert len(shop.runs()) == 2


def test_who_comes_after_the_festival_began_enters_within_catch_up_once(shop: Shop) -> None:
    shop.open("2026-01-01 08:00", wake=FESTIVAL.replace("steps:", "steps:\n  - {tag: 来过}"))
    shop.tick("2026-09-20 10:00")
    ann = shop.person(tier="gold")
    for day in (21, 22, 23, 24, 25, 26):
        shop.tick(f"2026-09-{day} 10:00")
    assert [(run.person, run.data["entry"]["festival"]) for run in shop.runs()] == [
        (ann, "mid_autumn"),
        (ann, "national_day"),
    ]


def test_who_has_finished_is_not_asked_in_again_while_catching_up(shop: Shop) -> None:
    shop.open("2026-01-01 08:00", wake=FESTIVAL.replace("  - {wait: until entry.date 09:00}\n", ""))
    shop.person(tier="gold")
    for day in (20, 21, 22, 23):
        shop.tick(f"2026-09-{day} 10:00")
    assert len(shop.runs()) == 1
