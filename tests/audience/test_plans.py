"""The shape of the queries on SQLite: what a batch or one person costs must not grow with the shop."""

from __future__ import annotations

import pytest

from automation.audience.compiler import Target
from automation.audience.parameters import Parameters
from automation.conditions import tree
from automation.conditions.tree import Compare, FieldType, Happened, Op, Span
from automation.festivals import durations
from automation.store.database import Store
from tests.audience import world

MONTH = durations.parse("30d")
OLD = Compare("last_order_at", Op.OLDER_THAN, MONTH, FieldType.TIME)
CONDITIONS = {
    "tag": tree.Tagged(("vip",)),
    "event": Happened(("order.paid",), span=Span.WITHIN, value=MONTH),
    "count": Happened(("order.paid",), count=(Op.AT_LEAST, 2), span=Span.ENTRY),
    "computed": OLD,
    "birthday": Compare("birthday", Op.IN_NEXT, durations.parse("7d"), FieldType.DATE),
    "consent": tree.Consented("marketing"),
    "phone": Compare("phone", Op.EXISTS, True, FieldType.TEXT),
    "journey": tree.InJourney(("welcome",)),
    "message": tree.Marked(tree.MarkKind.CLICKED, "hello"),
}


def plan(store: Store, condition: tree.Condition, target: Target) -> list[str]:
    parameters = Parameters()
    test = world.compiler(store).predicate(condition, target, parameters)
    values = parameters.values(world.NOW)
    sql = f"SELECT p.id FROM person p WHERE {test}"
    if target is Target.BATCH:
        with store.write() as tx:
            tx.temporary("batch", "run_id BIGINT, person_id BIGINT")
        sql = (
            "SELECT p.id FROM batch b CROSS JOIN run r ON r.id = b.run_id CROSS JOIN person p ON p.id = b.person_id"
            f" WHERE {test}"
        )
    return [row[3] for row in store.rows(f"EXPLAIN QUERY PLAN {sql}", **values)]


@pytest.mark.parametrize("name", CONDITIONS)
def test_a_batch_reads_only_the_rows_of_its_people(sqlite_store: Store, name: str) -> None:
    world.fill(sqlite_store, world.people(5))
    steps = plan(sqlite_store, CONDITIONS[name], Target.BATCH)
    scans = [
        step
        for step in steps
        if step.startswith("SCAN") and step not in ("SCAN b", "SCAN json_each VIRTUAL TABLE INDEX 1:")
    ]
    assert scans == []
    assert any(step.startswith("SEARCH") for step in steps)


def test_a_moving_limit_over_everybody_reads_a_range_of_the_index(sqlite_store: Store) -> None:
    world.fill(sqlite_store, world.people(5))
    steps = plan(sqlite_store, OLD, Target.BASE)
    assert "SEARCH c USING COVERING INDEX computed_value_num (name_id=? AND num<?)" in steps


def test_a_long_list_over_everybody_comes_sorted_and_one_its_index_sorts_is_not_sorted_again(
    sqlite_store: Store,
) -> None:
    world.fill(sqlite_store, world.people(5))
    assert any("TEMP B-TREE" in step for step in plan(sqlite_store, OLD, Target.BASE))
    assert not any("TEMP B-TREE" in step for step in plan(sqlite_store, CONDITIONS["tag"], Target.BASE))


def test_tags_and_recent_events_over_everybody_are_read_once_from_their_index(sqlite_store: Store) -> None:
    world.fill(sqlite_store, world.people(5))
    tags = plan(sqlite_store, CONDITIONS["tag"], Target.BASE)
    events = plan(sqlite_store, CONDITIONS["event"], Target.BASE)
    assert "SEARCH t USING PRIMARY KEY (tag_id=?)" in tags
    assert "SEARCH e USING COVERING INDEX event_name (name_id=? AND at>?)" in events
    assert not any("CORRELATED" in step for step in (*tags, *events))


def test_birthdays_ahead_are_read_by_their_keys(sqlite_store: Store) -> None:
    world.fill(sqlite_store, world.people(5))
    steps = plan(sqlite_store, CONDITIONS["birthday"], Target.BASE)
    assert any(
        step.startswith("SEARCH d USING PRIMARY KEY (field=? AND calendar=? AND month=? AND day=?") for step in steps
    )
