"""Between UTC seconds and the clock on a wall, in one place: all modules treat the two odd hours of a year alike.

A local time that a spring change skips moves forward by the gap (02:30 becomes 03:30); one that an autumn change
repeats means its first passing, unless `later` asks for the second.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

_DAY = re.compile(r"^\d{4}-\d{2}-\d{2}$")
MIDNIGHT = time(0, 0)

LONG_AGO = int(datetime(1000, 1, 1, tzinfo=UTC).timestamp())
NEVER = int(datetime(9000, 1, 1, tzinfo=UTC).timestamp())
"""People write 9999-12-31 for "for ever". What is planned stops here, a thousand years short of the calendar's end:
the waits that are added to it later still give a moment that can be shown."""


def bounded(at_utc: int) -> int:
    """An instant that can be planned with: no earlier than LONG_AGO, no later than NEVER."""
    return min(max(at_utc, LONG_AGO), NEVER)


def local(at_utc: int, zone: ZoneInfo) -> datetime:
    """The local date and time of an instant in UTC seconds; the calendar's first or last for one outside of it."""
    try:
        return datetime.fromtimestamp(at_utc, zone)
    except (OverflowError, ValueError, OSError):
        return datetime.min.replace(tzinfo=zone) if at_utc < 0 else datetime.max.replace(tzinfo=zone)


@lru_cache(maxsize=65_536)  # a batch asks for few days and clock times, many times over
def instant(day: date, clock: time, zone: ZoneInfo, later: bool = False) -> int:
    """UTC seconds of a local date and time."""
    moment = datetime.combine(day, clock, zone)
    at = int(moment.timestamp())
    # In a skipped hour the second reading is the earlier one: it never counts.
    return max(at, int(moment.replace(fold=1).timestamp())) if later else at


def midnight(day: date, zone: ZoneInfo) -> int:
    """UTC seconds at which a local day begins (some zones skip 00:00: then the first minute there is)."""
    return instant(day, MIDNIGHT, zone)


def day_after(day: date, zone: ZoneInfo) -> int:
    """UTC seconds at which a local day is over; the calendar's last day is one of 24 hours."""
    return midnight(day, zone) + 86_400 if day == date.max else midnight(day + timedelta(days=1), zone)


def parse_clock(text: str) -> time:
    """`09:30` as a time of day; ValueError with a plain sentence otherwise."""
    hour, colon, minute = text.partition(":")
    plain = colon and hour.isdecimal() and minute.isdecimal() and len(hour) <= 2 and len(minute) == 2
    if not plain or int(hour) > 23 or int(minute) > 59:
        raise ValueError(f"'{text}' is not a time of day: write hours and minutes from 00:00 to 23:59, such as 09:30")
    return time(int(hour), int(minute))


def parse_day(text: str) -> date:
    """`2026-11-10` as a date; ValueError with a plain sentence otherwise."""
    try:
        if not _DAY.match(text):
            raise ValueError
        return date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"'{text}' is not a date: write year-month-day, such as 2026-11-10") from None
