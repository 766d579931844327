"""When a journey takes people in: live, not paused, inside its `active` days."""

from __future__ import annotations

from datetime import date

from automation.festivals import walltime
from automation.journey import graph
from automation.store.database import Transaction

from .parts import Parts
from .registry import Loaded

GRACE = 300  # seconds: the clocks of those who tell events differ, and who tries a journey out tells the event first
RESUMED = -2  # stands in `cursor` in the place of a zone, for the moment at which an operator ended the last pause


def may_enter(parts: Parts, loaded: Loaded, now: int) -> bool:
    """Whether the journey takes people in now."""
    return is_open(loaded) and is_active(parts, loaded, now)


def is_open(loaded: Loaded) -> bool:
    """Whether nothing but `active` keeps people out."""
    return loaded.live and not loaded.paused and loaded.journey.status is graph.Status.LIVE


def is_active(parts: Parts, loaded: Loaded, at: int) -> bool:
    """Whether a moment lies in the journey's `active` days."""
    begin, end = active(parts, loaded)
    return begin <= at < end


def is_over(parts: Parts, loaded: Loaded, now: int) -> bool:
    """Whether the last of the journey's `active` days has passed."""
    return now >= active(parts, loaded)[1]


def active(parts: Parts, loaded: Loaded) -> tuple[int, int]:
    """The journey's `active` days as UTC seconds, the end excluded: whole days of the shop."""
    if loaded.journey.active is None:
        return walltime.LONG_AGO, walltime.NEVER
    first, last = map(date.fromisoformat, loaded.journey.active)
    return walltime.midnight(first, parts.zones.shop), walltime.day_after(last, parts.zones.shop)


def note_resumed(tx: Transaction, journey_id: int, now: int) -> None:
    """Remembers the end of a pause: no event from before it lets anybody in, however late it is told."""
    tx.run(
        "INSERT INTO cursor (journey_id, zone_id, done) VALUES (:journey, :resumed, :now)"
        " ON CONFLICT (journey_id, zone_id) DO UPDATE SET done = excluded.done",
        journey=journey_id, resumed=RESUMED, now=now,
    )  # fmt: skip


def open_since(tx: Transaction, loaded: Loaded, now: int) -> int:
    """When an event may have happened at the earliest: not long before the journey went live, or was resumed after
    that. Where the clock was set back behind that moment, it says nothing."""
    since = tx.value(
        "SELECT max(at) FROM (SELECT live_since AS at FROM journey WHERE id = :journey"
        " UNION ALL SELECT done FROM cursor WHERE journey_id = :journey AND zone_id = :resumed) t",
        journey=loaded.journey_id, resumed=RESUMED,
    )  # fmt: skip
    return int(since) - GRACE if since and since <= now else 0
