from __future__ import annotations

from datetime import date, timedelta

import pytest
from borax.calendars.lunardate import LunarDate as Borax

from automation.festivals import lunar
from automation.festivals.lunar import LunarDay

EVERY_BIRTHDAY = [(month, day, leap) for month in range(1, 13) for day in range(1, 31) for leap in (False, True)]


@pytest.mark.parametrize(
    ("solar", "day"),
    [
        (date(1978, 9, 17), LunarDay(1978, 8, 15)),  # libraries that are wrong say the 16th
        (date(1954, 11, 25), LunarDay(1954, 11, 1)),
        (date(2023, 3, 22), LunarDay(2023, 2, 1, True)),
        (date(2025, 7, 25), LunarDay(2025, 6, 1, True)),
        (date(2026, 2, 16), LunarDay(2025, 12, 29)),
        (date(2026, 2, 17), LunarDay(2026, 1, 1)),
        (date(2026, 9, 25), LunarDay(2026, 8, 15)),
        (date(2033, 12, 22), LunarDay(2033, 11, 1, True)),
        (date(1900, 1, 31), LunarDay(1900, 1, 1)),
        (date(2101, 1, 28), LunarDay(2100, 12, 29)),
    ],
)
def test_known_days_are_the_same_in_both_directions(solar: date, day: LunarDay) -> None:
    assert lunar.to_lunar(solar) == day
    assert lunar.to_solar(day) == solar


def test_every_day_has_its_own_lunar_day_and_comes_back() -> None:
    day, seen = date(1950, 1, 1), set()
    while day < date(2100, 1, 1):
        name = lunar.to_lunar(day)
        assert lunar.to_solar(name) == day
        seen.add(name)
        day += timedelta(days=1)
    assert len(seen) == (date(2100, 1, 1) - date(1950, 1, 1)).days


def test_the_table_agrees_with_borax_at_every_month_border() -> None:
    for year in range(1950, 2100, 3):
        for month in range(1, 13):
            last = lunar.days_in_month(year, month)
            for day in (1, last):
                assert lunar.to_solar(LunarDay(year, month, day)) == Borax(year, month, day).to_solar_date()


def test_a_lunar_birthday_is_observed_exactly_once_in_every_lunar_year() -> None:
    for year in range(1950, 2100):
        start, end = lunar.observed(year, 1, 1), lunar.observed(year + 1, 1, 1)
        for month, day, leap in EVERY_BIRTHDAY:
            for prefer_leap in (False, True):
                kept = lunar.observed(year, month, day, leap, prefer_leap)
                assert start <= kept < end
                found = lunar.to_lunar(kept)
                assert found.month == month
                assert found.day == min(day, lunar.days_in_month(year, month, found.leap))
                assert found.leap == (leap and prefer_leap and lunar.has_leap(year, month))


@pytest.mark.parametrize(
    ("year", "birthday", "kept"),
    [
        (2026, (12, 30, False), date(2027, 2, 5)),  # 2026 to 2029 end on the 29th
        (2029, (12, 30, False), date(2030, 2, 2)),
        (2024, (12, 30, False), date(2025, 1, 28)),
        (2023, (2, 15, True), date(2023, 3, 6)),
        (2026, (2, 15, True), date(2026, 4, 2)),
    ],
)
def test_missing_days_and_leap_months_are_kept_by_the_rule(
    year: int, birthday: tuple[int, int, bool], kept: date
) -> None:
    assert lunar.observed(year, *birthday) == kept


def test_a_shop_may_keep_leap_birthdays_in_the_leap_month() -> None:
    assert lunar.observed(2023, 2, 15, True, prefer_leap=True) == date(2023, 4, 5)
    assert lunar.observed(2026, 2, 15, True, prefer_leap=True) == lunar.observed(2026, 2, 15)
    assert lunar.observed(2023, 2, 15, False, prefer_leap=True) == date(2023, 3, 6)
    assert lunar.observed(2023, 2, 30, True, prefer_leap=True) == date(2023, 4, 19)  # that leap month has 29 days


def test_days_that_may_shift_are_known_as_uncertain() -> None:
    mid_autumn = lunar.observed(2089, 8, 15)
    assert lunar.is_uncertain(mid_autumn)
    assert lunar.is_uncertain(date(2057, 9, 28))
    assert not lunar.is_uncertain(date(2057, 9, 27))
    assert lunar.is_uncertain(lunar.observed(2097, 7, 7))
    assert not lunar.is_uncertain(lunar.observed(2056, 8, 15))
    assert not lunar.is_uncertain(date(2150, 1, 1))


@pytest.mark.parametrize(
    "day", [LunarDay(2026, 12, 30), LunarDay(2026, 2, 1, True), LunarDay(2101, 1, 1), LunarDay(2026, 1, 0)]
)
def test_a_lunar_day_that_does_not_exist_is_refused(day: LunarDay) -> None:
    with pytest.raises(ValueError, match=r"has|known"):
        lunar.to_solar(day)


@pytest.mark.parametrize("day", [date(1900, 1, 30), date(2101, 1, 29)])
def test_a_date_outside_the_calendar_is_refused(day: date) -> None:
    with pytest.raises(ValueError, match="outside the lunar calendar"):
        lunar.to_lunar(day)


@pytest.mark.parametrize(
    ("day", "said"),
    [
        ((8, 15), "八月十五"),
        ((4, 1, True), "闰四月初一"),
        ((12, 30), "腊月三十"),
        ((1, 10), "正月初十"),
        ((11, 21), "冬月廿一"),
        ((6, 20), "六月二十"),
    ],
)
def test_lunar_days_are_said_as_people_say_them(day: tuple[int, ...], said: str) -> None:
    assert lunar.say_lunar(*day) == said


def test_solar_terms_fall_on_their_days() -> None:
    assert lunar.solar_term(2026, 6) == date(2026, 4, 5)
    assert lunar.solar_term(2026, 23) == date(2026, 12, 22)
    assert lunar.solar_term(2100, 6) == date(2100, 4, 5)
