"""What happened to people: events, checked against the catalog, written once each, and queued for the engine.

An event and its place in the queue are one transaction, so nothing is acknowledged that is not worked on.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from automation.journey.catalog import EventType
from automation.kernel import errors
from automation.kernel.document import nearest
from automation.store.database import Transaction

from . import values
from .normalise import Unusable
from .registry import Registry

MAX_DEDUPE = 200


@dataclass(frozen=True, slots=True)
class Happening:
    """One event. `at`: UTC seconds, None for now. `dedupe`: the sender's id of it; of one `source` it is kept once."""

    person_id: int
    name: str
    props: Mapping[str, Any]
    at: int | None = None
    source: str = ""
    dedupe: str | None = None


@dataclass(frozen=True, slots=True)
class Checked:
    """An event as it is stored."""

    person_id: int
    name_id: int
    at: int
    key: str | None
    props: str
    source: str
    dedupe: str | None


STAGED = "person_id BIGINT, name_id BIGINT, at BIGINT, key TEXT, props TEXT, source TEXT, dedupe TEXT"
COLUMNS = "person_id, name_id, at, received_at, key, props, source, dedupe"
# Whoever was merged since the sender asked: the event belongs to the one who was kept.
ADD_ONE = f"""
    INSERT INTO event ({COLUMNS})
    SELECT coalesce(p.merged_into, p.id), CAST(:name_id AS BIGINT), CAST(:at AS BIGINT), CAST(:now AS BIGINT),
           CAST(:key AS TEXT), CAST(:props AS TEXT), CAST(:source AS TEXT), CAST(:dedupe AS TEXT)
    FROM person p WHERE p.id = :person_id
    ON CONFLICT (source, dedupe) WHERE dedupe IS NOT NULL DO NOTHING RETURNING id, person_id, name_id, at"""
ADD_STAGED = f"""
    INSERT INTO event ({COLUMNS})
    SELECT coalesce(p.merged_into, p.id), e.name_id, e.at, CAST(:now AS BIGINT), e.key, e.props, e.source, e.dedupe
    FROM new_event e JOIN person p ON p.id = e.person_id WHERE 1 = 1
    ON CONFLICT (source, dedupe) WHERE dedupe IS NOT NULL DO NOTHING RETURNING id, person_id, name_id, at"""
QUEUE = "INSERT INTO event_queue (event_id, person_id, name_id, at) VALUES (:id, :person_id, :name_id, :at)"


def checked(registry: Registry, now: int, happening: Happening) -> Checked:
    """The event with its properties as stored; Unusable with the reason. Reads at most the names."""
    known = _known(registry, happening.name)
    props = values.members(known.properties, happening.props, ZoneInfo(registry.zone))
    key = None
    if known.key is not None:
        if known.key not in props:
            raise Unusable(f"{known.key} is missing: it says which one the event is about")
        key = str(props[known.key])
    name_id = registry.names.find("event", happening.name)
    if name_id is None:
        raise LookupError(f"{happening.name} was added to the catalog after the registry was opened")
    dedupe = values.text(happening.dedupe)[:MAX_DEDUPE] if happening.dedupe else None
    # A sender whose clock is ahead does not put events into the future: waits and windows would miss them.
    at = now if happening.at is None else min(happening.at, now)
    return Checked(
        happening.person_id, name_id, at, key, json.dumps(props, ensure_ascii=False), happening.source, dedupe
    )


def add(tx: Transaction, now: int, event: Checked, queue: bool = True) -> int | None:
    """Writes one event; its id, or None where source and dedupe were seen before. Refused for an unknown person."""
    fields = {name: getattr(event, name) for name in Checked.__slots__}
    found = tx.row(ADD_ONE, now=now, **fields)
    if found is None:
        if tx.value("SELECT 1 FROM person WHERE id = :id", id=event.person_id) is None:
            raise errors.Refused("there is no such person")
        return None
    if queue:
        tx.run(QUEUE, **dict(zip(("id", "person_id", "name_id", "at"), found, strict=True)))
    return int(found[0])


def add_many(tx: Transaction, now: int, events: Iterable[Checked], queue: bool = True) -> list[tuple[int, int]]:
    """Writes many; (event id, person id) of those that were new. Events of unknown people are left out."""
    tx.temporary("new_event", STAGED)
    tx.many(
        "INSERT INTO new_event VALUES (:person_id, :name_id, :at, :key, :props, :source, :dedupe)",
        [{name: getattr(event, name) for name in Checked.__slots__} for event in events],
    )
    added = tx.rows(ADD_STAGED, now=now)
    if queue:
        tx.many(QUEUE, [dict(zip(("id", "person_id", "name_id", "at"), row, strict=True)) for row in added])
    return [(row[0], row[1]) for row in added]


def emit(registry: Registry, tx: Transaction, now: int, happenings: Sequence[Happening]) -> None:
    """Writes events of our own making inside a running transaction."""
    add_many(tx, now, [checked(registry, now, happening) for happening in happenings])


def _known(registry: Registry, name: str) -> EventType:
    known = registry.catalog.events.get(name)
    if known is None:
        near = nearest(name, registry.catalog.events)
        raise Unusable(f"{name[:60]!r} is not in the catalog" + (f" (did you mean {near}?)" if near else ""))
    return known
