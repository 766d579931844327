"""Computed values: what the events of a person come to, kept in computed_value so that conditions read an index.

New events refresh the people they touch; a daily pass refreshes those whose events left a window; a changed definition
is rebuilt. All three write the difference only, by the same statements.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable

from automation.journey.catalog_values import Catalog, Computed
from automation.store.database import Store, Transaction
from automation.store.names import Names

from . import aggregates, slices, times
from .context import ShopCalendar

WINDOWS, DEFINITIONS = "computed.windows", "computed.definitions"  # rows of control


class ComputedValues:
    """The computed values of a catalog. Making one writes their names: not inside a transaction."""

    def __init__(self, names: Names, catalog: Catalog, calendar: ShopCalendar) -> None:
        self._names, self._calendar = names, calendar
        self._computed = dict(catalog.computed)
        self._ids = names.ensure("computed", self._computed)

    def affected(self, events: Iterable[str]) -> set[str]:
        """The computed values that events of these names can change."""
        seen = set(events)
        return {name for name, it in self._computed.items() if it.of in seen or seen & set(it.cleared_by)}

    def refresh(self, tx: Transaction, now: int, only: Collection[str] | None = None) -> int:
        """Recomputes the values (all, or `only` these) of the people in the temporary table `touched(person_id)`.

        Returns how many values changed.
        """
        changed = 0
        for name in self._computed if only is None else sorted(only):
            changed += self._refresh_one(tx, now, self._computed[name])
        return changed

    def refresh_windows(self, store: Store, now: int, progress: slices.Progress = lambda done: None) -> int:
        """The daily pass: values with `within` of whom an event left since the last time, and changed definitions.

        Returns how many values changed.
        """
        stale = self.stale(store)
        rebuilt = self.rebuild(store, now, stale, progress) if stale else 0
        return rebuilt + self._slide(store, now, progress)

    def _slide(self, store: Store, now: int, progress: slices.Progress) -> int:
        since = store.value("SELECT at FROM control WHERE name = :name", name=WINDOWS) or 0
        changed = done = 0
        for name, computed in self._computed.items():
            for people in slices.chunks(self._left(store, computed, since, now)):
                with store.write() as tx:
                    touch(tx, people)
                    changed += self.refresh(tx, now, [name])
                done += len(people)
                progress(done)
        with store.write() as tx:
            _remember(tx, WINDOWS, "", now)
        return changed

    def stale(self, store: Store) -> set[str]:
        """The values whose definition changed, or is new, since they were last rebuilt."""
        known = _definitions(store)
        return {name for name, it in self._computed.items() if known.get(name) != _fingerprint(it)}

    def rebuild(
        self, store: Store, now: int, only: Collection[str] | None = None,
        progress: slices.Progress = lambda done: None,
    ) -> int:  # fmt: skip
        """Recomputes everybody's values and drops those no longer in the catalog; returns how many changed."""
        names = set(self._computed) if only is None else set(only)
        gone = set(_definitions(store)) - set(self._computed)
        changed = 0
        for done, (low, high) in enumerate(slices.id_ranges(store), 1):
            with store.write() as tx:
                tx.temporary("touched", "person_id BIGINT")
                tx.run("INSERT INTO touched SELECT id FROM person WHERE id > :low AND id <= :high", low=low, high=high)
                changed += self.refresh(tx, now, names)
                for name in gone:
                    changed += _drop(tx, self._names.find("computed", name) or -1, low, high)
            progress(done * slices.SIZE)
        with store.write() as tx:
            kept = {name: hash_ for name, hash_ in _definitions(tx).items() if name not in gone}
            fresh = {name: _fingerprint(self._computed[name]) for name in names}
            _remember(tx, DEFINITIONS, json.dumps(kept | fresh, ensure_ascii=False, sort_keys=True), now)
        return changed

    def _refresh_one(self, tx: Transaction, now: int, computed: Computed) -> int:
        select, parameters = aggregates.select(tx.dialect, self._names, computed, self._calendar)
        name = self._ids[computed.name]
        tx.temporary("computed_fresh", "person_id BIGINT, num NUMERIC, txt TEXT")
        tx.run(f"INSERT INTO computed_fresh (person_id, num, txt) {select}", **parameters.values(now))
        changed = tx.run(
            "DELETE FROM computed_value WHERE name_id = :name AND person_id IN"
            " (SELECT person_id FROM touched EXCEPT SELECT person_id FROM computed_fresh)",
            name=name,
        )
        return changed + tx.run(
            "INSERT INTO computed_value (name_id, person_id, num, txt)"
            " SELECT CAST(:name AS BIGINT), person_id, num, txt FROM computed_fresh WHERE 1 = 1"
            " ON CONFLICT (name_id, person_id) DO UPDATE SET num = excluded.num, txt = excluded.txt"
            " WHERE computed_value.num IS DISTINCT FROM excluded.num"
            " OR computed_value.txt IS DISTINCT FROM excluded.txt",
            name=name,
        )

    def _left(self, store: Store, computed: Computed, since: int, now: int) -> list[int]:
        """The people of whom an event was inside the window at `since` and is not any more."""
        if computed.within is None:
            return []
        edge = times.ago(computed.within, self._calendar)
        rows = store.rows(
            "SELECT DISTINCT e.person_id FROM event e WHERE e.name_id = :event AND e.at >= :low AND e.at < :high",
            event=self._names.find("event", computed.of) or -1, low=edge(since) if since else 0, high=edge(now),
        )  # fmt: skip
        return sorted(row[0] for row in rows)


def touch(tx: Transaction, people: Collection[int]) -> None:
    """Fills the temporary table `touched` that `refresh` reads."""
    tx.temporary("touched", "person_id BIGINT")
    ids = tx.dialect.each("ids", {"id": "BIGINT"})
    tx.run(f"INSERT INTO touched SELECT id FROM {ids} AS given", ids=slices.bound(list(people)))


def _drop(tx: Transaction, name: int, low: int, high: int) -> int:
    return tx.run(
        "DELETE FROM computed_value WHERE name_id = :name AND person_id > :low AND person_id <= :high",
        name=name, low=low, high=high,
    )  # fmt: skip


def _fingerprint(computed: Computed) -> str:
    it = computed
    meaning = (it.kind, it.how, it.of, it.take, str(it.within) if it.within else None, it.cleared_by)
    return hashlib.sha256(repr(meaning).encode()).hexdigest()[:16]


def _definitions(statements: Store | Transaction) -> dict[str, str]:
    text = statements.value("SELECT value FROM control WHERE name = :name", name=DEFINITIONS)
    found: dict[str, str] = json.loads(text) if text else {}
    return found


def _remember(tx: Transaction, name: str, value: str, now: int) -> None:
    tx.run(
        "INSERT INTO control (name, value, at, who) VALUES (:name, :value, :now, 'engine')"
        " ON CONFLICT (name) DO UPDATE SET value = excluded.value, at = excluded.at",
        name=name, value=value, now=now,
    )  # fmt: skip
