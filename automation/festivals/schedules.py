"""Schedules of `enter` and of segment checks, and the `active` range of a journey.

2026-06-18 10:00            once
daily 09:00                 every day
every monday 10:00          every week
every month on 1 10:00      every month; 29, 30, 31 are the last day of a shorter one
every 15m, every 6h         from 00:00 on, by the clock; the length must divide a day
"""

from __future__ import annotations

import calendar as gregorian
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, time, timedelta
from difflib import get_close_matches
from typing import NamedTuple
from zoneinfo import ZoneInfo

from . import durations, walltime

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_DAY = timedelta(days=1)
_FORMS = "write 2026-06-18 10:00, daily 09:00, every monday 10:00, every month on 1 10:00 or every 6h"
_HORIZON = 62  # days in which every repeating schedule comes at least once


@dataclass(frozen=True, slots=True)
class Schedule:
    """At `times` of the local days that match whichever of `on`, `weekday`, `month_day` is given; else of every day."""

    times: tuple[time, ...]
    on: date | None = None
    weekday: int | None = None  # Monday 0
    month_day: int | None = None

    def matches(self, day: date) -> bool:
        if self.on is not None:
            return day == self.on
        if self.weekday is not None:
            return day.weekday() == self.weekday
        if self.month_day is not None:
            return day.day == min(self.month_day, gregorian.monthrange(day.year, day.month)[1])
        return True


def parse(text: str) -> Schedule:
    """A schedule; ValueError with a plain sentence."""
    words = text.replace("：", ":").split()
    match words:
        case ["daily", clock]:
            return Schedule((walltime.parse_clock(clock),))
        case ["every", "month", "on", day, clock]:
            return Schedule((walltime.parse_clock(clock),), month_day=_month_day(day))
        case ["every", step] if step[:1].isdigit():
            return Schedule(_steps(step))
        case ["every", weekday, clock]:
            number = _weekday(weekday)
            return Schedule((walltime.parse_clock(clock),), weekday=number)
        case [day, clock] if re.match(r"^\d{4}-", day):
            return Schedule((walltime.parse_clock(clock),), on=walltime.parse_day(day))
        case ["daily"] | ["every", _]:
            raise ValueError(f"'{text}' lacks the time of day: {_FORMS}")
    raise ValueError(f"'{text}' is not a schedule: {_FORMS}")


def _month_day(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 31:
        raise ValueError(f"'{text}' is not a day of the month: write 1 to 31 (31 is the last day of every month)")
    return int(text)


def _weekday(text: str) -> int:
    if text in WEEKDAYS:
        return WEEKDAYS.index(text)
    close = get_close_matches(text.lower(), WEEKDAYS, n=1, cutoff=0.4)
    raise ValueError(f"'{text}' is not a weekday{f': did you mean {close[0]}?' if close else f': {_FORMS}'}")


def _steps(text: str) -> tuple[time, ...]:
    length = durations.parse(text)
    minutes = length.seconds // 60
    if not minutes or length.seconds % 60 or 1440 % minutes:
        raise ValueError(
            f"'every {text}' has no first day: use a length that divides a day (15m, 1h, 6h), or one of these: {_FORMS}"
        )
    return tuple(time(minute // 60, minute % 60) for minute in range(0, 1440, minutes))


def occurrences_between(schedule: Schedule, after_utc: int, until_utc: int, zone: ZoneInfo) -> list[int]:
    """Its instants later than `after_utc` and not later than `until_utc`, in order: a cursor never sees one twice."""
    return list(_occurrences(schedule, after_utc, until_utc, zone))


def next_after(schedule: Schedule, after_utc: int, zone: ZoneInfo) -> int | None:
    """The first instant later than `after_utc`; None when a single date is over."""
    until = after_utc + _HORIZON * 86_400
    if schedule.on is not None:
        until = walltime.instant(schedule.on, schedule.times[-1], zone)
    return next(_occurrences(schedule, after_utc, until, zone), None)


def _occurrences(schedule: Schedule, after_utc: int, until_utc: int, zone: ZoneInfo) -> Iterator[int]:
    if until_utc <= after_utc:
        return
    day, last = walltime.local(after_utc, zone).date(), walltime.local(until_utc, zone).date()
    if schedule.on is not None:
        day, last = max(day, schedule.on), min(last, schedule.on)
    newest = after_utc
    while day <= last:
        for clock in schedule.times if schedule.matches(day) else ():
            at = walltime.instant(day, clock, zone)
            if newest < at <= until_utc:  # two clock times may meet in one instant where an hour is skipped
                newest = at
                yield at
        day += _DAY


class DateRange(NamedTuple):
    """From `first` to `last`, both included."""

    first: date
    last: date


def parse_active(text: str) -> DateRange:
    """`2026-10-20 to 2026-11-12`; ValueError with a plain sentence."""
    words = text.split()
    if len(words) != 3 or words[1] != "to":
        raise ValueError(f"'{text}' is not a range of days: write 2026-10-20 to 2026-11-12")
    found = DateRange(walltime.parse_day(words[0]), walltime.parse_day(words[2]))
    if found.last < found.first:
        raise ValueError(f"'{text}' ends before it begins")
    return found
