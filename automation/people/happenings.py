"""What happened to people: events, checked against the catalog, written once each, and queued for the engine.

An event and its place in the queue are one transaction, so nothing is acknowledged that is not worked on.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from pydantic_core import to_json

from automation.journey.catalog import EventType
from automation.kernel import errors
from automation.store.database import Transaction

from . import values
from .normalise import Unusable
from .registry import Registry

MAX_DEDUPE = 200
OURS = ("message.", "customer.changed")  # events that only Lucheng itself tells


class Happening(NamedTuple):
    """One event. `at`: UTC seconds, None for now. `dedupe`: the sender's id of it; of one `source` it is kept once."""

    person_id: int
    name: str
    props: Mapping[str, Any]
    at: int | None = None
    source: str = ""
    dedupe: str | None = None


class NoId(Unusable):
    """Its id is nothing but spaces and control characters."""


class Checked(NamedTuple):
    """An event as it is stored. A tuple in the order of STAGED: a frozen dataclass costs five times as much to make."""

    person_id: int
    name_id: int
    at: int
    key: str | None
    props: str
    source: str
    dedupe: str | None


class Added(NamedTuple):
    """An event that was new, and whose it is."""

    id: int
    person_id: int
    name_id: int
    at: int
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
    ON CONFLICT (source, dedupe) WHERE dedupe IS NOT NULL DO NOTHING
    RETURNING id, person_id, name_id, at, source, dedupe"""
QUEUED = ("event_id", "person_id", "name_id", "at")
QUEUE = """
    INSERT INTO event_queue (event_id, person_id, name_id, at)
    SELECT e.id, e.person_id, e.name_id, e.at FROM {ids} AS n {then} event e ON e.id = n.id ORDER BY e.id"""


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
    if dedupe == "":
        raise NoId("an id that can be seen is due: all others would be the same")
    # A sender whose clock is ahead does not put events into the future: waits and windows would miss them.
    at = now if happening.at is None else min(happening.at, now)
    return Checked(happening.person_id, name_id, at, key, to_json(props).decode(), happening.source, dedupe)


def add(tx: Transaction, now: int, event: Checked, queue: bool = True) -> int | None:
    """Writes one event; its id, or None where source and dedupe were seen before. Refused for an unknown person."""
    found = tx.row(ADD_ONE, now=now, **event._asdict())
    if found is None:
        if tx.value("SELECT 1 FROM person WHERE id = :id", id=event.person_id) is None:
            raise errors.Refused("there is no such person")
        return None
    if queue:
        tx.insert("event_queue", QUEUED, [found])
    return int(found[0])


def add_many(tx: Transaction, now: int, events: Iterable[Checked], queue: bool = True) -> list[Added]:
    """Writes many; those that were new. Events of unknown people are left out."""
    tx.temporary("new_event", STAGED)
    tx.insert("new_event", Checked._fields, events)
    added = [Added._make(row) for row in tx.rows(ADD_STAGED, now=now)]
    if queue and added:
        ids, then = tx.dialect.ids("ids"), tx.dialect.join_in_order
        tx.run(QUEUE.format(ids=ids, then=then), ids=tx.dialect.array([one.id for one in added]))
    return added


def emit(registry: Registry, tx: Transaction, now: int, happenings: Sequence[Happening]) -> None:
    """Writes events of our own making inside a running transaction."""
    add_many(tx, now, [checked(registry, now, happening) for happening in happenings])


def _known(registry: Registry, name: str) -> EventType:
    known = registry.catalog.events.get(name)
    if known is None:
        raise Unusable(f"{name[:60]!r} is not in the catalog ({values.meant(name, registry.catalog.events)})")
    return known
