"""The Chinese lunar calendar: days between both calendars, and on which day a lunar birthday is observed.

Month lengths come from borax, read once into a table that is searched by day number (borax itself walks from 1900
for each date). Compared with astronomical computation every month of 1950-2100 is right, except that three new
moons fall within seconds of midnight and cannot be decided today: see `is_uncertain`. 1900-1949 is unchecked.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from datetime import date
from functools import cache, lru_cache
from typing import NamedTuple

FIRST_YEAR = 1900
LAST_YEAR = 2100
FIRST_DAY = date(1900, 1, 31)
LAST_DAY = date(2101, 1, 28)

# The months before and from these days may turn out one day different (重阳 2057, 中秋 2089, 七夕 2097).
UNCERTAIN = frozenset({date(2057, 9, 29), date(2089, 9, 5), date(2097, 8, 8)})


class LunarDay(NamedTuple):
    """A day of the lunar calendar. `leap`: it stands in the leap month that follows the ordinary `month`."""

    year: int
    month: int
    day: int
    leap: bool = False


class _Month(NamedTuple):
    year: int
    month: int
    leap: bool
    first: int  # proleptic ordinal of its first day
    days: int


class _Table(NamedTuple):
    months: tuple[_Month, ...]
    firsts: tuple[int, ...]
    by_name: Mapping[tuple[int, int, bool], _Month]


@cache
def _table() -> _Table:
    from borax.calendars.lunardate import LCalendars  # 30 ms: only for those who ask for lunar days

    months = []
    first = FIRST_DAY.toordinal()
    for year in range(FIRST_YEAR, LAST_YEAR + 1):
        for month, days, leap in LCalendars.iter_year_month(year):
            months.append(_Month(year, month, bool(leap), first, days))
            first += days
    by_name = {(month.year, month.month, month.leap): month for month in months}
    return _Table(tuple(months), tuple(month.first for month in months), by_name)


def _month_of(day: date) -> _Month:
    if not FIRST_DAY <= day <= LAST_DAY:
        raise ValueError(f"{day} is outside the lunar calendar, which is known from {FIRST_DAY} to {LAST_DAY}")
    table = _table()
    return table.months[bisect_right(table.firsts, day.toordinal()) - 1]


def _named(year: int, month: int, leap: bool) -> _Month:
    found = _table().by_name.get((year, month, bool(leap)))
    if found is None:
        name = f"{'leap ' if leap else ''}month {month}"
        raise ValueError(f"the lunar year {year} has no {name} (years known: {FIRST_YEAR} to {LAST_YEAR})")
    return found


@lru_cache(maxsize=8192)
def to_lunar(day: date) -> LunarDay:
    """The lunar day of a solar date; ValueError outside 1900-01-31 … 2101-01-28."""
    month = _month_of(day)
    return LunarDay(month.year, month.month, day.toordinal() - month.first + 1, month.leap)


def to_solar(day: LunarDay) -> date:
    """The solar date of a lunar day; ValueError where that year has no such month or day."""
    month = _named(day.year, day.month, day.leap)
    if not 1 <= day.day <= month.days:
        raise ValueError(f"{say_lunar(day.month, day.day, day.leap)} {day.year}: that month has {month.days} days")
    return date.fromordinal(month.first + day.day - 1)


def days_in_month(year: int, month: int, leap: bool = False) -> int:
    """29 or 30; ValueError where that year has no such month."""
    return _named(year, month, leap).days


def has_leap(year: int, month: int) -> bool:
    """Whether the lunar year repeats this month as a leap month."""
    return (year, month, True) in _table().by_name


def is_uncertain(day: date) -> bool:
    """Whether the lunar name of this day may shift by one, because a new moon falls too close to midnight."""
    if not FIRST_DAY <= day < LAST_DAY:
        return False
    month = _month_of(day)
    following = date.fromordinal(day.toordinal() + 1)
    return date.fromordinal(month.first) in UNCERTAIN or following in UNCERTAIN


@lru_cache(maxsize=8192)
def observed(year: int, month: int, day: int, leap: bool = False, prefer_leap: bool = False) -> date:
    """The one date of lunar `year` on which a lunar birthday or anniversary (month 1-12, day 1-30) is kept.

    A day the month lacks is kept on its last day. A leap birthday is kept in the ordinary month, or with
    `prefer_leap` in the leap month of the years that have it. ValueError outside 1900-2100.
    """
    in_leap = leap and prefer_leap and has_leap(year, month)
    kept = _named(year, month, in_leap)
    return date.fromordinal(kept.first + min(day, kept.days) - 1)


@cache
def solar_term(year: int, index: int) -> date:
    """The date of one of the 24 solar terms, counted from 小寒 = 0 (清明 6, 冬至 23); years 1900-2100."""
    from borax.calendars.lunardate import TermUtils

    found = TermUtils.nth_term_day(year, index)
    return date(found.year, found.month, found.day)


MONTHS = ("正月", "二月", "三月", "四月", "五月", "六月", "七月", "八月", "九月", "十月", "冬月", "腊月")
_DIGITS = "一二三四五六七八九"
DAYS = (
    *(f"初{digit}" for digit in f"{_DIGITS}十"),
    *(f"十{digit}" for digit in _DIGITS),
    "二十",
    *(f"廿{digit}" for digit in _DIGITS),
    "三十",
)


def say_lunar(month: int, day: int, leap: bool = False) -> str:
    """`八月十五`, `闰四月初一`, `腊月三十`."""
    return f"{'闰' if leap else ''}{MONTHS[month - 1]}{DAYS[day - 1]}"


def say_day(day: date) -> str:
    """How the Chinese calendar says a solar date; ValueError where `to_lunar` has none."""
    found = to_lunar(day)
    return say_lunar(found.month, found.day, found.leap)
