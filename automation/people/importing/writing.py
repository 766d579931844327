"""Writes a batch of people in sets: who is known, who is new, who turns out to be somebody else, and what they have."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable, Iterator
from typing import Any

from automation.people import consents, fields, happenings, identities, merging, profiles, sealing, tags
from automation.people.consents import Consent
from automation.people.dates import YearDay
from automation.people.fields import Change
from automation.people.registry import Registry
from automation.store.database import Transaction

from . import cells, groups
from .groups import Batch, Entry
from .options import Options
from .pipeline import Outcome

DAY_NAMES = ("field", "calendar", "month", "day", "leap", "person", "year")
UNIQUE = "ON CONFLICT (uid) DO NOTHING"
PERSON = ("uid", "seed", "name", "stage", "zone_id", "attrs", "created_at", "changed_at")
IDENTITY = (*identities.SEALED, "person_id")
LOOKUP = IDENTITY.index("lookup")
DAY = ("field", "calendar", "month", "day", "leap", "person_id", "year")
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
        tx.temporary("import_lookup", f"lookup {tx.dialect.blob}")
        tx.temporary("import_known", "person_id BIGINT")
        tx.temporary("touched", "person_id BIGINT")
        tx.temporary("new_event", happenings.STAGED)

    def write(self, tx: Transaction, now: int, batch: Batch) -> Outcome:
        self._zones = {}  # what was made in a transaction that failed is not there
        owners = cells.owners(tx, [row[LOOKUP] for row in batch.identities])
        merges = self._merge(tx, now, batch.entries, owners)
        known, new = _sorted(batch.entries, owners)
        made = self._make(tx, now, new)
        everybody = [*known, *made]
        self._attach(tx, batch, owners, everybody)
        changes = self._update(tx, now, known) if known else {}
        self._days(tx, known, made)
        self._tag(tx, now, everybody)
        self._consent(tx, now, everybody)
        for person, changed in changes.items():
            profiles.emit(self._registry, tx, now, person, changed)
        return Outcome(created=len(made), merged=merges)

    def _merge(self, tx: Transaction, now: int, entries: list[Entry], owners: dict[bytes, int]) -> int:
        """Where a row has identities of several people, they are one."""
        merges = 0
        for entry in entries:
            people = sorted({owners[lookup] for lookup in entry.lookups if lookup in owners})
            for gone in people[1:]:
                merging.merge(tx, now, people[0], gone, "one row of an import has identities of both")
                merges += 1
                tx.run(
                    "INSERT INTO touched SELECT p.id FROM person p WHERE p.id = :person"
                    " AND NOT EXISTS (SELECT 1 FROM touched t WHERE t.person_id = p.id)",
                    person=people[0],
                )
                for lookup, person in owners.items():
                    if person == gone:
                        owners[lookup] = people[0]
        return merges

    def _make(self, tx: Transaction, now: int, new: list[Entry]) -> list[tuple[Entry, int]]:
        """New people, in the order of their uids."""
        by_uid = {entry.uid: entry for entry in new}
        ids: dict[str, int] = {}
        while missing := sorted(by_uid.keys() - ids.keys()):
            # Numbers only grow, so ours lie above; another writer's may lie between them and are left out.
            last = tx.value("SELECT coalesce(max(id), 0) FROM person")
            tx.insert("person", PERSON, [self._row(tx, now, by_uid[uid]) for uid in missing], UNIQUE)
            found = tx.rows("SELECT uid, id FROM person WHERE id > :last", last=last)
            ids |= {uid: number for uid, number in found if uid in by_uid}
            for uid in missing:
                # Taken where the identity changed hands since: then chance makes the uid.
                if uid not in ids:
                    other = secrets.token_hex(16)
                    by_uid[other] = by_uid.pop(uid)._replace(uid=other, seed=sealing.seed_of(other))
        return [(entry, ids[uid]) for uid, entry in by_uid.items()]

    def _row(self, tx: Transaction, now: int, entry: Entry) -> tuple[Any, ...]:
        name, stage, zone = map(entry.columns.get, fields.COLUMNS)
        created = now if entry.created_at is None else min(entry.created_at, now)
        return entry.uid, entry.seed, name, stage, self._zone(tx, zone), entry.attrs, created, now

    def _attach(
        self, tx: Transaction, batch: Batch, owners: dict[bytes, int], everybody: Iterable[tuple[Entry, int]]
    ) -> None:
        fresh = {lookup: person for entry, person in everybody for lookup in entry.lookups if lookup not in owners}
        rows = [(*row, fresh[row[LOOKUP]]) for row in batch.identities if row[LOOKUP] in fresh]
        tx.insert("identity", IDENTITY, rows)

    def _update(self, tx: Transaction, now: int, known: list[tuple[Entry, int]]) -> dict[int, list[Change]]:
        """Writes only what changes."""
        present = self._present(tx, [person for _, person in known])
        rows, changes = [], {}
        for entry, person in known:
            name, stage, zone, attrs, created, days = present[person]
            old = {"name": name, "stage": stage, "zone": zone, **attrs}
            said = json.loads(entry.attrs) if entry.attrs else {}
            new = {**entry.columns, **said}
            earlier = entry.created_at is not None and entry.created_at < created
            if earlier or any(old.get(field) != value for field, value in new.items()):
                columns = {"name": name, "stage": stage, "zone": zone} | entry.columns
                merged = attrs | said
                rows.append({
                    "id": person, "name": columns["name"], "stage": columns["stage"], "now": now,
                    "zone": self._zone(tx, columns["zone"]), "created": entry.created_at if earlier else created,
                    "attrs": json.dumps(merged, ensure_ascii=False) if merged else None,
                })  # fmt: skip
            if self._options.changes:
                told = self._changes(old | days, new | entry.days)
                if told:
                    changes[person] = told
        if rows:
            tx.many(UPDATE_PERSON, rows)
        return changes

    def _changes(self, old: dict[str, Any], new: dict[str, Any]) -> list[Change]:
        known = self._registry.catalog.fields
        return [change for name, value in new.items() if (change := fields.changed(known[name], old.get(name), value))]

    def _present(self, tx: Transaction, people: list[int]) -> dict[int, tuple[Any, ...]]:
        tx.run("DELETE FROM import_known")
        tx.insert("import_known", ("person_id",), [(person,) for person in sorted(set(people))])
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

    def _days(self, tx: Transaction, known: list[tuple[Entry, int]], made: list[tuple[Entry, int]]) -> None:
        tx.insert("person_date", DAY, sorted(_days(made)))
        again = sorted(_days(known))
        if again:
            tx.many(profiles.SET_DAY, [dict(zip(DAY_NAMES, row, strict=True)) for row in again])

    def _tag(self, tx: Transaction, now: int, everybody: list[tuple[Entry, int]]) -> None:
        found = self._registry.names.find
        rows = [(found("tag", tag) or 0, person) for entry, person in everybody for tag in entry.tags]
        source = self._options.source
        tags.add_rows(
            tx,
            [
                {"tag": tag, "person": person, "source": source, "now": now, "until": None}
                for tag, person in sorted(rows)
            ],
        )

    def _consent(self, tx: Transaction, now: int, everybody: list[tuple[Entry, int]]) -> None:
        options = self._options
        words = [
            Consent(person, channel, purpose, granted, options.source, now, options.text_version)
            for entry, person in everybody
            for purpose, channel, granted in entry.consents
        ]
        consents.put(tx, words, undated=True)

    def _zone(self, tx: Transaction, name: str | None) -> int | None:
        if name is not None and name not in self._zones:
            self._zones[name] = profiles.ensure_zone(tx, name)
        return self._zones[name] if name is not None else None


def _sorted(found: list[Entry], owners: dict[bytes, int]) -> tuple[list[tuple[Entry, int]], list[Entry]]:
    """Entries of known people, one a person, and entries of new ones."""
    known: dict[int, Entry] = {}
    new = []
    for entry in found:
        person = next((owners[lookup] for lookup in entry.lookups if lookup in owners), None)
        if person is None:
            new.append(entry)
        else:
            # Two rows may name the same person by identities that only the database knows to be theirs.
            known[person] = groups.united(known[person], entry) if person in known else entry
    return [(entry, person) for person, entry in known.items()], new


def _days(people: list[tuple[Entry, int]]) -> Iterator[tuple[Any, ...]]:
    """Rows of person_date in the order of its key. The year may be None and stands last: sorting never gets to it."""
    for entry, person in people:
        for name, day in entry.days.items():
            if day is not None:
                yield name, day.calendar, day.month, day.day, day.leap, person, day.year
