"""What the engine asks SQLite finds people by index: no statement reads a big table from end to end."""

from __future__ import annotations

import re
from array import array
from pathlib import Path
from typing import Any

import pytest

from automation.conditions import tree
from automation.engine import install, tick
from automation.engine.entries import slices
from automation.people import merging
from automation.store.database import Statements, Store
from tests.engine.shop import Shop

BIG = {"run", "message", "event", "person", "entrant", "coupon", "points", "person_tag", "event_queue", "settling"}
JOURNEY = """
purpose: ads
goal: {event: order.paid, up_to: 14d, value: amount}
exit: [{event: order.closed}, {tag: 黑名单}]
again: after 30d
holdout: 10%
enter: {event: wechat.followed, if: {tier: {at_least: silver}}}
steps:
  - {coupon: gift, else: [{send: sorry}]}
  - {send: hello}
  - {wait: 1d}
  - {if: {event: cart.updated}, then: [{tag: a}, {untag: b}, {points: 5, reason: x}, {set: {city: 上海}}]}
  - {start: second}
  - {wait_for: {event: csat.answered}, up_to: 2d, as: answer, then: [{send: thanks}], else: [{notify: ops, text: x}]}
  - {wait: until monday 10:00}
"""


@pytest.fixture
def plans(sqlite_store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, list[str]]]:
    """(statement, lines of its plan) of everything that days of a journey execute, and a merge of two who are in it."""
    found: dict[str, list[str]] = {}
    execute = Statements._execute
    ended = False

    def explained(self: Statements, sql: str, parameters: dict[str, Any]) -> Any:
        if not ended and sql not in found and re.match(r"\s*(SELECT|INSERT|UPDATE|DELETE|WITH)\b", sql):
            rows = execute(self, f"EXPLAIN QUERY PLAN {sql}", parameters).fetchall()
            found[sql] = [row[3] for row in rows]
        return execute(self, sql, parameters)

    shop = Shop(sqlite_store, tmp_path)
    shop.open(
        "2026-03-01 08:00",
        wake=JOURNEY,
        second="pace: 10 a day\nenter: {manual: true}\nagain: finished\nsteps: [{wait: 1d}]\n",
        third="enter: {event: cart.updated, settle: 1h}\nwhile_inside: restart\nagain: never\nsteps: [{wait: 1d}]\n",
    )
    people = shop.people(30, tier="gold")
    shop.codes("gift", "A1", "A2", "A3")
    monkeypatch.setattr(Statements, "_execute", explained)
    for at, name in (
        ("2026-03-01 09:00", "wechat.followed"),
        ("2026-03-02 08:00", "cart.updated"),
        ("2026-03-02 10:00", "cart.updated"),
        ("2026-03-03 08:00", "csat.answered"),
        ("2026-03-03 09:00", "order.paid"),
        ("2026-03-09 10:30", "order.closed"),
    ):
        for person in people:
            shop.event(person, name, at)
        tick.tick(shop.parts, shop.ts(at))
    assert sqlite_store.value("SELECT count(*) FROM stuck") == 0
    with sqlite_store.write() as tx:
        merging.merge(tx, shop.ts("2026-03-09 11:00"), people[0], people[1], "a test")
    ended = True
    return list(found.items())


def test_no_statement_of_the_engine_reads_a_big_table_from_end_to_end(plans: list[tuple[str, list[str]]]) -> None:
    assert len(plans) > 40
    wrong = []
    for sql, lines in plans:
        tables = {alias: table for table, alias in re.findall(r"\b(?:FROM|JOIN)\s+(\w+)\s+(?:AS\s+)?(\w+)", sql)}
        for line in lines:
            scanned = re.match(r"SCAN (\w+)(.*)", line)
            if scanned and tables.get(scanned[1], scanned[1]) in BIG and "INDEX" not in scanned[2]:
                wrong.append((line, sql))
    # The event queue is a queue: its oldest rows are read in the order of its key.
    assert [one for one in wrong if "event_queue" not in one[1]] == []


def test_what_is_unsent_of_a_version_is_sought_among_what_waits_or_is_on_its_way(sqlite_store: Store) -> None:
    rows = sqlite_store.rows(f"EXPLAIN QUERY PLAN {install.UNSENT}", version=1)
    looked = [row[3] for row in rows if "message" in row[3]]
    assert ["INDEX message_due" in looked[0], "INDEX message_lease" in looked[1]] == [True, True]


def test_the_due_are_found_in_the_order_of_their_index(plans: list[tuple[str, list[str]]]) -> None:
    (lines,) = [lines for sql, lines in plans if sql.startswith("INSERT INTO moving") and "ORDER BY due" in sql]
    assert any("run_due" in line for line in lines)
    assert not any("TEMP B-TREE" in line for line in lines)


def test_events_find_runs_by_person(plans: list[tuple[str, list[str]]]) -> None:
    hits = [lines for sql, lines in plans if sql.startswith(("INSERT INTO hit", "INSERT INTO reached"))]
    assert hits
    for lines in hits:
        assert any(re.search(r"SEARCH r USING .*INDEX run_\w+ \(.*person_id=\?", line) for line in lines), lines


def test_a_look_for_people_asks_the_index_of_open_runs_before_any_run_is_read(
    sqlite_store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = Shop(sqlite_store, tmp_path)
    shop.open(
        "2026-03-01 08:00",
        wake="enter: {segment: gold, check: daily 09:00, existing: include}\nagain: after 30d\nsteps: [{wait: 1d}]\n",
    )
    loaded = shop.parts.registry.by_name("wake")
    assert loaded is not None
    looked: list[str] = []
    column = Statements.column

    def seen(self: Statements, sql: str, **values: Any) -> array[int]:
        looked.append(sql)
        return column(self, sql, **values)

    monkeypatch.setattr(Statements, "column", seen)
    slices.people(shop.parts, loaded, tree.Always(), shop.ts("2026-03-01 09:00"))
    lines = [row[3] for row in sqlite_store.rows(f"EXPLAIN QUERY PLAN {looked[0]}")]
    searches = [line for line in lines if line.startswith("SEARCH o")]
    assert [re.findall(r"USING (.*INDEX \w+)", line) for line in searches] == [
        ["COVERING INDEX run_live"],
        ["INDEX run_entry"],
    ]
