from __future__ import annotations

from collections import Counter
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from automation.festivals import keys, lunar
from automation.festivals.keys import LUNAR, SOLAR, DateKey, LeapDay, Rules

ALL_RULES = [Rules(), Rules(prefer_leap=True), Rules(leap_day=LeapDay.AFTER)]
LUNAR_KEYS = {DateKey(LUNAR, month, day, leap) for month in range(1, 13) for day in range(1, 31) for leap in (0, 1)}
SOLAR_KEYS = {DateKey(SOLAR, day.month, day.day) for day in (date(2024, 1, 1) + timedelta(days=n) for n in range(366))}


def _observed(start: date, end: date, calendar: int, rules: Rules) -> Counter[DateKey]:
    days = (start + timedelta(days=number) for number in range((end - start).days))
    return Counter(key for day in days for key in keys.keys_on.__wrapped__(day, rules) if key.calendar == calendar)


@pytest.mark.parametrize("rules", ALL_RULES[:2])
def test_every_lunar_key_is_observed_exactly_once_in_every_lunar_year(rules: Rules) -> None:
    for year in range(1950, 2100):
        counted = _observed(lunar.observed(year, 1, 1), lunar.observed(year + 1, 1, 1), LUNAR, rules)
        assert set(counted) == LUNAR_KEYS
        assert set(counted.values()) == {1}


@pytest.mark.parametrize("rules", ALL_RULES)
def test_every_solar_key_is_observed_exactly_once_in_every_solar_year(rules: Rules) -> None:
    for year in (1950, 1999, 2000, 2024, 2026, 2099, 2100, 2101):
        counted = _observed(date(year, 1, 1), date(year + 1, 1, 1), SOLAR, rules)
        assert set(counted) == SOLAR_KEYS
        assert set(counted.values()) == {1}


def test_29_february_is_kept_on_the_day_the_shop_chose() -> None:
    leap_day = DateKey(SOLAR, 2, 29)
    assert leap_day in keys.keys_on(date(2026, 2, 28))
    assert leap_day not in keys.keys_on(date(2026, 3, 1))
    assert leap_day in keys.keys_on(date(2026, 3, 1), Rules(leap_day=LeapDay.AFTER))
    assert leap_day not in keys.keys_on(date(2028, 2, 28))
    assert leap_day in keys.keys_on(date(2028, 2, 29), Rules(leap_day=LeapDay.AFTER))


def test_new_years_eve_stands_for_the_30th_when_the_year_ends_on_the_29th() -> None:
    assert {DateKey(LUNAR, 12, 29), DateKey(LUNAR, 12, 30)} <= keys.keys_on(date(2026, 2, 16))


def test_a_shop_may_leave_out_the_30th_of_a_lunar_month_without_one() -> None:
    skip, eve = Rules(skip_missing=True), DateKey(LUNAR, 12, 30)
    assert eve not in keys.keys_on(date(2026, 2, 16), skip)
    found = keys.occurrence(eve, date(2026, 2, 1), skip)
    assert found == date(2030, 2, 2), "the first year since 2025 that ends on a 30th"
    assert lunar.to_lunar(found).day == 30
    assert keys.occurrence(DateKey(LUNAR, 12, 29), date(2026, 2, 1), skip) == date(2026, 2, 16)


@pytest.mark.parametrize("year", [1950, 2024, 2025, 2033])
def test_who_skips_keeps_every_other_lunar_key_once_a_year(year: int) -> None:
    start, end = lunar.observed(year, 1, 1), lunar.observed(year + 1, 1, 1)
    counted = _observed(start, end, LUNAR, Rules(skip_missing=True))
    lacking = {key for key in LUNAR_KEYS if key.day == 30 and lunar.days_in_month(year, key.month) == 29}
    assert set(counted) == LUNAR_KEYS - lacking
    assert set(counted.values()) == {1}


def test_outside_the_lunar_calendar_only_solar_keys_are_left() -> None:
    assert keys.keys_on(date(2150, 5, 1)) == {DateKey(SOLAR, 5, 1)}


@settings(max_examples=80, deadline=None)
@given(
    st.sampled_from(sorted(LUNAR_KEYS | SOLAR_KEYS)),
    st.dates(date(1950, 1, 1), date(2097, 1, 1)),
    st.sampled_from(ALL_RULES),
)
def test_the_next_occurrence_is_the_first_day_that_stands_for_the_key(key: DateKey, start: date, rules: Rules) -> None:
    found = keys.occurrence(key, start, rules)
    assert key in keys.keys_on(found, rules)
    days = (start + timedelta(days=number) for number in range((found - start).days))
    assert not any(key in keys.keys_on(day, rules) for day in days)


def test_an_occurrence_counts_its_own_day() -> None:
    assert keys.occurrence(DateKey(SOLAR, 3, 8), date(2026, 3, 8)) == date(2026, 3, 8)
    assert keys.occurrence(DateKey(SOLAR, 3, 8), date(2026, 3, 9)) == date(2027, 3, 8)
    assert keys.occurrence(DateKey(SOLAR, 2, 29), date(2026, 1, 1)) == date(2026, 2, 28)
    assert keys.occurrence(DateKey(LUNAR, 12, 15), date(2026, 1, 1)) == date(2026, 2, 2)


def test_years_of_an_anniversary_are_counted_in_its_own_calendar() -> None:
    assert keys.calendar_year(SOLAR, date(2026, 1, 10)) == 2026
    assert keys.calendar_year(LUNAR, date(2026, 1, 10)) == 2025
