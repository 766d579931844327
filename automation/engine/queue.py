"""People who are asked for and wait their turn: by command, campaign or another journey, or held back by `pace`."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from functools import partial
from typing import Any

from automation.audience import splits
from automation.store import audit, occasions
from automation.store.database import Transaction

from . import cross, enrol, halving, opening, timing
from .parts import Parts
from .registry import Loaded

log = logging.getLogger(__name__)


def let_in(
    parts: Parts, tx: Transaction, loaded: Loaded, source: str, bound: dict[str, Any], now: int, clock: str = "s.at"
) -> None:
    """Enters the rows of a SELECT as `wait_turn` takes it, or lets them wait where the journey has a pace. `clock`: SQL
    over a row `s` of the moment that the first wait counts from."""
    if loaded.journey.pace is not None:
        wait_turn(tx, loaded, source, bound)
        return
    enrol.gather(
        tx,
        f"SELECT s.person_id, s.key, {enrol.episode_sql(loaded, 'CAST(s.event_id AS TEXT)', 's.at')}, s.at, {clock},"
        f" s.data, s.event_id, s.depth, NULL FROM ({source}) s",
        **bound,
    )
    cross.enter(parts, tx, loaded, now)


def wait_turn(tx: Transaction, loaded: Loaded, source: str, bound: dict[str, Any]) -> None:
    """Queues the rows of a SELECT with person_id, key, at, event_id, data, depth; the same event queues once."""
    episode = enrol.episode_sql(loaded, "CAST(s.event_id AS TEXT)", "s.at")
    tx.run(
        "INSERT INTO entrant (journey_id, person_id, key, episode, at, event_id, data, depth)"
        f" SELECT {loaded.journey_id}, s.person_id, s.key, {episode}, s.at, s.event_id, s.data, s.depth"
        f" FROM ({source}) s WHERE true ON CONFLICT DO NOTHING",
        **bound,
    )


def admit(parts: Parts, now: int, batch: int) -> int:
    """Lets waiting people in, as many as each journey's pace allows today; returns how many left the queue.

    Whoever still waits when the last of the `active` days is over is not kept for other days that a file may name.
    """
    count = 0
    for journey_id in _asked_for(parts):
        loaded = next((one for one in parts.registry.live if one.journey_id == journey_id), None)
        if loaded is None or not opening.is_open(loaded):
            continue
        if opening.is_over(parts, loaded, now):
            count += _send_away(parts, loaded, batch)
            continue
        allowed = min(batch, left_today(parts, loaded, now))
        if allowed > 0 and opening.is_active(parts, loaded, now):
            take, drop = partial(_admit, parts, loaded, now), partial(_set_aside, parts, loaded, now)
            count += halving.shrinking(allowed, take, drop)
    return count


def let_go(tx: Transaction, table: str, journey_id: int, batch: int) -> int:
    """A batch of those who wait to enter a journey: in line (`entrant`) or until an event has rested (`settling`)."""
    return tx.run(
        f"DELETE FROM {table} WHERE journey_id = :journey AND person_id IN (SELECT person_id FROM {table}"
        " WHERE journey_id = :journey ORDER BY person_id LIMIT :batch)",
        journey=journey_id, batch=batch,
    )  # fmt: skip


def _send_away(parts: Parts, loaded: Loaded, batch: int) -> int:
    with parts.write() as tx:
        count = let_go(tx, "entrant", loaded.journey_id, batch)
    log.warning("%d in line for %s do not enter: its `active` days are over", count, loaded.name)
    return count


def _asked_for(parts: Parts) -> Iterator[int]:
    """Journeys that people wait for: one step along the index for each, however many people."""
    found = parts.store.value("SELECT min(journey_id) FROM entrant")
    while found is not None:
        yield int(found)
        found = parts.store.value("SELECT min(journey_id) FROM entrant WHERE journey_id > :last", last=found)


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


def _admit(parts: Parts, loaded: Loaded, now: int, allowed: int) -> int:
    chosen = _chosen(parts, loaded, now, allowed)
    if not chosen:
        return 0
    begins = "CASE WHEN q.at < :late THEN :now ELSE q.at END"  # a turn that took days: the stay begins with it
    anew = any(occasions.ANEW in episode for _, _, episode in chosen)
    with parts.write() as tx:
        enrol.gather(
            tx,
            f"SELECT q.person_id, q.key, q.episode, {begins}, {begins}, q.data, q.event_id, q.depth, q.parent_run"
            f" FROM {_table(parts)} c {parts.store.dialect.join_in_order} entrant q ON q.journey_id = :journey"
            " AND q.person_id = c.person_id AND q.key = c.key AND q.episode = c.episode"
            f" WHERE {enrol.timely(loaded, 'q')}",
            journey=loaded.journey_id, now=now, late=now - timing.LATE, chosen=json.dumps(chosen),
        )  # fmt: skip
        count = _forget(parts, tx, loaded, chosen)
        use_today(parts, tx, loaded, cross.enter(parts, tx, loaded, now, anew), now)
    return count


def _chosen(parts: Parts, loaded: Loaded, now: int, allowed: int) -> list[tuple[int, str, str]]:
    """The next in the queue, read outside the transaction: choosing by pace sorts all who wait.

    One entry a person and key: the next one finds what this one leaves behind.
    """
    order = "q.person_id, q.key, q.episode"
    if loaded.journey.pace:
        order = f"{splits.number_sql(loaded.name, 'pace', 'p.seed')}, {order}"
    rows = parts.store.rows(
        "SELECT q.person_id, q.key, q.episode FROM entrant q"
        f" {parts.store.dialect.join_in_order} person p ON p.id = q.person_id"
        f" WHERE q.journey_id = :journey AND q.at <= :now ORDER BY {order} LIMIT :allowed",
        journey=loaded.journey_id, now=now, allowed=allowed,
    )  # fmt: skip
    first: dict[tuple[int, str], tuple[int, str, str]] = {}
    for person, key, episode in rows:
        first.setdefault((person, key), (person, key, episode))
    return list(first.values())


def _set_aside(parts: Parts, loaded: Loaded, now: int, error: Exception) -> int:
    chosen = _chosen(parts, loaded, now, 1)
    person = chosen[0][0]
    with parts.write() as tx:
        _forget(parts, tx, loaded, chosen)
        audit.record(tx, now, "engine", "entry set aside", journey=loaded.name, person=person,
                     error=type(error).__name__)  # fmt: skip
    log.error("person %d cannot enter %s: %s", person, loaded.name, type(error).__name__)
    return 1


def _forget(parts: Parts, tx: Transaction, loaded: Loaded, chosen: list[tuple[int, str, str]]) -> int:
    return tx.run(
        "DELETE FROM entrant WHERE journey_id = :journey AND (person_id, key, episode) IN"
        f" (SELECT c.person_id, c.key, c.episode FROM {_table(parts)} c)",
        journey=loaded.journey_id,
        chosen=json.dumps(chosen),
    )


def _table(parts: Parts) -> str:
    return parts.store.dialect.each("chosen", {"person_id": "bigint", "key": "text", "episode": "text"})
