"""Workdays of mainland China: the published calendar with its shifted days, the shop's corrections, else an estimate.

The State Council publishes each year's shifts in the autumn before. Until `published_until` days are facts; later
ones are weekends and the statutory feasts, without shifts: `doctor` warns of that.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cache
from types import MappingProxyType

from . import lunar

_DAY = timedelta(days=1)
_QINGMING = 6  # index among the 24 solar terms, from 小寒


@dataclass(frozen=True, slots=True, eq=False)
class Workdays:
    """`overrides`: date -> is it a workday, from the shop's own file; it wins over what was published. `complete`: the
    year up to whose end the file has all that was published, where it says so."""

    overrides: Mapping[date, bool] = field(default_factory=lambda: MappingProxyType({}))
    complete: int = 0
    _free: dict[int, frozenset[date]] = field(default_factory=dict, init=False, repr=False)

    @property
    def published_until(self) -> date:
        """The last day known for certain."""
        return date(max(published_years()[1], self.complete), 12, 31)

    def is_workday(self, day: date) -> bool:
        free = self._free.get(day.year)
        if free is None:
            free = self._free[day.year] = self._free_days(day.year)
        return day not in free

    def add_workdays(self, day: date, count: int) -> date:
        """The count-th workday after the day (before it, if negative); 0 is the day itself, free or not."""
        step = _DAY if count > 0 else -_DAY
        left = abs(count)
        while left:
            day += step
            left -= self.is_workday(day)
        return day

    def next_workday(self, day: date) -> date:
        """The day itself when it is a workday, else the first one after it."""
        while not self.is_workday(day):
            day += _DAY
        return day

    def _free_days(self, year: int) -> frozenset[date]:
        free = set(_known_free_days(year))
        for day, works in self.overrides.items():
            if day.year == year:
                (free.discard if works else free.add)(day)
        return frozenset(free)


@cache
def published_years() -> tuple[int, int]:
    """First and last year of the built-in published calendar."""
    from chinese_calendar import constants  # 25 ms: only for those who count workdays

    return min(constants.holidays).year, max(constants.holidays).year


@cache
def _known_free_days(year: int) -> frozenset[date]:
    first, last = published_years()
    weekends = {day for day in _days_of(year) if day.weekday() >= 5}
    if not first <= year <= last:
        return frozenset(weekends | _statutory(year))
    from chinese_calendar import constants

    return frozenset((weekends | set(constants.holidays)) - set(constants.workdays))


def _days_of(year: int) -> list[date]:
    start = date(year, 1, 1)
    return [start + timedelta(days=number) for number in range((date(year, 12, 31) - start).days + 1)]


def _statutory(year: int) -> set[date]:
    """The feasts of 全国年节及纪念日放假办法 (State Council Decree 795, in force since 2025), without shifted days."""
    free = {date(year, 1, 1), date(year, 5, 1), date(year, 5, 2)}
    free |= {date(year, 10, day) for day in (1, 2, 3)}
    if lunar.FIRST_YEAR < year <= lunar.LAST_YEAR:
        new_year = lunar.observed(year, 1, 1)
        free |= {new_year + timedelta(days=number) for number in (-1, 0, 1, 2)}
        free |= {lunar.observed(year, 5, 5), lunar.observed(year, 8, 15), lunar.solar_term(year, _QINGMING)}
    return free
