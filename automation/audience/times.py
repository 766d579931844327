"""Durations and moments of conditions as values that are worked out at execution.

In conditions a day is 24 hours, so that `within: 30d` is one number; months, years and workdays follow the shop's
calendar. A moment that names only a day is before which and after which as a whole: `after` it begins the next day.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

from automation.festivals import durations, moments, walltime
from automation.festivals.durations import Duration
from automation.festivals.moments import Moment

from .context import ShopCalendar

DAY = 86_400


def shifted(at: int, length: Duration, calendar: ShopCalendar) -> int:
    """UTC seconds that lie `length` after (before, if negative) `at`."""
    if length.days:
        return at + length.days * DAY
    return durations.add(at, length, calendar.zone, calendar.workdays)


def ago(length: Duration, calendar: ShopCalendar) -> Callable[[int], int]:
    return lambda now: shifted(now, -length, calendar)


def ahead(length: Duration, calendar: ShopCalendar) -> Callable[[int], int]:
    return lambda now: shifted(now, length, calendar)


def begins(moment: Moment, calendar: ShopCalendar) -> Callable[[int], int | None]:
    """The first second of the moment; None at execution for one that does not exist."""
    return lambda now: _edge(moment, calendar, now, 0)


def ends(moment: Moment, calendar: ShopCalendar) -> Callable[[int], int | None]:
    """The first second after the moment: for a day the next day's first, for a time one second later."""
    return lambda now: _edge(moment, calendar, now, 1)


def _edge(moment: Moment, calendar: ShopCalendar, now: int, after: int) -> int | None:
    point = moments.resolve_point(moment, now, calendar.zone, {}, calendar.workdays)
    if isinstance(point, date):
        return (walltime.day_after if after else walltime.midnight)(point, calendar.zone)
    return None if point is None else point + after


def day_of(moment: Moment, calendar: ShopCalendar) -> Callable[[int], date | None]:
    """The local date of the moment."""

    def work_out(now: int) -> date | None:
        point = moments.resolve_point(moment, now, calendar.zone, {}, calendar.workdays)
        return walltime.local(point, calendar.zone).date() if isinstance(point, int) else point

    return work_out


def today(calendar: ShopCalendar) -> Callable[[int], date]:
    return lambda now: walltime.local(now, calendar.zone).date()


def day_ago(length: Duration, calendar: ShopCalendar) -> Callable[[int], date]:
    return lambda now: walltime.local(shifted(now, -length, calendar), calendar.zone).date()


def day_ahead(length: Duration, calendar: ShopCalendar) -> Callable[[int], date]:
    return lambda now: walltime.local(shifted(now, length, calendar), calendar.zone).date()
