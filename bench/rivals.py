"""What the engine is measured against: the same journey, written by hand for exactly this shop.

`WrittenSql` is the bound: the fewest statements a person would write, in batches of the engine's size. It and the loops
of bench/loops.py write the same rows as the engine, through the same connection settings and beside the same checkpoint
thread, and look at the whole segment at every check.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, Protocol

import apsw

from automation.audience import splits
from automation.engine.parts import Parts

RUN: Final = (
    "journey_id, version_id, node, person_id, key, episode, due, clock, node_at, entered_at, state, holdout, depth,"
    " path"
)
MESSAGE: Final = "run_id, step, visit, person_id, version_id, purpose, priority, due, scheduled_at, expires_at"


@dataclass(frozen=True, slots=True)
class Numbers:
    """The numbers of this journey in the store, read before the clock starts."""

    journey: int
    version: int
    start: int
    first: int
    second: int
    hello: int
    offer: int
    story: int
    purpose: int
    priority: int
    computed: int
    event: int
    a: int
    b: int
    half: int
    people: int

    def bound(self) -> dict[str, int]:
        return {name: getattr(self, name) for name in self.__slots__} | {"prime": splits.SIZE}


class Rival(Protocol):
    def tick(self, now: int) -> None: ...


def numbers(parts: Parts) -> Numbers:
    loaded = parts.registry.by_name("wakeup")
    assert loaded is not None
    steps = loaded.steps
    a, b = splits.point(loaded.name, "offer")
    return Numbers(
        loaded.journey_id, loaded.version_id, steps["start"], steps["first"], steps["second"],
        steps["hello"], steps["offer"], steps["story"],
        parts.names.ensure("purpose", ["campaign"])["campaign"],
        100 - parts.project.policy.purposes["campaign"].priority,
        parts.names.ensure("computed", ["last_order_at"])["last_order_at"],
        parts.names.ensure("event", ["order.paid"])["order.paid"],
        a, b, splits.share(50), int(parts.store.value("SELECT max(id) FROM person")),
    )  # fmt: skip


class Written(ABC):
    """Begins and ends transactions without the product's wrapper, but behind its turnstile."""

    def __init__(self, parts: Parts) -> None:
        self.parts, self.numbers = parts, numbers(parts)
        self.bound = self.numbers.bound()
        self.batch = parts.batches.size(parts.settings.engine.batch)
        self.connection: apsw.Connection = parts.store.connections.connection()
        self.connection.execute(
            "CREATE TEMP TABLE plan (run_id INTEGER, person_id INTEGER, leaf INTEGER)",
        )

    @contextmanager
    def transaction(self) -> Iterator[Any]:
        with self.parts.store.turnstile:
            self.connection.execute("BEGIN IMMEDIATE")
            yield self.connection.cursor()
            self.connection.execute("COMMIT")

    def tick(self, now: int) -> None:
        self.enter(now)
        while self.advance(now):
            pass

    def last(self, cursor: Any) -> int:
        """The id of the newest run."""
        found = cursor.execute("SELECT seq FROM sqlite_sequence WHERE name = 'run'").fetchone()
        return int(found[0]) if found else 0

    @abstractmethod
    def enter(self, now: int) -> None:
        """Everybody of the segment who is not inside."""

    @abstractmethod
    def advance(self, now: int) -> int:
        """A batch of those who are due; how many they were."""


DORMANT: Final = """
    FROM person p CROSS JOIN computed_value c ON c.name_id = :computed AND c.person_id = p.id
    WHERE p.id > :low AND p.id <= :high AND p.merged_into IS NULL AND c.num < :now - 90 * 86400
    AND NOT EXISTS (SELECT 1 FROM run o WHERE o.person_id = p.id AND o.journey_id = :journey AND o.key = ''
                    AND o.state = 0)
    AND NOT EXISTS (SELECT 1 FROM run o WHERE o.journey_id = :journey AND o.person_id = p.id AND o.key = ''
                    AND o.entered_at > :now - 180 * 86400)
    AND NOT EXISTS (SELECT 1 FROM baseline b WHERE b.journey_id = :journey AND b.person_id = p.id)"""
ENTER: Final = f"""
    INSERT INTO run ({RUN})
    SELECT :journey, :version, :first, p.id, '', CAST(:now AS TEXT), :now + 3 * 86400, :now, :now, :now, 0, 0, 0,
           :start || '.0@' || (:now / 60) || ';' {DORMANT}"""
HELLO: Final = f"""
    INSERT INTO message ({MESSAGE})
    SELECT id, :hello, 0, person_id, :version, :purpose, :priority, :now, :now, :now + 86400 FROM run
    WHERE id > :last"""
PLAN: Final = """
    INSERT INTO plan SELECT r.id, r.person_id,
        CASE WHEN r.node = :second THEN 3
             WHEN EXISTS (SELECT 1 FROM event e WHERE e.person_id = r.person_id AND e.name_id = :event
                          AND e.at >= r.entered_at) THEN 0
             WHEN (:a * p.seed + :b) % :prime < :half THEN 1 ELSE 2 END
    FROM (SELECT id, person_id, node, entered_at FROM run WHERE due <= :now ORDER BY due LIMIT :batch) r
    CROSS JOIN person p ON p.id = r.person_id"""
SEND: Final = f"""
    INSERT INTO message ({MESSAGE})
    SELECT run_id, CASE leaf WHEN 1 THEN :offer ELSE :story END, 0, person_id, :version, :purpose, :priority, :now,
           :now, :now + 86400 FROM plan WHERE leaf IN (1, 2)"""
MOVE: Final = """
    UPDATE run SET node = CASE WHEN plan.leaf IN (1, 2) THEN :second ELSE run.node END,
        due = CASE WHEN plan.leaf IN (1, 2) THEN :now + 7 * 86400 END, clock = :now, node_at = :now,
        state = plan.leaf IN (0, 3), ended_at = CASE WHEN plan.leaf IN (0, 3) THEN :now END,
        reason = CASE plan.leaf WHEN 0 THEN 'ordered' WHEN 3 THEN 'finished' END,
        path = path || node || '.' || (plan.leaf % 3) || '@' || (:now / 60) || ';'
    FROM plan WHERE run.id = plan.run_id"""


class WrittenSql(Written):
    """One statement decides, one writes the messages, one moves the runs."""

    def enter(self, now: int) -> None:
        bound = self.bound | {"now": now}
        for low in range(0, self.numbers.people, self.batch):
            with self.transaction() as cursor:
                last = self.last(cursor)
                cursor.execute(ENTER, bound | {"low": low, "high": low + self.batch})
                cursor.execute(HELLO, bound | {"last": last})

    def advance(self, now: int) -> int:
        bound = self.bound | {"now": now, "batch": self.batch}
        with self.transaction() as cursor:
            cursor.execute("DELETE FROM plan")
            cursor.execute(PLAN, bound)
            count = self.connection.changes()
            if count:
                cursor.execute(SEND, bound)
                cursor.execute(MOVE, bound)
        return count
