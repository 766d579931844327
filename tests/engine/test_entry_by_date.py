"""Entry by a date of the customer and by festivals: calendars, offsets, years, catch_up, zones."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from automation.engine.entries import days
from automation.festivals import durations
from automation.festivals.workdays import Workdays
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


def every_day(shop: Shop, first: str, last: str, at: str = "09:00") -> None:
    day = date.fromisoformat(first)
    while day <= date.fromisoformat(last):
        shop.tick(f"{day} {at}")
        day += timedelta(days=1)


def test_workdays_before_a_festival_on_a_holiday_are_counted_from_the_festival(shop: Shop) -> None:
    shop.open(
        "2026-01-01 08:00",
        wake="enter: {festival: [spring_festival, national_day], offset: -3 workdays}\nsteps: [{tag: 来过}]\n",
    )
    ann = shop.person()
    for first, last in (("2026-02-08", "2026-02-20"), ("2026-09-25", "2026-10-10")):
        every_day(shop, first, last)
    assert entered(shop) == [(ann, "2026-02-17"), (ann, "2026-10-01")]
    assert [shop.say(run.data["entry"]["at"]) for run in shop.runs()] == ["2026-02-12 09:00", "2026-09-28 09:00"]


@pytest.mark.parametrize(
    ("offset", "birthdays", "at"),
    [
        ("-2 workdays", ["03-06", "03-07", "03-08", "03-09"], ["03-04", "03-05", "03-05", "03-05"]),
        ("+1 workday", ["03-05", "03-06", "03-07", "03-08"], ["03-06", "03-09", "03-09", "03-09"]),
        ("-1mo", ["03-28", "03-29", "03-31", "04-01"], ["02-28", "02-28", "02-28", "03-01"]),
        ("+1mo", ["01-28", "01-30", "01-31", "02-01"], ["02-28", "02-28", "02-28", "03-01"]),
        ("-2d", ["03-06", "03-07", "03-08", "03-09"], ["03-04", "03-05", "03-06", "03-07"]),
    ],
)
def test_every_birthday_is_moved_by_the_offset_once(
    shop: Shop, offset: str, birthdays: list[str], at: list[str]
) -> None:
    shop.open("2026-01-01 08:00", wake=BIRTHDAY.replace("birthday,", f"birthday, offset: {offset},"))
    people = [shop.person(birthday=f"1990-{day}") for day in birthdays]
    every_day(shop, "2026-01-25", "2026-04-05")
    found = {run.person: (run.data["entry"]["date"], shop.say(run.data["entry"]["at"])) for run in shop.runs()}
    assert found == {
        person: (f"2026-{day}", f"2026-{moved} 09:00") for person, day, moved in zip(people, birthdays, at, strict=True)
    }
    assert len(shop.runs()) == len(people)


@given(
    st.sampled_from(["-3 workdays", "2 workdays", "-1mo", "1mo", "-5d", "13mo", "0d"]),
    st.dates(date(2024, 1, 1), date(2028, 1, 1)),
)
def test_a_day_is_entered_on_the_day_it_is_moved_to_and_on_no_other(text: str, day: date) -> None:
    offset, calendar = durations.parse(text), Workdays()
    moved = durations.shift_day(day, offset, calendar)
    near = [moved + timedelta(days=number) for number in range(-20, 20)]
    assert [today for today in near if day in days._moved_to(today, offset, calendar)] == [moved]


LATE = BIRTHDAY.replace("catch_up: 3d", "catch_up: 4d")


def test_what_came_while_an_operator_paused_is_not_made_up_for(shop: Shop) -> None:
    shop.open("2026-02-20 08:00", wake=LATE)
    shop.person(birthday="1990-03-02")
    ann = shop.person(birthday="1990-03-03")
    shop.tick("2026-03-01 09:00")
    shop.pause("wake", "2026-03-01 20:00")
    shop.tick("2026-03-02 09:00")
    shop.resume("wake", "2026-03-02 20:00")
    every_day(shop, "2026-03-03", "2026-03-07")
    assert entered(shop) == [(ann, "2026-03-03")]


def test_a_zone_that_is_new_after_a_pause_does_not_make_up_for_it_either(shop: Shop) -> None:
    shop.open("2026-02-20 08:00", wake=LATE)
    shop.pause("wake", "2026-03-01 20:00")
    shop.tick("2026-03-02 09:00", "2026-03-03 09:00")
    shop.resume("wake", "2026-03-03 20:00")
    shop.person(birthday="1990-03-02", zone="America/New_York")
    shop.tick("2026-03-03 21:00", "2026-03-04 09:00", "2026-03-04 22:00")
    assert shop.runs() == []


def test_a_pause_between_two_looks_changes_nothing(shop: Shop) -> None:
    shop.open("2026-02-20 08:00", wake=LATE)
    shop.tick("2026-03-01 09:00")
    shop.pause("wake", "2026-03-01 10:00")
    shop.tick("2026-03-01 12:00")
    shop.resume("wake", "2026-03-02 08:00")
    people = [shop.person(birthday="1990-03-01"), shop.person(birthday="1990-03-02")]
    shop.tick("2026-03-02 09:00")
    assert {run.person for run in shop.runs()} == set(people)


@pytest.mark.parametrize("down", [False, True])
def test_what_came_outside_active_is_not_made_up_for(shop: Shop, down: bool) -> None:
    shop.open("2026-02-20 08:00", wake="active: 2026-03-03 to 2026-03-20\n" + LATE)
    shop.person(birthday="1990-03-02")
    ann = shop.person(birthday="1990-03-03")
    every_day(shop, "2026-03-04" if down else "2026-03-01", "2026-03-05")
    assert entered(shop) == [(ann, "2026-03-03")]


def test_what_came_before_going_live_is_not_made_up_for(shop: Shop) -> None:
    shop.open("2026-03-02 12:00", wake=LATE)
    shop.person(birthday="1990-03-01")
    shop.person(birthday="1990-03-02")
    ann = shop.person(birthday="1990-03-03")
    every_day(shop, "2026-03-03", "2026-03-05")
    assert entered(shop) == [(ann, "2026-03-03")]


def test_a_festival_of_a_pause_is_over_too(shop: Shop) -> None:
    shop.open("2026-01-01 08:00", wake=FESTIVAL)
    shop.person(tier="gold")
    shop.tick("2026-09-19 10:00")
    shop.pause("wake", "2026-09-19 12:00")
    shop.tick("2026-09-20 10:00")
    shop.resume("wake", "2026-09-20 12:00")
    every_day(shop, "2026-09-21", "2026-09-25", "10:00")
    assert shop.runs() == []


@pytest.mark.parametrize(
    ("enter", "said"),
    [
        ("{date: birthday, catch_up: 3d}", {"date": "2026-03-08", "years": 36}),
        ("{festival: womens_day, catch_up: 3d}", {"date": "2026-03-08", "festival": "womens_day"}),
    ],
)
def test_whom_a_day_brings_wait_for_their_turn_where_there_is_a_pace(
    shop: Shop, enter: str, said: dict[str, object]
) -> None:
    shop.open("2026-01-01 08:00", wake=f"pace: 2 a day\nenter: {enter}\nsteps: [{{send: wish, expires: 2h}}]\n")
    people = [shop.person(birthday="1990-03-08") for _ in range(5)]
    shop.tick("2026-03-08 09:00", "2026-03-08 18:00")
    assert len(shop.runs()) == 2
    shop.tick("2026-03-09 00:05", "2026-03-09 09:00")
    assert len(shop.runs()) == 4
    every_day(shop, "2026-03-10", "2026-03-13")
    assert sorted(run.person for run in shop.runs()) == people
    assert all(run.data["entry"].items() >= said.items() for run in shop.runs())
    assert [message.due for message in shop.messages()] == [
        *["2026-03-08 09:00"] * 2, *["2026-03-09 00:05"] * 2, "2026-03-10 09:00",
    ]  # fmt: skip
