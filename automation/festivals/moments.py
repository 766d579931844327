"""Moments, the language's points in time: `[ANCHOR] [±DURATION | ±FIELD]... [TIME]`, as values and as UTC seconds.

How one is read:
- No anchor: `09:30` is the next one, now included; `+2 workdays 10:00` counts from now.
- `monday`, `workday`, `month_end` come again and again: the first such day, from today on, for which the whole
  moment is not past. Without a time it may be today.
- `today`, `tomorrow`, a date or a field stand fast: in the past they yield the past, and the caller goes on at once.
- A day without a time is its 00:00 when waited for; as a limit it lasts to the end of that day.
- What lies too far away, such as 9999-12-31 or a shift beyond the calendar, is `walltime.NEVER`; too early, LONG_AGO.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime, time, timedelta
from typing import TypeAlias
from zoneinfo import ZoneInfo

from . import durations, walltime
from .durations import Duration
from .moment_text import parse
from .moment_tree import RECURRING, Anchor, AnchorKind, Moment, Shift, say
from .workdays import Workdays

__all__ = [
    "Anchor",
    "AnchorKind",
    "Limit",
    "Moment",
    "Shift",
    "Value",
    "last_day",
    "limit",
    "parse",
    "resolve",
    "resolve_limit",
    "say",
    "say_limit",
]

Value: TypeAlias = int | str | None
"""What a field holds: UTC seconds, 'YYYY-MM-DD' or an ISO date and time as text, a number of days, or nothing."""

_DAY = timedelta(days=1)
_FARTHEST = 400  # candidate days tried for a recurring anchor before giving up: more than a year of month ends


def resolve(moment: Moment, base: int, zone: ZoneInfo, values: Mapping[str, Value], calendar: Workdays) -> int | None:
    """UTC seconds of the moment, seen from `base` (UTC seconds); None where a field it needs is missing or no date."""
    point = resolve_point(moment, base, zone, values, calendar)
    if isinstance(point, date):
        point = walltime.midnight(point, zone)
    return None if point is None else walltime.bounded(point)


def resolve_point(
    moment: Moment, base: int, zone: ZoneInfo, values: Mapping[str, Value], calendar: Workdays
) -> int | date | None:
    """As `resolve`, but a moment that names only a day comes back as that local date."""
    try:
        if moment.anchor.kind is AnchorKind.NOW and not moment.shifts:
            return _next_time(moment.time or walltime.MIDNIGHT, base, zone)
        shifts = _days_counted(moment.shifts, values)
        if shifts is None:
            return None
        if moment.anchor.kind in RECURRING:
            return _next_recurring(moment, shifts, base, zone, calendar)
        start = _start(moment.anchor, base, zone, values)
        return None if start is None else _finish(start, shifts, moment.time, zone, calendar)
    except (OverflowError, ValueError):  # a field that holds no date, or a recurring day beyond the calendar
        return None


def _next_time(clock: time, base: int, zone: ZoneInfo) -> int:
    today = walltime.local(base, zone).date()
    at = walltime.instant(today, clock, zone)
    return at if at >= base else walltime.instant(today + _DAY, clock, zone)


def _days_counted(shifts: tuple[Shift, ...], values: Mapping[str, Value]) -> list[Duration] | None:
    """The shifts with field values put in; None where one is missing or no whole number."""
    found = []
    for shift in shifts:
        if shift.duration is not None:
            found.append(shift.duration)
            continue
        days = values.get(shift.path)
        if not isinstance(days, int) or isinstance(days, bool):
            return None
        found.append(Duration(days=days * shift.sign))
    return found


def _start(anchor: Anchor, base: int, zone: ZoneInfo, values: Mapping[str, Value]) -> int | date | None:
    if anchor.kind is AnchorKind.PATH:
        return _read(values.get(anchor.path), zone)
    if anchor.kind is AnchorKind.DATE:
        return anchor.day
    if anchor.kind is AnchorKind.NOW:
        return base
    today = walltime.local(base, zone).date()
    return today + _DAY if anchor.kind is AnchorKind.TOMORROW else today


def _read(value: Value, zone: ZoneInfo) -> int | date | None:
    if not isinstance(value, str):
        return None if value is None or isinstance(value, bool) else walltime.bounded(value)
    if len(value) == 10:
        return date.fromisoformat(value)
    moment = datetime.fromisoformat(value)
    return int((moment if moment.tzinfo else moment.replace(tzinfo=zone)).timestamp())


def _finish(
    start: int | date, shifts: list[Duration], clock: time | None, zone: ZoneInfo, calendar: Workdays
) -> int | date:
    point = start
    if clock is not None and not isinstance(point, date):
        point = walltime.local(point, zone).date()  # the time of day is replaced: only its date counts
    for shift in shifts:
        if isinstance(point, date) and not shift.exact:
            point = durations.shift_day(point, shift, calendar)
        else:
            at = walltime.midnight(point, zone) if isinstance(point, date) else point
            point = durations.add(at, shift, zone, calendar)
    return walltime.instant(point, clock, zone) if clock is not None and isinstance(point, date) else point


def _next_recurring(
    moment: Moment, shifts: list[Duration], base: int, zone: ZoneInfo, calendar: Workdays
) -> int | date | None:
    today = walltime.local(base, zone).date()
    for _, day in zip(range(_FARTHEST), _anchor_days(moment.anchor, today, calendar), strict=False):
        point = _finish(day, shifts, moment.time, zone, calendar)
        if (point >= today) if isinstance(point, date) else (point >= base):
            return point
    return None


def _anchor_days(anchor: Anchor, today: date, calendar: Workdays) -> Iterator[date]:
    """The days an anchor means, from today on, without end."""
    if anchor.kind is AnchorKind.WORKDAY:
        day = calendar.next_workday(today)
        while True:
            yield day
            day = calendar.add_workdays(day, 1)
    if anchor.kind is AnchorKind.WEEKDAY:
        day = today + timedelta(days=(anchor.weekday - today.weekday()) % 7)
        while True:
            yield day
            day += timedelta(days=7)
    first = today.replace(day=1)
    while True:
        first = (first + timedelta(days=32)).replace(day=1)
        yield first - _DAY


Limit: TypeAlias = Duration | Moment
"""When time is up: `up_to`, `expires`, `due`, `valid`."""


def limit(text: str) -> Limit:
    """A duration, `today` or a moment; ValueError with a plain sentence."""
    plain = text.strip()
    if plain[:1].isdigit() and ":" not in plain and "：" not in plain and plain[4:5] != "-":
        length = durations.parse(plain)
        if length == Duration():
            raise ValueError(f"'{text}' leaves no time at all: a limit is at least 1s")
        return length
    moment = parse(plain)
    if moment.anchor.kind is AnchorKind.NOW and moment.shifts and moment.time is None:
        raise ValueError(f"'{text}' has a sign and nothing it counts from: write the bare length, such as 3d")
    return moment


def resolve_limit(
    until: Limit, base: int, zone: ZoneInfo, values: Mapping[str, Value], calendar: Workdays
) -> int | None:
    """UTC seconds from which it is too late, counted from `base`; None where a field it needs is missing.

    An anchored limit may lie in the past: then it is already too late. A limit that names only a day (`today`,
    `month_end`, `coupon.expires`) ends at the following 00:00.
    """
    if isinstance(until, Duration):
        return durations.add(base, until, zone, calendar)
    point = resolve_point(until, base, zone, values, calendar)
    if isinstance(point, date):
        point = walltime.day_after(point, zone)
    return None if point is None else walltime.bounded(point)


def last_day(limit_utc: int, zone: ZoneInfo) -> date:
    """The last local date that lies before a limit: what `coupon.expires` says and stores."""
    return date.max if limit_utc >= walltime.NEVER else walltime.local(limit_utc - 1, zone).date()


def say_limit(until: Limit) -> str:
    """In Chinese: `3 天内`, `当天内`, `entry.date 18:00 前`."""
    if isinstance(until, Duration):
        return f"{durations.say(until)}内"
    return f"{say(until)}{' 前' if until.time else '内'}"
