"""Writes a batch of people in sets: who is known, who is new, who turns out to be somebody else, and what they have."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable
from typing import Any

from automation.people import consents, fields, happenings, identities, merging, profiles, sealing, tags
from automation.people.consents import Consent
from automation.people.dates import YearDay
from automation.people.fields import Change
from automation.people.registry import Registry
from automation.store.database import Transaction

from . import cells, groups
from .groups import Batch, Group
from .options import Options
from .pipeline import Outcome

PERSON = "uid TEXT, seed BIGINT, name TEXT, stage TEXT, zone_id BIGINT, attrs TEXT, created_at BIGINT"
PERSON_NAMES = "uid, seed, name, stage, zone_id, attrs, created_at"
STAGE_PERSON = (
    f"INSERT INTO import_person ({PERSON_NAMES}) VALUES (:uid, :seed, :name, :stage, :zone, :attrs, :created)"
)
INSERT_PERSONS = f"""
    INSERT INTO person ({PERSON_NAMES}, changed_at)
    SELECT {PERSON_NAMES}, CAST(:now AS BIGINT) FROM import_person WHERE 1 = 1 ON CONFLICT (uid) DO NOTHING
    RETURNING uid, id"""
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
        tx.temporary("import_person", PERSON)
        tx.temporary("import_known", "person_id BIGINT")
        tx.temporary("touched", "person_id BIGINT")
        tx.temporary("new_event", happenings.STAGED)

    def write(self, tx: Transaction, now: int, batch: Batch) -> Outcome:
        owners = cells.owners(tx, batch.identities)
        merges = self._merge(tx, now, batch.groups, owners)
        known, new = _sorted(batch.groups, owners)
        made = self._make(tx, now, new)
        everybody = [*known, *made]
        self._attach(tx, batch, owners, everybody)
        changes = self._update(tx, now, known) if known else {}
        self._days(tx, everybody)
        self._tag(tx, now, everybody)
        self._consent(tx, now, everybody)
        for person, changed in changes.items():
            profiles.emit(self._registry, tx, now, person, changed)
        return Outcome(created=len(made), merged=merges)

    def _merge(self, tx: Transaction, now: int, all_groups: list[Group], owners: dict[bytes, int]) -> int:
        """Where a row has identities of several people, they are one."""
        merges = 0
        for group in all_groups:
            people = sorted({owners[lookup] for lookup in group.lookups if lookup in owners})
            for gone in people[1:]:
                merging.merge(tx, now, people[0], gone, "one row of an import has identities of both")
                merges += 1
                tx.run("INSERT INTO touched VALUES (:person)", person=people[0])
                for lookup, person in owners.items():
                    if person == gone:
                        owners[lookup] = people[0]
        return merges

    def _make(self, tx: Transaction, now: int, new: list[Group]) -> list[tuple[Group, int]]:
        """New people, in the order of their uids."""
        by_uid = {sealing.uid_of(self._registry.vault, group.first): group for group in new}
        ids: dict[str, int] = {}
        while by_uid.keys() - ids.keys():
            missing = sorted(by_uid.keys() - ids.keys())
            tx.run("DELETE FROM import_person")
            tx.many(STAGE_PERSON, [self._row(tx, now, uid, by_uid[uid]) for uid in missing])
            ids |= dict(tx.rows(INSERT_PERSONS, now=now))
            for uid in missing:
                # Taken where the identity changed hands since: then chance makes the uid.
                if uid not in ids:
                    by_uid[secrets.token_hex(16)] = by_uid.pop(uid)
        return [(group, ids[uid]) for uid, group in by_uid.items()]

    def _row(self, tx: Transaction, now: int, uid: str, group: Group) -> dict[str, Any]:
        columns, attrs = group.draft.columns, group.draft.attrs
        return {
            "uid": uid,
            "seed": sealing.seed_of(uid),
            "name": columns.get("name"),
            "stage": columns.get("stage"),
            "zone": self._zone(tx, columns.get("zone")),
            "attrs": json.dumps(attrs, ensure_ascii=False) if attrs else None,
            "created": now if group.created_at is None else min(group.created_at, now),
        }

    def _attach(
        self, tx: Transaction, batch: Batch, owners: dict[bytes, int], everybody: Iterable[tuple[Group, int]]
    ) -> None:
        person_of = {lookup: person for group, person in everybody for lookup in group.lookups if lookup not in owners}
        key_id = self._registry.vault.key_id
        tx.many(
            identities.INSERT,
            [
                {
                    "kind": known.kind, "account": known.account, "lookup": lookup, "person": person_of[lookup],
                    "sealed": known.sealed, "key_id": key_id, "tail": known.tail, "verified": None,
                }
                for lookup, known in batch.identities.items() if lookup in person_of
            ],
        )  # fmt: skip

    def _update(self, tx: Transaction, now: int, known: list[tuple[Group, int]]) -> dict[int, list[Change]]:
        """Writes only what changes."""
        present = self._present(tx, [person for _, person in known])
        rows, changes = [], {}
        for group, person in known:
            name, stage, zone, attrs, created, days = present[person]
            old = {"name": name, "stage": stage, "zone": zone, **attrs}
            new = {**group.draft.columns, **group.draft.attrs}
            earlier = group.created_at is not None and group.created_at < created
            if earlier or any(old.get(field) != value for field, value in new.items()):
                columns = {"name": name, "stage": stage, "zone": zone} | group.draft.columns
                merged = attrs | group.draft.attrs
                rows.append({
                    "id": person, "name": columns["name"], "stage": columns["stage"], "now": now,
                    "zone": self._zone(tx, columns["zone"]), "created": group.created_at if earlier else created,
                    "attrs": json.dumps(merged, ensure_ascii=False) if merged else None,
                })  # fmt: skip
            if self._options.changes:
                told = self._changes(old | days, new | group.draft.days)
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
        tx.many("INSERT INTO import_known VALUES (:person)", [{"person": person} for person in sorted(set(people))])
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

    def _days(self, tx: Transaction, everybody: list[tuple[Group, int]]) -> None:
        rows = [
            {"person": person, "field": name, **day._asdict()}
            for group, person in everybody
            for name, day in group.draft.days.items()
            if day is not None
        ]
        if rows:
            tx.many(profiles.SET_DAY, sorted(rows, key=lambda row: tuple(map(str, row.values()))))

    def _tag(self, tx: Transaction, now: int, everybody: list[tuple[Group, int]]) -> None:
        found = self._registry.names.find
        rows = [
            {"tag": found("tag", tag), "person": person, "source": self._options.source, "now": now, "until": None}
            for group, person in everybody
            for tag in group.tags
        ]
        tags.add_rows(tx, sorted(rows, key=lambda row: (row["tag"], row["person"])))

    def _consent(self, tx: Transaction, now: int, everybody: list[tuple[Group, int]]) -> None:
        options = self._options
        words = [
            Consent(person, channel, purpose, granted, options.source, now, options.text_version)
            for group, person in everybody
            for purpose, channel, granted in group.consents
        ]
        consents.put(tx, words, undated=True)

    def _zone(self, tx: Transaction, name: str | None) -> int | None:
        if name is not None and name not in self._zones:
            self._zones[name] = profiles.ensure_zone(tx, name)
        return self._zones[name] if name is not None else None


def _sorted(found: list[Group], owners: dict[bytes, int]) -> tuple[list[tuple[Group, int]], list[Group]]:
    """Groups of known people, one a person, and groups of new ones."""
    known: dict[int, Group] = {}
    new = []
    for group in found:
        person = next((owners[lookup] for lookup in group.lookups if lookup in owners), None)
        if person is None:
            new.append(group)
        else:
            # Two rows may name the same person by identities that only the database knows to be theirs.
            known[person] = groups.joined(known[person], group) if person in known else group
    return [(group, person) for person, group in known.items()], new
