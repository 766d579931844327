"""Writes a batch of people in sets: who is known, who is new, who turns out to be somebody else, and what they have."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable, Sequence
from itertools import compress
from typing import Any, Final

from automation.people import consents, fields, happenings, merging, profiles, sealing, tags
from automation.people.consents import Consent
from automation.people.dates import YearDay
from automation.people.fields import Change
from automation.people.registry import Registry
from automation.store.database import Transaction

from . import cells
from .groups import DAY, PERSON, Batch
from .options import Options
from .workers import Outcome

UNIQUE = "ON CONFLICT (uid) DO NOTHING"
UID, NAME, ZONE, ATTRS, CREATED = map(PERSON.index, ("uid", "name", "zone", "attrs", "created_at"))
PLACE = DAY.index("place")
NEW_PERSON: Final = ("uid", "seed", "name", "stage", "zone_id", "attrs", "created_at", "changed_at")
NEW_IDENTITY: Final = ("kind", "account", "lookup", "sealed", "key_id", "person_id")
NEW_DAY: Final = ("field", "calendar", "month", "day", "leap", "person_id", "year")
DAY_NAMES: Final = ("field", "calendar", "month", "day", "leap", "person", "year")
UPDATE_PERSON = """
    UPDATE person SET name = :name, stage = :stage, zone_id = :zone, attrs = :attrs, created_at = :created,
        changed_at = :now
    WHERE id = :id"""


class Writer:
    """Of one import."""

    def __init__(self, registry: Registry, options: Options) -> None:
        self._registry = registry
        self._options = options
        self._zones: dict[str, int | None] = {}

    def tables(self, tx: Transaction) -> None:
        tx.temporary("import_known", "person_id BIGINT")
        tx.temporary("touched", "person_id BIGINT")
        tx.temporary("new_event", happenings.STAGED)

    def write(self, tx: Transaction, now: int, batch: Batch) -> Outcome:
        self._zones = {}  # what was made in a transaction that failed is not there
        owners = cells.owners(tx, batch.identities.lookups)
        people, merges = self._known(tx, now, batch, owners)
        new = [place for place in range(len(batch.people)) if place not in people]
        made = self._make(tx, [batch.people[place] for place in new])
        numbers = people | dict(zip(new, made, strict=True))
        self._attach(tx, batch, owners, numbers)
        if people:
            self._update(tx, now, batch, people)
        self._days(tx, batch, people, numbers)
        self._tag(tx, now, batch, numbers)
        self._consent(tx, now, batch, numbers)
        return Outcome(created=len(made), merged=merges)

    def _known(self, tx: Transaction, now: int, batch: Batch, owners: dict[bytes, int]) -> tuple[dict[int, int], int]:
        """Place -> person of those who are known, in the order of the file; where a row has identities of several
        people, they are one from now on: how often that was."""
        if not owners:
            return {}, 0
        places = dict(zip(batch.identities.lookups, batch.identities.places, strict=True))
        found: dict[int, set[int]] = {}
        for lookup, person in owners.items():
            found.setdefault(places[lookup], set()).add(person)
        kept: dict[int, int] = {}
        ordered = sorted(found, key=batch.turns.__getitem__)
        for place in ordered:
            first, *others = sorted({_latest(kept, person) for person in found[place]})
            for gone in others:
                self._merge(tx, now, first, gone)
                kept[gone] = first
        return {place: _latest(kept, min(found[place])) for place in ordered}, len(kept)

    def _merge(self, tx: Transaction, now: int, kept: int, gone: int) -> None:
        merging.merge(tx, now, kept, gone, "one row of an import has identities of both")
        tx.run(
            "INSERT INTO touched SELECT p.id FROM person p WHERE p.id = :person"
            " AND NOT EXISTS (SELECT 1 FROM touched t WHERE t.person_id = p.id)",
            person=kept,
        )

    def _make(self, tx: Transaction, rows: Sequence[tuple[Any, ...]]) -> list[int]:
        """New people, rows of PERSON; their ids, in the same order."""
        if any(row[ZONE] for row in rows):
            rows = [(*row[:ZONE], self._zone(tx, row[ZONE]), *row[ZONE + 1 :]) for row in rows]
        uids = [row[UID] for row in rows]
        ids: dict[str, int] = {}
        missing = rows
        while missing:
            # Numbers only grow, so ours lie above; another writer's may lie between them and are passed over.
            last = tx.value("SELECT coalesce(max(id), 0) FROM person")
            tx.insert("person", NEW_PERSON, missing, UNIQUE)
            ids.update(tx.rows("SELECT uid, id FROM person WHERE id > :last", last=last))
            missing = []
            for place, uid in enumerate(uids):
                # Taken where the identity changed hands since: then chance makes the uid.
                if uid not in ids:
                    other = uids[place] = secrets.token_hex(16)
                    missing.append((other, sealing.seed_of(other), *rows[place][NAME:]))
        return [ids[uid] for uid in uids]

    def _attach(self, tx: Transaction, batch: Batch, owners: dict[bytes, int], numbers: dict[int, int]) -> None:
        found = batch.identities
        people = map(numbers.__getitem__, found.places)
        rows: Iterable[tuple[Any, ...]] = zip(*found[:-1], people, strict=True)
        if owners:
            rows = compress(rows, [lookup not in owners for lookup in found.lookups])
        tx.insert("identity", NEW_IDENTITY, rows)

    def _update(self, tx: Transaction, now: int, batch: Batch, people: dict[int, int]) -> None:
        """Writes only what changes, and tells of it where that is asked for."""
        present = self._present(tx, set(people.values()))
        days = _days_of(batch, people)
        rows, changes = [], {}
        for person, places in _by_person(people).items():
            name, stage, zone, attrs, created, old_days = present[person]
            old = {"name": name, "stage": stage, "zone": zone, **attrs}
            said, told, first = _said(batch, places)
            earlier = first < min(now, created)
            if earlier or any(old.get(field) != value for field, value in (said | told).items()):
                columns = {"name": name, "stage": stage, "zone": zone} | said
                merged = attrs | told
                rows.append({
                    "id": person, "name": columns["name"], "stage": columns["stage"], "now": now,
                    "zone": self._zone(tx, columns["zone"]), "created": first if earlier else created,
                    "attrs": json.dumps(merged, ensure_ascii=False) if merged else None,
                })  # fmt: skip
            if self._options.changes:
                changes[person] = self._changes(old | old_days, said | told | days.get(person, {}))
        if rows:
            tx.many(UPDATE_PERSON, rows)
        for person, changed in changes.items():
            if changed:
                profiles.emit(self._registry, tx, now, person, changed)

    def _changes(self, old: dict[str, Any], new: dict[str, Any]) -> list[Change]:
        known = self._registry.catalog.fields
        return [change for name, value in new.items() if (change := fields.changed(known[name], old.get(name), value))]

    def _present(self, tx: Transaction, people: set[int]) -> dict[int, tuple[Any, ...]]:
        tx.run("DELETE FROM import_known")
        tx.insert("import_known", ("person_id",), [(person,) for person in sorted(people)])
        join = tx.dialect.join_in_order
        days: dict[int, dict[str, YearDay]] = {}
        if self._options.changes:
            for person, field, *day in tx.rows(
                f"SELECT d.person_id, d.field, d.calendar, d.month, d.day, d.leap, d.year FROM import_known k"
                f" {join} person_date d ON d.person_id = k.person_id"
            ):
                days.setdefault(person, {})[field] = YearDay(*day)
        found = tx.rows(
            f"SELECT p.id, p.name, p.stage, z.name, p.attrs, p.created_at FROM import_known k"
            f" {join} person p ON p.id = k.person_id LEFT JOIN zone z ON z.id = p.zone_id"
        )
        return {
            row[0]: (*row[1:4], json.loads(row[4]) if row[4] else {}, row[5], days.get(row[0], {})) for row in found
        }

    def _days(self, tx: Transaction, batch: Batch, people: dict[int, int], numbers: dict[int, int]) -> None:
        new = [(*row[:PLACE], numbers[row[PLACE]], row[-1]) for row in batch.days if row[PLACE] not in people]
        tx.insert("person_date", NEW_DAY, new)
        again = [
            dict(zip(DAY_NAMES, (field, *day[:-1], person, day[-1]), strict=True))
            for person, days in _days_of(batch, people).items()
            for field, day in days.items()
        ]
        if again:
            tx.many(profiles.SET_DAY, again)

    def _tag(self, tx: Transaction, now: int, batch: Batch, numbers: dict[int, int]) -> None:
        found = self._registry.names.find
        rows = sorted((found("tag", tag) or 0, numbers[place]) for place, tag in batch.tags)
        source = self._options.source
        tags.add_rows(
            tx, [{"tag": tag, "person": person, "source": source, "now": now, "until": None} for tag, person in rows]
        )

    def _consent(self, tx: Transaction, now: int, batch: Batch, numbers: dict[int, int]) -> None:
        of_file, source = self._options.proof, self._options.source
        words: list[Consent] = []
        for place, purpose, channel, granted, said in batch.consents:
            at, where, version, evidence = of_file if said is None else map(_first, said, of_file)
            when = now if at is None else at
            words.append(
                Consent(
                    numbers[place], channel, purpose, granted, where or source, when, version, evidence,
                    dated=at is not None,
                )
            )  # fmt: skip
        consents.put(tx, words)

    def _zone(self, tx: Transaction, name: str | None) -> int | None:
        if name is not None and name not in self._zones:
            self._zones[name] = profiles.ensure_zone(tx, name)
        return self._zones[name] if name is not None else None


def _first(one: Any, other: Any) -> Any:
    return other if one is None else one


def _latest(kept: dict[int, int], person: int) -> int:
    """Whom a person has become part of."""
    while person in kept:
        person = kept[person]
    return person


def _by_person(people: dict[int, int]) -> dict[int, list[int]]:
    """Two rows may name the same person by identities that only the database knows to be theirs."""
    found: dict[int, list[int]] = {}
    for place, person in people.items():
        found.setdefault(person, []).append(place)
    return found


def _said(batch: Batch, places: list[int]) -> tuple[dict[str, Any], dict[str, Any], int]:
    """What rows say of one person: columns, attributes, since when; of two values the later row's."""
    columns: dict[str, Any] = {}
    attrs: dict[str, Any] = {}
    for place in places:
        row = batch.people[place]
        said = zip(fields.COLUMNS, row[NAME : ZONE + 1], strict=True)
        columns |= {name: value for name, value in said if value is not None}
        attrs |= json.loads(row[ATTRS]) if row[ATTRS] else {}
    return columns, attrs, min(batch.people[place][CREATED] for place in places)


def _days_of(batch: Batch, people: dict[int, int]) -> dict[int, dict[str, YearDay]]:
    """The days of those who are known, by person and field; of two the later row's."""
    found: dict[int, dict[str, YearDay]] = {}
    if people:
        again = [row for row in batch.days if row[PLACE] in people]
        again.sort(key=lambda row: batch.turns[row[PLACE]])
        for field, calendar, month, day, leap, place, year in again:
            found.setdefault(people[place], {})[field] = YearDay(calendar, month, day, leap, year)
    return found
