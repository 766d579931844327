"""How SQLite carries out a claim: by index, whatever the tables hold; and what it costs to find nothing."""

from __future__ import annotations

from typing import Any

import pytest

from automation.store.database import Statements, Transaction
from tests.delivery.house import House

NOON = "2026-03-02 12:00"
TABLES = ("message", "attempt", "run", "person", "identity", "consent", "suppression", "event")
GROWING = frozenset((*TABLES, "e", "g", "i", "s", "r", "p", "a"))  # the letters are their aliases


@pytest.fixture
def plans(sqlite_house: House, monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """Statement -> its plan, for every statement delivery runs."""
    seen: dict[str, list[str]] = {}
    execute, many = Statements._execute, Transaction.many

    def explain(self: Any, sql: str, parameters: dict[str, Any]) -> None:
        if sql.split(maxsplit=1)[0] in ("SELECT", "INSERT", "UPDATE", "DELETE") and sql not in seen:
            seen[sql] = [row[3] for row in execute(self, f"EXPLAIN QUERY PLAN {sql}", parameters).fetchall()]

    def spied(self: Any, sql: str, parameters: dict[str, Any]) -> Any:
        explain(self, sql, parameters)
        return execute(self, sql, parameters)

    def spied_many(self: Any, sql: str, rows: Any) -> None:
        rows = list(rows)
        if rows:
            explain(self, sql, rows[0])
        many(self, sql, rows)

    house = sqlite_house
    house.files["policy"] = (
        "purposes:\n  plain: {kind: service}\n  ads: {kind: marketing, caps: {all: 2 per 7d, sms: 4 per 30d}}\n"
        "unless: {marketing: {event: {name: order.closed, within: 7d}}}\n"
    )
    house.send_one(NOON, people=30, purpose="ads")
    with monkeypatch.context() as patched:
        patched.setattr(Statements, "_execute", spied)
        patched.setattr(Transaction, "many", spied_many)
        house.deliver(NOON)
    assert {state for state, _ in house.states()} == {"SENT"}
    return seen


def test_no_statement_of_delivery_reads_a_growing_table_from_end_to_end(plans: dict[str, list[str]]) -> None:
    bad = [
        (step, sql)
        for sql, steps in plans.items()
        for step in steps
        if step.startswith("SCAN ") and step.split()[1] in GROWING and "CONSTANT" not in step and " USING " not in step
    ]
    assert bad == []
    assert any("message_due" in step for steps in plans.values() for step in steps)


def test_caps_are_counted_by_the_index_of_counted_messages(plans: dict[str, list[str]]) -> None:
    assert any("message_counted (person_id=? AND counted_at>?)" in step for steps in plans.values() for step in steps)


def test_finding_nothing_writes_nothing_whatever_waits_for_later(sqlite_house: House) -> None:
    house = sqlite_house
    house.send_one(NOON, people=5)
    house.put("UPDATE message SET due = due + 100000")
    assert house.delivery is not None  # made before: it gives the events their numbers
    before = house.store.value("PRAGMA data_version"), house.store.wal_pages
    assert not house.deliver(NOON).anything
    assert (house.store.value("PRAGMA data_version"), house.store.wal_pages) == before
    assert house.store.value("SELECT value FROM control WHERE name = 'claim token'") is None
