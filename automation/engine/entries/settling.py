"""Events that let people in after a rest: the newest of a kind waits, and is the entry where nothing followed it."""

from __future__ import annotations

from functools import partial

from automation.audience.parameters import Parameters
from automation.engine import decide, halving, opening, queue, timing
from automation.engine.parts import Parts
from automation.engine.registry import Loaded
from automation.journey import graph
from automation.store import audit
from automation.store.database import Transaction


def wait(parts: Parts, tx: Transaction, loaded: Loaded, source: str, parameters: Parameters, now: int) -> None:
    """Lets the rows of a SELECT with person_id, key, event_id, at, depth rest; a newer event begins the rest anew.

    An older event that comes late did not rest: a newer one had come after it.
    """
    settle = _entry(loaded).settle
    assert settle is not None
    rest = timing.span_seconds(settle)
    tx.run(
        "INSERT INTO settling (journey_id, person_id, key, event_id, due, depth)"
        f" SELECT {loaded.journey_id}, s.person_id, s.key, s.event_id, s.at + {rest}, s.depth FROM ({source}) s"
        f" WHERE NOT EXISTS ({_newer(parts, loaded, 's', parameters)})"
        " ON CONFLICT (journey_id, person_id, key) DO UPDATE"
        " SET event_id = excluded.event_id, due = excluded.due, depth = excluded.depth",
        **parameters.values(now),
    )


def _newer(parts: Parts, loaded: Loaded, row: str, parameters: Parameters) -> str:
    """SELECT of the events that happened after the one of a row with person_id, key, at, and would let the same in."""
    event, key = _entry(loaded).event, loaded.journey.key
    test = parts.compiler.event_predicate(event, parameters)
    names = ", ".join(str(number) for number in parts.names.ensure("event", event.names).values())
    keyed = f" AND {parts.store.dialect.json_text('e.props', [key])} = {row}.key" if key else ""
    return (
        f"SELECT 1 FROM event e {parts.store.dialect.join_in_order} person p ON p.id = e.person_id"
        f" WHERE e.person_id = {row}.person_id AND e.name_id IN ({names}) AND e.at > {row}.at AND {test}{keyed}"
    )


def _entry(loaded: Loaded) -> graph.EventEntry:
    entry = loaded.journey.entry
    assert isinstance(entry, graph.EventEntry)
    return entry


def enter_rested(parts: Parts, now: int, batch: int) -> int:
    """Enters the people whose event has rested for the journey's `settle`; returns how many rested."""
    resting = parts.store.rows(
        "SELECT journey_id FROM settling WHERE due <= :now ORDER BY due LIMIT :batch", now=now, batch=batch
    )
    return sum(
        halving.shrinking(batch, partial(_settle, parts, journey_id, now), partial(_unsettle, parts, journey_id, now))
        for (journey_id,) in dict.fromkeys(resting)
    )


def _settle(parts: Parts, journey_id: int, now: int, batch: int) -> int:
    with parts.write() as tx:
        count = _rested(tx, journey_id, now, batch)
        loaded = next((one for one in parts.registry.live if one.journey_id == journey_id), None)
        if loaded is not None and opening.may_enter(parts, loaded, now):
            _enter(parts, tx, loaded, now)
    return count


def _unsettle(parts: Parts, journey_id: int, now: int, error: Exception) -> int:
    with parts.write() as tx:
        count = _rested(tx, journey_id, now, 1)
        event_id = tx.value("SELECT event_id FROM rested")
        audit.record(tx, now, "engine", "event set aside", event=event_id, error=type(error).__name__)
    return count


def _rested(tx: Transaction, journey_id: int, now: int, batch: int) -> int:
    """Takes those whose event has rested out of the waiting room, into the temporary table `rested`."""
    tx.temporary("rested", "person_id BIGINT, key TEXT, event_id BIGINT, due BIGINT, depth BIGINT")
    count = tx.run(
        "INSERT INTO rested SELECT person_id, key, event_id, due, depth FROM settling WHERE journey_id = :journey"
        " AND due <= :now ORDER BY due, person_id, key LIMIT :batch",
        journey=journey_id, now=now, batch=batch,
    )  # fmt: skip
    tx.run(
        "DELETE FROM settling WHERE journey_id = :journey AND (person_id, key) IN (SELECT person_id, key FROM rested)",
        journey=journey_id,
    )
    return count


def _enter(parts: Parts, tx: Transaction, loaded: Loaded, now: int) -> None:
    """Enters those of `rested`, unless a newer event has happened meanwhile, in a pause, or an exit since."""
    then, parameters = parts.store.dialect.join_in_order, Parameters()
    oldest = parameters.add(now - timing.span_seconds(loaded.journey.catch_up))
    stayed = decide.stayed_since_entry(parts, loaded, parameters)
    source = (
        "SELECT r.* FROM (SELECT s.person_id, s.key, e.at, e.at AS entered_at, e.id AS event_id, s.due, s.depth,"
        f" {entry_data(parts, 'e')} AS data FROM rested s {then} event e ON e.id = s.event_id"
        f" WHERE s.due >= {oldest}) r {then} person p ON p.id = r.person_id WHERE {stayed}"
        f" AND NOT EXISTS ({_newer(parts, loaded, 'r', parameters)})"
    )
    queue.let_in(parts, tx, loaded, source, parameters.values(now), now, clock="s.due")


def entry_data(parts: Parts, event: str) -> str:
    """SQL of the run's data for an entry by event: {"entry": its properties and `at`}."""
    entry = parts.store.dialect.json_put(f"{event}.props", "at", f"CAST({event}.at AS TEXT)")
    return parts.store.dialect.json_put("'{}'", "entry", entry)
