"""Durations: `90s 15m 3h 2d 1w 3mo 1y`, `2 workdays`, `3天`. Seconds, minutes, hours are exact, the rest is calendar.

A calendar duration keeps the local time of day: a day is 23 or 25 hours long where the clocks change.
"""

from __future__ import annotations

import calendar as gregorian
import re
import unicodedata
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from difflib import get_close_matches
from zoneinfo import ZoneInfo

from . import walltime
from .workdays import Workdays

_SECONDS = {"s": 1, "m": 60, "h": 3600, "秒": 1, "秒钟": 1, "分": 60, "分钟": 60, "小时": 3600, "个小时": 3600}
_DAYS = {"d": 1, "w": 7, "天": 1, "周": 7, "星期": 7, "个星期": 7}
_MONTHS = {"mo": 1, "y": 12, "个月": 1, "年": 12}
_WORKDAYS = ("workdays", "workday", "个工作日", "工作日")
_UNITS = sorted((*_SECONDS, *_DAYS, *_MONTHS, *_WORKDAYS), key=len, reverse=True)
_LONG = {"second": "s", "sec": "s", "minute": "m", "min": "m", "hour": "h", "hr": "h", "day": "d", "week": "w"}
_LONG |= {"month": "mo", "mon": "mo", "year": "y", "yr": "y", "business day": " workdays", "working day": " workdays"}

PATTERN = rf"^[0-9]{{1,6}} *({'|'.join(_UNITS)})$"
"""What a duration looks like, for JSON schemas: no sign."""
SIGNED_PATTERN = rf"^[+-]?{PATTERN[1:]}"
"""The same with an optional sign, for `offset`."""

_ANY = re.compile(r"^([+-]?)\s*([0-9]+)\s*(\D*)$")
_FORMS = "write a whole number and a unit, such as 90s 15m 3h 2d 1w 3mo 1y, or 2 workdays"
_LONGEST_DAYS = 36_525  # a hundred years: longer is a slip, and would leave the calendars


@dataclass(frozen=True, slots=True)
class Duration:
    """A length of time with its sign. At most one of the four is not zero."""

    months: int = 0
    days: int = 0
    seconds: int = 0
    workdays: int = 0

    @property
    def exact(self) -> bool:
        """Counted in seconds, minutes or hours: the same everywhere, whatever the clocks do."""
        return self.seconds != 0

    @property
    def negative(self) -> bool:
        return min(self.months, self.days, self.seconds, self.workdays) < 0

    def __neg__(self) -> Duration:
        return Duration(-self.months, -self.days, -self.seconds, -self.workdays)

    def __str__(self) -> str:
        """The shortest text that `parse` reads back."""
        number, unit = _largest_unit(self)
        return f"{number} {unit}" if unit == "workdays" else f"{number}{unit}"


def parse(text: str) -> Duration:
    """A duration, a sign allowed; ValueError with a plain sentence. Whether a sign makes sense is the caller's rule."""
    plain = unicodedata.normalize("NFKC", text).strip()
    match = _ANY.match(plain)
    if not match:
        raise ValueError(f"'{text}' is not a duration: {_hint(plain)}")
    number, unit = int(match[2]), match[3].strip()
    found = _of(number, unit)
    if found is None:
        raise ValueError(f"'{text}' is not a duration: {_unit_hint(match[2], unit)}")
    if _roughly_days(found) > _LONGEST_DAYS:
        raise ValueError(f"'{text}' is longer than a hundred years")
    return -found if match[1] == "-" else found


def _of(number: int, unit: str) -> Duration | None:
    if unit in _SECONDS:
        return Duration(seconds=number * _SECONDS[unit])
    if unit in _DAYS:
        return Duration(days=number * _DAYS[unit])
    if unit in _MONTHS:
        return Duration(months=number * _MONTHS[unit])
    return Duration(workdays=number) if unit in _WORKDAYS else None


def _roughly_days(length: Duration) -> int:
    return length.months * 30 + length.days + length.seconds // 86_400 + length.workdays * 2


def _hint(text: str) -> str:
    if re.match(r"^[+-]?\d+[.,]\d", text):
        return "whole numbers only, so 1.5h is 90m"
    if re.match(r"^[一二两三四五六七八九十半]", text):
        return "write the number in digits, such as 3天"
    if len(re.findall(r"\d+\s*[a-z]+", text)) > 1:
        return "use one unit, so 1d 12h is 36h"
    return _FORMS


def _unit_hint(number: str, unit: str) -> str:
    if not unit:
        return f"the unit is missing, such as {number}d for days or {number}m for minutes"
    if unit == "M":
        return f"m is minutes and mo is months: did you mean {number}mo?"
    lower = unit.lower()
    short = _LONG.get(lower) or _LONG.get(lower.removesuffix("s")) or (lower if _of(1, lower) else None)
    if short is None:
        close = get_close_matches(lower, [*_LONG, *_WORKDAYS], n=1, cutoff=0.75)
        short = _LONG.get(close[0], f" {close[0]}") if close else None
    return f"did you mean {number}{short}?" if short else _FORMS


def add(at_utc: int, length: Duration, zone: ZoneInfo, calendar: Workdays) -> int:
    """The instant that lies `length` after (before, if negative) an instant, both in UTC seconds.

    A month too short takes its last day (31 January + 1mo = 28 or 29 February). `n` workdays after is the n-th workday
    that follows, at the same local time. For skipped and repeated hours see `walltime`, also for how far it goes.
    """
    if length == Duration():
        return at_utc
    if length.exact:
        return walltime.bounded(at_utc + length.seconds)
    here = walltime.local(at_utc, zone)
    if length.days:
        return walltime.bounded(_days_later(here, length.days))
    return walltime.bounded(walltime.instant(shift_day(here.date(), length, calendar), here.time(), zone))


def _days_later(here: datetime, days: int) -> int:
    try:
        return int((here + timedelta(days=days)).timestamp())
    except OverflowError:
        return walltime.LONG_AGO if days < 0 else walltime.NEVER


def shift_day(day: date, length: Duration, calendar: Workdays) -> date:
    """A date moved by a calendar duration, no further than to the ends of the calendar.

    ValueError for an exact one, which a date cannot carry.
    """
    if length.exact:
        raise ValueError(f"{length} is shorter than a day and cannot move a date")
    try:
        return _moved(day, length, calendar)
    except (OverflowError, ValueError):
        return date.min if length.negative else date.max


def _moved(day: date, length: Duration, calendar: Workdays) -> date:
    if length.days:
        return day + timedelta(days=length.days)
    if length.workdays:
        return calendar.add_workdays(day, length.workdays)
    if not length.months:
        return day
    year, month = divmod(day.year * 12 + day.month - 1 + length.months, 12)
    return date(year, month + 1, min(day.day, gregorian.monthrange(year, month + 1)[1]))


_CHINESE = {"s": "秒", "m": "分钟", "h": "小时", "d": "天", "mo": "个月", "y": "年", "workdays": "个工作日"}
_ENGLISH = {"s": "second", "m": "minute", "h": "hour", "d": "day", "mo": "month", "y": "year", "workdays": "workday"}


def say(length: Duration, language: str = "zh") -> str:
    """`3 天`, `2 个工作日`; `3 days` for any language but Chinese. Weeks are said in days."""
    number, unit = _largest_unit(length)
    if language.startswith("zh"):
        return f"{number} {_CHINESE[unit]}"
    return f"{number} {_ENGLISH[unit]}{'' if abs(number) == 1 else 's'}"


def _largest_unit(length: Duration) -> tuple[int, str]:
    if length.workdays:
        return length.workdays, "workdays"
    if length.months:
        return (length.months // 12, "y") if length.months % 12 == 0 else (length.months, "mo")
    if length.seconds:
        size, unit = next(
            (size, unit) for size, unit in ((3600, "h"), (60, "m"), (1, "s")) if length.seconds % size == 0
        )
        return length.seconds // size, unit
    return length.days, "d"
