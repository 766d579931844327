"""People who are asked for and wait their turn: by command, campaign or another journey, or held back by `pace`."""

from __future__ import annotations

from typing import Any

from automation.audience import splits
from automation.journey import graph
from automation.store.database import Transaction

from . import enrol, timing
from .parts import Parts
from .registry import Loaded


def wait_turn(tx: Transaction, loaded: Loaded, source: str, bound: dict[str, Any]) -> None:
    """Queues the rows of a SELECT with person_id, key, at, event_id, data; the same event queues once."""
    episode = enrol.episode_sql(loaded, "CAST(s.event_id AS TEXT)", "s.at")
    tx.run(
        "INSERT INTO entrant (journey_id, person_id, key, episode, at, event_id, data)"
        f" SELECT {loaded.journey_id}, s.person_id, s.key, {episode}, s.at, s.event_id, s.data FROM ({source}) s"
        " WHERE true ON CONFLICT DO NOTHING",
        **bound,
    )


def admit(parts: Parts, now: int, batch: int) -> int:
    """Lets waiting people in, as many as each journey's pace allows today; returns how many left the queue."""
    count = 0
    for (journey_id,) in parts.store.rows("SELECT DISTINCT journey_id FROM entrant WHERE at <= :now", now=now):
        loaded = next((one for one in parts.registry.live if one.journey_id == journey_id), None)
        if loaded is None or loaded.paused or loaded.journey.status is not graph.Status.LIVE:
            continue
        allowed = min(batch, left_today(parts, loaded, now))
        if allowed > 0:
            with parts.store.write() as tx:
                count += _admit(parts, tx, loaded, now, allowed)
    return count


def left_today(parts: Parts, loaded: Loaded, now: int) -> int:
    """How many may still enter on this day of the shop."""
    pace = loaded.journey.pace
    if pace is None:
        return 2**31
    used = parts.store.value(
        "SELECT used FROM paced WHERE journey_id = :journey AND day = :day",
        journey=loaded.journey_id,
        day=parts.zones.today(now),
    )
    return pace - int(used or 0)


def use_today(parts: Parts, tx: Transaction, loaded: Loaded, count: int, now: int) -> None:
    """Books entries against the day's pace."""
    if loaded.journey.pace is not None and count:
        tx.run(
            "INSERT INTO paced (journey_id, day, used) VALUES (:journey, :day, :count)"
            " ON CONFLICT (journey_id, day) DO UPDATE SET used = paced.used + excluded.used",
            journey=loaded.journey_id,
            day=parts.zones.today(now),
            count=count,
        )


def _admit(parts: Parts, tx: Transaction, loaded: Loaded, now: int, allowed: int) -> int:
    order = splits.number_sql(loaded.name, "pace", "p.seed") if loaded.journey.pace else "q.at, q.person_id"
    tx.temporary("entering", enrol.ENTERING)
    count = tx.run(
        "INSERT INTO entering SELECT q.person_id, q.key, q.episode, q.at,"
        " CASE WHEN q.at < :late THEN :now ELSE q.at END, q.data, q.event_id, q.depth, q.parent_run"
        " FROM entrant q JOIN person p ON p.id = q.person_id WHERE q.journey_id = :journey AND q.at <= :now"
        f" ORDER BY {order} LIMIT :allowed",
        journey=loaded.journey_id, now=now, allowed=allowed, late=now - timing.LATE,
    )  # fmt: skip
    tx.run(
        "DELETE FROM entrant WHERE journey_id = :journey AND EXISTS (SELECT 1 FROM entering e WHERE"
        " e.person_id = entrant.person_id AND e.key = entrant.key AND e.episode = entrant.episode)",
        journey=loaded.journey_id,
    )
    use_today(parts, tx, loaded, enrol.enrol(parts, tx, loaded, now), now)
    return count
