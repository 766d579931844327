"""Loops in Python over the product's tables: batches of 5,000, a transaction each, `executemany`.

All read whole batches and write whole batches, and none asks the database about one person at a time. The careful loop
is what a good programmer writes with the standard library: who enters is written first, then every run that is due is
read, decided about in Python and moved as far as its next wait. The tuned loop does the same through apsw and writes
who enters where the first wait stands, with the first message, as the engine does. The hybrid is the tuned loop with
all that chooses left to SQL; what remains of Python is to move whom it chose.
"""

from __future__ import annotations

import json
import sqlite3  # noqa: TID251 - what everybody has; no connection of the product is open beside it
from abc import abstractmethod
from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, TypeAlias

import apsw

from automation.audience import splits
from automation.engine.parts import Parts
from bench.rivals import DORMANT, MESSAGE, RUN, Written, numbers
from bench.world import DAY

BATCH: Final = 5000
DORMANT_DAYS: Final = 90
AGAIN_DAYS: Final = 180


Due: TypeAlias = tuple[int, int, int, int, bool]
"""A run whose wait is over: run, person, node, seed of the person, whether they ordered since they entered."""
Decision: TypeAlias = tuple[int, int, str | None, int, int | None]
"""message or 0, leaf, why it ended, node to stand at, due"""


class _Loop(Written):
    """What both do: who is read for a batch is written with executemany, in the transaction that read them."""

    def enter(self, now: int) -> None:
        it, minute = self.numbers, now // 60
        for low in range(0, it.people, BATCH):
            with self.transaction() as cursor:
                begun = list(enumerate(self._entering(cursor, low, low + BATCH, now), self.last(cursor) + 1))
                cursor.executemany(
                    f"INSERT INTO run (id, {RUN}) VALUES ({', '.join('?' * 15)})",
                    [
                        (run, it.journey, it.version, it.first, person, "", str(now), now + 3 * DAY, now, now, now, 0,
                         0, 0, f"{it.start}.0@{minute};") for run, person in begun
                    ],
                )  # fmt: skip
                self._send(cursor, [(run, it.hello, person) for run, person in begun], now)

    def advance(self, now: int) -> int:
        sent: list[tuple[int, int, int]] = []
        moved: list[tuple[Any, ...]] = []
        minute = now // 60
        with self.transaction() as cursor:
            due = self._due(cursor, now)
            for run, person, node, seed, ordered in due:
                step, leaf, ended, target, next_due = self._decide(node, seed, ordered, now)
                if step:
                    sent.append((run, step, person))
                moved.append((target, next_due, now, now, ended is not None, now if ended else None, ended,
                              f"{node}.{leaf}@{minute};", run))  # fmt: skip
            self._send(cursor, sent, now)
            cursor.executemany(
                "UPDATE run SET node = ?, due = ?, clock = ?, node_at = ?, state = ?, ended_at = ?, reason = ?,"
                " path = path || ? WHERE id = ?",
                moved,
            )
        return len(due)

    @abstractmethod
    def _entering(self, cursor: Any, low: int, high: int, now: int) -> list[int]:
        """The people above `low`, up to `high`, who enter now."""

    @abstractmethod
    def _due(self, cursor: Any, now: int) -> list[Due]:
        """A batch of the runs that are due."""

    def _decide(self, node: int, seed: int, ordered: bool, now: int) -> Decision:
        it = self.numbers
        if node == it.second:
            return 0, 0, "finished", node, None
        if ordered:
            return 0, 0, "ordered", node, None
        leaf = 1 if (it.a * seed + it.b) % splits.SIZE < it.half else 2
        return (it.offer if leaf == 1 else it.story), leaf, None, it.second, now + 7 * DAY

    def _send(self, cursor: Any, chosen: list[tuple[int, int, int]], now: int) -> None:
        it = self.numbers
        cursor.executemany(
            f"INSERT INTO message ({MESSAGE}) VALUES (?, ?, 0, ?, ?, ?, ?, ?, ?, ?)",
            [(run, step, person, it.version, it.purpose, it.priority, now, now, now + DAY)
             for run, step, person in chosen],
        )  # fmt: skip


class _Deciding(_Loop):
    """Reads rows by ranges of ids and by joins, never one by one, and decides about each in Python.

    Entering reads three sets for each 5,000 ids: the people with their last order, their runs in this journey, and who
    stays out since go-live. Whoever ordered lately, is inside or was within 180 days, or was merged away, is left out.
    Advancing reads the due runs with the seeds of their people, and for those at the first wait their orders since the
    first of the batch entered.
    """

    def _entering(self, cursor: Any, low: int, high: int, now: int) -> list[int]:
        it = self.numbers
        dormant, recent = now - DORMANT_DAYS * DAY, now - AGAIN_DAYS * DAY
        span = (it.journey, low, high)
        runs = cursor.execute(
            "SELECT person_id, state, entered_at FROM run WHERE journey_id = ? AND person_id > ? AND person_id <= ?"
            " AND key = ''",
            span,
        )
        kept_out = {person for person, state, entered_at in runs if state == 0 or entered_at > recent}
        there = "SELECT person_id FROM baseline WHERE journey_id = ? AND person_id > ? AND person_id <= ?"
        kept_out.update(person for (person,) in cursor.execute(there, span))
        people = cursor.execute(
            "SELECT p.id, p.merged_into, c.num FROM person p CROSS JOIN computed_value c"
            " ON c.name_id = ? AND c.person_id = p.id WHERE p.id > ? AND p.id <= ?",
            (it.computed, low, high),
        )
        return [
            person
            for person, merged_into, ordered_at in people
            if ordered_at < dormant and merged_into is None and person not in kept_out
        ]

    def _due(self, cursor: Any, now: int) -> list[Due]:
        rows = cursor.execute(
            "SELECT r.id, r.person_id, r.node, p.seed, r.entered_at"
            " FROM (SELECT id, person_id, node, entered_at FROM run WHERE due <= ? ORDER BY due LIMIT ?) r"
            " CROSS JOIN person p ON p.id = r.person_id",
            (now, BATCH),
        ).fetchall()
        asked = [row for row in rows if row[2] == self.numbers.first]
        orders = self._orders(cursor, [row[1] for row in asked], min((row[4] for row in asked), default=now))
        return [
            (run, person, node, seed, orders.get(person, -1) >= entered) for run, person, node, seed, entered in rows
        ]

    @abstractmethod
    def _orders(self, cursor: Any, people: list[int], since: int) -> dict[int, int]:
        """When each of these people ordered last, of those who did since then."""


class CarefulLoop(_Deciding):
    """Through the standard library, in two passes: who enters is written, and moved when the due runs are read.

    Nothing of the product may have the file open meanwhile: two libraries in one process break each other's locks. So
    there is no checkpoint thread either: SQLite's own checkpoints run, as they do unless told otherwise.
    """

    def __init__(self, parts: Parts) -> None:
        self.parts, self.numbers = parts, numbers(parts)
        path = parts.store.value("SELECT file FROM pragma_database_list WHERE name = 'main'")
        cache = parts.store.value("PRAGMA cache_size")
        parts.store.close()
        self._plain = sqlite3.connect(path, isolation_level=None)
        self._plain.execute("PRAGMA synchronous = FULL")
        self._plain.execute(f"PRAGMA cache_size = {cache}")

    def close(self) -> None:
        self._plain.close()

    @contextmanager
    def transaction(self) -> Iterator[Any]:
        self._plain.execute("BEGIN IMMEDIATE")
        yield self._plain.cursor()
        self._plain.execute("COMMIT")

    def enter(self, now: int) -> None:
        it = self.numbers
        for low in range(0, it.people, BATCH):
            with self.transaction() as cursor:
                cursor.executemany(
                    f"INSERT INTO run ({RUN}) VALUES ({', '.join('?' * 14)})",
                    [
                        (it.journey, it.version, it.start, person, "", str(now), now, now, now, now, 0, 0, 0, "")
                        for person in self._entering(cursor, low, low + BATCH, now)
                    ],
                )

    def _decide(self, node: int, seed: int, ordered: bool, now: int) -> Decision:
        it = self.numbers
        if node == it.start:
            return it.hello, 0, None, it.first, now + 3 * DAY
        return super()._decide(node, seed, ordered, now)

    def _orders(self, cursor: Any, people: list[int], since: int) -> dict[int, int]:
        if not people:
            return {}
        found = cursor.execute(
            "SELECT e.person_id, e.at FROM json_each(?) i CROSS JOIN event e ON e.person_id = i.value"
            " AND e.name_id = ? AND e.at >= ?",
            (json.dumps(people), self.numbers.event, since),
        )
        return dict(found)  # by person, then by moment: the last of each stays


class TunedLoop(_Deciding):
    """Through apsw, whose statements and `executemany` cost half as much; ids are handed over as one array."""

    def _orders(self, cursor: Any, people: list[int], since: int) -> dict[int, int]:
        if not people:
            return {}
        found = cursor.execute(
            "SELECT e.person_id, e.at FROM carray(?) i CROSS JOIN event e ON e.person_id = i.value AND e.name_id = ?"
            " AND e.at >= ?",
            (apsw.carray(array("q", people)), self.numbers.event, since),
        )
        return dict(found)  # by person, then by moment: the last of each stays


class HybridLoop(_Loop):
    """SQL chooses, Python moves: the segment with all that keeps people out, and whether who is due has ordered, are
    conditions of the SELECT. More favourable than a loop that decides: no row crosses over that will not be written.
    """

    def _entering(self, cursor: Any, low: int, high: int, now: int) -> list[int]:
        people = cursor.execute(f"SELECT p.id {DORMANT}", self.bound | {"now": now, "low": low, "high": high})
        return [person for (person,) in people]

    def _due(self, cursor: Any, now: int) -> list[Due]:
        rows: list[Due] = cursor.execute(
            "SELECT r.id, r.person_id, r.node, p.seed, EXISTS (SELECT 1 FROM event e WHERE"
            " e.person_id = r.person_id AND e.name_id = ? AND e.at >= r.entered_at)"
            " FROM (SELECT id, person_id, node, entered_at FROM run WHERE due <= ? ORDER BY due LIMIT ?) r"
            " CROSS JOIN person p ON p.id = r.person_id",
            (self.numbers.event, now, BATCH),
        ).fetchall()
        return rows
