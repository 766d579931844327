"""Making a person, recognising one by a record, and setting fields."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from automation.kernel import errors
from automation.store.database import Transaction
from automation.store.names import zone_id

from . import fields, happenings, identities, merging, sealing
from .dates import YearDay
from .fields import Change, Draft
from .happenings import Happening
from .identities import Identity
from .registry import Registry

INSERT = """
    INSERT INTO person (uid, seed, created_at, changed_at) VALUES (:uid, :seed, :created, :now)
    ON CONFLICT (uid) DO NOTHING RETURNING id"""
SET_DAY = """
    INSERT INTO person_date (field, calendar, month, day, leap, year, person_id)
    VALUES (:field, :calendar, :month, :day, :leap, :year, :person)
    ON CONFLICT (person_id, field) DO UPDATE SET calendar = excluded.calendar, month = excluded.month,
        day = excluded.day, leap = excluded.leap, year = excluded.year"""


def create(
    registry: Registry, tx: Transaction, now: int, known: Sequence[Identity] = (), uid: str | None = None
) -> int:
    """A new person with these identities, which must belong to nobody; the id."""
    if uid is None and known:
        uid = registry.vault.uid(identities.lookups(registry.vault, known[:1])[0])
    # The id made from an identity is taken where the identity changed hands: then chance makes one.
    for candidate in (uid, secrets.token_hex(16)):
        if candidate is None:
            continue
        found = tx.value(INSERT, uid=candidate, seed=sealing.seed_of(candidate), created=now, now=now)
        if found is not None:
            for one in known:
                identities.insert(registry, tx, found, one, None)
            return int(found)
    raise errors.Refused("a person with this uid exists already")


def recognise(registry: Registry, tx: Transaction, now: int, known: Sequence[Identity]) -> int:
    """The person a record speaks of: found by any identity, made where there is none, merged where they were several.

    A record that bears two identities proves that both are one person's. New identities are added.
    """
    if not known:
        raise errors.Refused("a record needs at least one identity")
    hashes = identities.lookups(registry.vault, known)
    owners = [identities.owner(tx, one.kind, one.account, lookup) for one, lookup in zip(known, hashes, strict=True)]
    people = sorted({person for person in owners if person is not None})
    if not people:
        return create(registry, tx, now, list(dict.fromkeys(known)))
    kept = people[0]
    for gone in people[1:]:
        merging.merge(tx, now, kept, gone, "one record has identities of both")
    fresh = dict.fromkeys(one for one, person in zip(known, owners, strict=True) if person is None)
    for one in fresh:
        identities.insert(registry, tx, kept, one, None)
    return kept


def set_fields(registry: Registry, tx: Transaction, now: int, person_id: int, raw: Mapping[str, Any]) -> list[Change]:
    """Sets fields by name, None or "" takes one away; what really changed. Unusable names a bad one.

    Emits nothing: hand the changes to `emit` where journeys shall hear of them.
    """
    return store_draft(registry, tx, now, person_id, fields.drafted(registry, raw))


def store_draft(registry: Registry, tx: Transaction, now: int, person_id: int, draft: Draft) -> list[Change]:
    found = tx.row(
        "SELECT p.name, p.stage, z.name, p.attrs FROM person p LEFT JOIN zone z ON z.id = p.zone_id WHERE p.id = :id",
        id=person_id,
    )
    if found is None:
        raise errors.Refused("there is no such person")
    old: dict[str, Any] = dict(zip(fields.COLUMNS, found, strict=False))
    attrs = json.loads(found[3]) if found[3] else {}
    old |= {name: attrs.get(name) for name in draft.attrs}
    old |= {name: _day(tx, person_id, name) for name in draft.days}
    new = {**draft.columns, **draft.days, **draft.attrs}
    changes = [
        change
        for name, value in new.items()
        if (change := fields.changed(registry.catalog.fields[name], old.get(name), value))
    ]
    columns = {name: old[name] for name in fields.COLUMNS} | draft.columns
    attrs = {name: value for name, value in (attrs | draft.attrs).items() if value is not None}
    tx.run(
        "UPDATE person SET name = :name, stage = :stage, zone_id = :zone, attrs = :attrs, changed_at = :now"
        " WHERE id = :id",
        id=person_id, name=columns["name"], stage=columns["stage"], zone=ensure_zone(tx, columns["zone"]), now=now,
        attrs=json.dumps(attrs, ensure_ascii=False) if attrs else None,
    )  # fmt: skip
    for name, day in draft.days.items():
        _set_day(tx, person_id, name, day)
    return changes


def emit(registry: Registry, tx: Transaction, now: int, person_id: int, changes: Sequence[Change]) -> None:
    """Tells journeys: one customer.changed for each change."""
    told = []
    for change in changes:
        props = {"field": change.field, "old": change.old, "new": change.new, "direction": change.direction}
        told.append(Happening(person_id, "customer.changed", props, source="profile"))
    happenings.emit(registry, tx, now, told)


def ensure_zone(tx: Transaction, name: str | None) -> int | None:
    """The number of a time zone somebody lives in."""
    if name is None:
        return None
    known = zone_id(tx, name)
    if known is None:
        tx.run("INSERT INTO zone (name) VALUES (:name) ON CONFLICT DO NOTHING", name=name)
        known = zone_id(tx, name)
    return known


def _day(tx: Transaction, person_id: int, name: str) -> YearDay | None:
    sql = "SELECT calendar, month, day, leap, year FROM person_date WHERE person_id = :person AND field = :field"
    found = tx.row(sql, person=person_id, field=name)
    return YearDay(*found) if found else None


def _set_day(tx: Transaction, person_id: int, name: str, day: YearDay | None) -> None:
    if day is None:
        tx.run("DELETE FROM person_date WHERE person_id = :person AND field = :field", person=person_id, field=name)
    else:
        tx.run(SET_DAY, person=person_id, field=name, **day._asdict())
