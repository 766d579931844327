"""The periods in which platforms count: minute, hour, day and month of China time, or so many hours back.

China has had no daylight saving time since 1991, so its days are whole 86,400 seconds.
"""

from __future__ import annotations

from datetime import date
from typing import Final
from zoneinfo import ZoneInfo

from automation.festivals import walltime

CHINA: Final = ZoneInfo("Asia/Shanghai")
DAY: Final = 86_400
_SHORT: Final = {"minute": 60, "hour": 3600}
_ROLLING: Final = {"24h": DAY, "7d": 7 * DAY, "30d": 30 * DAY}


def is_short(per: str) -> bool:
    """Whether it is over so soon that waiting is better than another way."""
    return per in _SHORT


def span(per: str, now: int) -> tuple[int, int]:
    """The first second that counts now and the first of the next period, UTC; of a rolling period that is `now`."""
    if per in _ROLLING:
        return now - _ROLLING[per] + 1, now
    if per in _SHORT:
        length = _SHORT[per]
        first = now // length * length  # the zone is off UTC by whole hours
        return first, first + length
    today = walltime.local(now, CHINA).date()
    if per == "day":
        first = walltime.midnight(today, CHINA)
        return first, first + DAY
    if per != "month":
        raise ValueError(f"no period: {per}")
    after = date(today.year + today.month // 12, today.month % 12 + 1, 1)
    return walltime.midnight(today.replace(day=1), CHINA), walltime.midnight(after, CHINA)


def days_of_month(now: int) -> int:
    first, after = span("month", now)
    return (after - first) // DAY


def midnight(now: int) -> int:
    """When a platform's day ends."""
    return span("day", now)[1]


def day(now: int) -> int:
    """A platform's day as a number, YYYYMMDD."""
    return int(walltime.local(now, CHINA).strftime("%Y%m%d"))
