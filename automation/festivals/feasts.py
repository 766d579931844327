"""Festivals: the built-in ones and a shop's own, as rules that name their days in any year.

A lunar festival is kept once a lunar year, in the ordinary month; 除夕 is the last day of the year, the 29th or 30th.
"""

from __future__ import annotations

import calendar as gregorian
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from difflib import get_close_matches
from types import MappingProxyType
from typing import TypeAlias

from . import lunar, lunar_text, walltime


@dataclass(frozen=True, slots=True)
class LunarRule:
    """A day of every lunar year; day 30 is the last day of a month of 29."""

    month: int
    day: int

    def days(self, year: int) -> tuple[date, ...]:
        return (lunar.observed(year, self.month, self.day),) if lunar.FIRST_YEAR <= year <= lunar.LAST_YEAR else ()


@dataclass(frozen=True, slots=True)
class SolarRule:
    """A day of every solar year; 29 February is 28 February in years without one."""

    month: int
    day: int

    def days(self, year: int) -> tuple[date, ...]:
        return (date(year, self.month, min(self.day, gregorian.monthrange(year, self.month)[1])),)


@dataclass(frozen=True, slots=True)
class ListedRule:
    """Days that somebody wrote down, in order."""

    dates: tuple[date, ...]

    def days(self, year: int) -> tuple[date, ...]:
        return tuple(day for day in self.dates if day.year == year)


@dataclass(frozen=True, slots=True)
class WeekdayRule:
    """The nth weekday (Monday 0) of a month: Mother's Day is the second Sunday of May."""

    month: int
    nth: int
    weekday: int

    def days(self, year: int) -> tuple[date, ...]:
        first = date(year, self.month, 1)
        return (first + timedelta(days=(self.weekday - first.weekday()) % 7 + 7 * (self.nth - 1)),)


@dataclass(frozen=True, slots=True)
class TermRule:
    """One of the 24 solar terms, counted from 小寒 = 0."""

    index: int

    def days(self, year: int) -> tuple[date, ...]:
        return (lunar.solar_term(year, self.index),) if lunar.FIRST_YEAR <= year <= lunar.LAST_YEAR else ()


Rule: TypeAlias = LunarRule | SolarRule | ListedRule | WeekdayRule | TermRule


@dataclass(frozen=True, slots=True)
class Festival:
    """`name` is what journeys write, `title` what people read."""

    name: str
    title: str
    rule: Rule


_SUNDAY = 6

BUILT_IN: Mapping[str, Festival] = MappingProxyType(
    {
        name: Festival(name, title, rule)
        for name, title, rule in (
            ("new_year_day", "元旦", SolarRule(1, 1)),
            ("laba", "腊八节", LunarRule(12, 8)),
            ("xiaonian", "小年", LunarRule(12, 23)),
            ("spring_festival_eve", "除夕", LunarRule(12, 30)),
            ("spring_festival", "春节", LunarRule(1, 1)),
            ("lantern", "元宵节", LunarRule(1, 15)),
            ("valentines", "情人节", SolarRule(2, 14)),
            ("womens_day", "妇女节", SolarRule(3, 8)),
            ("qingming", "清明节", TermRule(6)),
            ("labour_day", "劳动节", SolarRule(5, 1)),
            ("mothers_day", "母亲节", WeekdayRule(5, 2, _SUNDAY)),
            ("childrens_day", "儿童节", SolarRule(6, 1)),
            ("dragon_boat", "端午节", LunarRule(5, 5)),
            ("mid_year_618", "618 年中大促", SolarRule(6, 18)),
            ("fathers_day", "父亲节", WeekdayRule(6, 3, _SUNDAY)),
            ("qixi", "七夕", LunarRule(7, 7)),
            ("mid_autumn", "中秋节", LunarRule(8, 15)),
            ("national_day", "国庆节", SolarRule(10, 1)),
            ("chongyang", "重阳节", LunarRule(9, 9)),
            ("double_11", "双11", SolarRule(11, 11)),
            ("double_12", "双12", SolarRule(12, 12)),
            ("winter_solstice", "冬至", TermRule(23)),
            ("christmas", "圣诞节", SolarRule(12, 25)),
        )
    }
)


def occurrences(festival: Festival, start: date, end: date) -> list[date]:
    """Its days from `start` to `end`, both included, in order; lunar ones only as far as that calendar is known."""
    # The lunar year begins up to seven weeks after the solar one, so 腊八 of 2026 falls in January 2027.
    years = range(max(start.year - 1, date.min.year), end.year + 1)
    return sorted(day for year in years for day in festival.rule.days(year) if start <= day <= end)


_KINDS = ("lunar", "solar", "dates")


def from_yaml_value(name: str, value: Mapping[str, object]) -> Festival:
    """A festival of festivals.yaml: `{title, lunar: 1-15}`, `{title, solar: 09-09}` or `{title, dates: [2026-05-20]}`.

    ValueError with a plain sentence; the caller knows file and line.
    """
    for key in value:
        if key not in ("title", *_KINDS):
            close = get_close_matches(str(key), ["title", *_KINDS], n=1)
            hint = f"did you mean {close[0]}?" if close else "known are title, lunar, solar, dates"
            raise ValueError(f"festival {name}: unknown key '{key}': {hint}")
    given = [kind for kind in _KINDS if kind in value]
    if len(given) != 1:
        raise ValueError(
            f"festival {name}: give exactly one of lunar, solar, dates (found {', '.join(given) or 'none'})"
        )
    title = value.get("title", name)
    if not isinstance(title, str) or not title.strip():
        raise ValueError(f"festival {name}: title must be a text, such as 老客节")
    try:
        return Festival(name, title.strip(), _rule(given[0], value[given[0]]))
    except ValueError as mistake:
        raise ValueError(f"festival {name}: {mistake}") from None


def _rule(kind: str, value: object) -> Rule:
    if kind == "dates":
        return ListedRule(_dates(value))
    if not isinstance(value, str):
        raise ValueError(f"{kind} must be a month and a day, such as {kind}: 9-9")
    if kind == "lunar":
        return LunarRule(*lunar_text.parse_month_day(value))
    month, dash, day = value.strip().partition("-")
    try:
        if not (dash and month.isdecimal() and day.isdecimal()):
            raise ValueError
        found = date(2024, int(month), int(day))  # a leap year: 02-29 is allowed
    except ValueError:
        raise ValueError(f"'{value}' is not a day of the year: write month-day, such as 09-09") from None
    return SolarRule(found.month, found.day)


def _dates(value: object) -> tuple[date, ...]:
    if not isinstance(value, list | tuple) or not value:
        raise ValueError("dates must be a list of days, such as [2026-05-20, 2027-05-18]")
    days = [walltime.parse_day(str(entry)) for entry in value]
    if len(set(days)) < len(days):
        raise ValueError("dates names the same day twice")
    return tuple(sorted(days))
