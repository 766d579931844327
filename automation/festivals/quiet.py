"""Quiet hours: `21:00-09:00` as a window of local time, and the instant at which it opens again.

Windows are compared as instants, not as clock readings, so the nights on which clocks change are exact: where an
hour is repeated, quiet begins at its first passing and ends at its second.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import time, timedelta
from zoneinfo import ZoneInfo

from . import walltime

_DAY = timedelta(days=1)
SHORTEST_OPEN = 30  # minutes a day; messages kept back over night are spread over the first quarter of an hour


@dataclass(frozen=True, slots=True)
class Window:
    """Quiet from `start` (included) to `end` (not included); over midnight when `end` is the earlier."""

    start: time
    end: time

    def __str__(self) -> str:
        return f"{self.start:%H:%M}-{self.end:%H:%M}"


def parse(text: str) -> Window:
    """`21:00-09:00`; ValueError with a plain sentence otherwise."""
    left, dash, right = text.replace("–", "-").replace("：", ":").partition("-")
    if not dash:
        raise ValueError(f"'{text}' is not a quiet window: write from-to, such as 21:00-09:00")
    window = Window(walltime.parse_clock(left.strip()), walltime.parse_clock(right.strip()))
    if window.start == window.end:
        raise ValueError(f"'{text}' begins and ends at the same time: nothing could ever be sent, or nothing be quiet")
    if _minutes(window.end, window.start) < SHORTEST_OPEN:
        raise ValueError(f"'{text}' leaves less than {SHORTEST_OPEN} minutes of a day to send in")
    return window


def _minutes(start: time, end: time) -> int:
    """From one clock reading to the next passing of another."""
    return ((end.hour - start.hour) * 60 + end.minute - start.minute) % (24 * 60)


def open_at(window: Window, at_utc: int, zone: ZoneInfo) -> int:
    """UTC seconds of the first instant from `at_utc` on that is not quiet: itself, or the end of its window."""
    here = walltime.local(at_utc, zone).date()
    length = _DAY if window.end < window.start else timedelta(0)
    for day in (here - _DAY, here):
        end = walltime.instant(day + length, window.end, zone, later=True)
        if walltime.instant(day, window.start, zone) <= at_utc < end:
            return end
    return at_utc
