"""How the clock of a simulation jumps: straight to the next moment at which anything is due, by whole hours.

An hour is the grain because days of many customers would otherwise be tens of thousands of rounds; the engine takes
runs that are up to an hour late at their planned moment, so that no wait grows by it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from zoneinfo import ZoneInfo

from automation.engine.parts import Parts
from automation.festivals import schedules, walltime
from automation.journey import graph

HOUR = 3600
DUE = (
    "SELECT min(due) FROM run WHERE due IS NOT NULL",
    "SELECT min(due) FROM message WHERE due IS NOT NULL",
    "SELECT min(due) FROM settling",
    "SELECT min(at) FROM entrant WHERE at > :now",
    "SELECT 0 FROM event_queue LIMIT 1",
)
HELD_BACK = "SELECT 1 FROM entrant WHERE at <= :now LIMIT 1"  # by a pace or by `active`, which both count whole days

Look = Callable[[int], "int | None"]
"""UTC seconds -> the next moment after it at which a journey looks for people."""


def next_at(parts: Parts, looks: list[Look], now: int) -> int | None:
    """The next moment after `now` at which something is due; None where nothing ever is."""
    waiting = [parts.store.value(sql, now=now) for sql in DUE]
    if parts.store.value(HELD_BACK, now=now) is not None:
        waiting.append(walltime.day_after(walltime.local(now, parts.zones.shop).date(), parts.zones.shop))
    moments = [at for at in (*waiting, *(look(now) for look in looks)) if at is not None]
    return max(min(moments), now + 1) if moments else None


def next_due(parts: Parts, looks: list[Look], now: int) -> int | None:
    """The same by full hours."""
    at = next_at(parts, looks, now)
    return None if at is None else full_hour(at)


def full_hour(at: int) -> int:
    """`at`, or the full hour after it."""
    return -(-at // HOUR) * HOUR


def looks(parts: Parts) -> list[Look]:
    """When the live journeys look for people by the clock."""
    return [look for one in parts.registry.live for look in _of(one.journey.entry, parts.zones.shop)]


def _of(entry: graph.Entry, zone: ZoneInfo) -> Iterator[Look]:
    if isinstance(entry, graph.SegmentEntry | graph.ScheduleEntry):
        schedule = schedules.parse(entry.check if isinstance(entry, graph.SegmentEntry) else entry.schedule)
        yield lambda now: schedules.next_after(schedule, now, zone)
    elif isinstance(entry, graph.DateEntry | graph.FestivalEntry):
        clock = walltime.parse_clock(entry.at)
        day = timedelta(days=1)

        def daily(now: int) -> int:
            today = walltime.local(now, zone).date()
            at = walltime.instant(today, clock, zone)
            return at if at > now else walltime.instant(today + day, clock, zone)

        yield daily
