"""Which stored birthdays and anniversaries are observed on a date, and when a stored one comes next.

The engine never computes a date per person: it asks which keys a local date stands for and joins them with the
stored (calendar, month, day, leap). Over a solar year each solar key, over a lunar year each lunar key comes
exactly once; where the shop says so, one of a 30th that the year lacks not at all.
"""

from __future__ import annotations

import calendar as gregorian
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

from . import lunar

SOLAR = 0
LUNAR = 1


class DateKey(NamedTuple):
    """A yearly day as it is stored: calendar 0 solar, 1 lunar; month; day; leap 0 or 1 (1 only for lunar)."""

    calendar: int
    month: int
    day: int
    leap: int = 0


class LeapDay(StrEnum):
    """When 29 February is kept in a year without one."""

    BEFORE = "02-28"
    AFTER = "03-01"


@dataclass(frozen=True, slots=True)
class Rules:
    """How a shop keeps days that a year lacks. `prefer_leap`: leap birthdays in the leap month, if there is one.

    `skip_missing`: the 30th of a lunar month of 29 days is not kept in that year, instead of on its last day.
    """

    leap_day: LeapDay = LeapDay.BEFORE
    prefer_leap: bool = False
    skip_missing: bool = False


DEFAULT_RULES = Rules()


@lru_cache(maxsize=4096)
def keys_on(day: date, rules: Rules = DEFAULT_RULES) -> frozenset[DateKey]:
    """Every key observed on this local date; only solar ones outside the known lunar calendar (1900-2100)."""
    keys = {DateKey(SOLAR, day.month, day.day)}
    if not gregorian.isleap(day.year) and f"{day:%m-%d}" == rules.leap_day:
        keys.add(DateKey(SOLAR, 2, 29))
    if lunar.FIRST_DAY <= day <= lunar.LAST_DAY:
        keys |= _lunar_keys(lunar.to_lunar(day), rules)
    return frozenset(keys)


def _lunar_keys(today: lunar.LunarDay, rules: Rules) -> set[DateKey]:
    keeps_leap = rules.prefer_leap and lunar.has_leap(today.year, today.month)
    kinds = [leap for leap in (0, 1) if (leap == 1 and keeps_leap) == today.leap]
    days = [today.day]
    if today.day == 29 and not rules.skip_missing and lunar.days_in_month(today.year, today.month, today.leap) == 29:
        days.append(30)
    return {DateKey(LUNAR, today.month, day, leap) for leap in kinds for day in days}


def occurrence(key: DateKey, on_or_after: date, rules: Rules = DEFAULT_RULES) -> date:
    """The next date on which the key is observed; ValueError once a lunar key leaves the known calendar."""
    year = calendar_year(key.calendar, on_or_after)
    while True:
        found = _in_year(key, year, rules)
        if found >= on_or_after and not _is_skipped(key, found, rules):
            return found
        year += 1


def calendar_year(calendar: int, day: date) -> int:
    """The year a date stands in by that calendar: the difference of two such years is how old an anniversary is."""
    return day.year if calendar == SOLAR else lunar.to_lunar(day).year


def _is_skipped(key: DateKey, found: date, rules: Rules) -> bool:
    return rules.skip_missing and key.calendar == LUNAR and lunar.to_lunar(found).day != key.day


def _in_year(key: DateKey, year: int, rules: Rules) -> date:
    if key.calendar == LUNAR:
        return lunar.observed(year, key.month, key.day, bool(key.leap), rules.prefer_leap)
    if (key.month, key.day) == (2, 29) and not gregorian.isleap(year):
        return date.fromisoformat(f"{year:04d}-{rules.leap_day}")
    return date(year, key.month, key.day)
