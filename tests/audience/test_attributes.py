"""Attributes with an index: both databases take it over the whole base, and it never leads where people are at hand."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from automation.audience import attributes, segments
from automation.audience.compiler import Target
from automation.audience.parameters import Parameters
from automation.conditions import tree
from automation.conditions.tree import Compare, FieldType, Op, Ref
from automation.festivals import durations, moments
from automation.store.database import Store
from automation.store.schema import migrate
from tests.audience import world

DAY, MONTH = moments.parse("2026-11-22"), durations.parse("30d")
SERVED = {
    "text is": Compare("city", Op.IS, "上海", FieldType.TEXT),
    "text in": Compare("city", Op.IS, ("上海", "北京"), FieldType.TEXT),
    "choice is": Compare("tier", Op.IS, "gold", FieldType.CHOICE, world.TIERS),
    "choice at least": Compare("tier", Op.AT_LEAST, "gold", FieldType.CHOICE, world.TIERS),
    "choice between": Compare("tier", Op.BETWEEN, ("silver", "gold"), FieldType.CHOICE, world.TIERS),
    "flag is": Compare("vip", Op.IS, True, FieldType.BOOL),
    "number is": Compare("score", Op.IS, 2500, FieldType.NUMBER),
    "number in": Compare("score", Op.IS, (2500, 7.5), FieldType.NUMBER),
    "number below": Compare("score", Op.BELOW, 20, FieldType.NUMBER),
    "number above a fraction": Compare("score", Op.ABOVE, 4980.5, FieldType.NUMBER),
    "number between": Compare("score", Op.BETWEEN, (20, 40.5), FieldType.NUMBER),
    "money at least": Compare("wallet", Op.AT_LEAST, 498_000, FieldType.MONEY),
    "money between": Compare("wallet", Op.BETWEEN, (2000, 4000), FieldType.MONEY),
    "time before": Compare("seen_at", Op.BEFORE, moments.parse("2026-09-30"), FieldType.TIME),
    "time within": Compare("seen_at", Op.WITHIN, durations.parse("12h"), FieldType.TIME),
    "time between": Compare(
        "seen_at", Op.BETWEEN, (moments.parse("2026-11-01"), moments.parse("2026-11-02")), FieldType.TIME
    ),
}  # fmt: skip
PEOPLE = 5000


@pytest.fixture(scope="module")
def sqlite_crowd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    yield from crowd(f"sqlite:{tmp_path_factory.mktemp('crowd') / 'lucheng.db'}")


@pytest.fixture(scope="module")
def postgres_crowd(request: pytest.FixtureRequest) -> Iterator[Store]:
    with request.getfixturevalue("postgres_server").bare() as url:
        yield from crowd(url)


@pytest.fixture(params=["sqlite", "postgres"])
def people(request: pytest.FixtureRequest) -> Store:
    store: Store = request.getfixturevalue(f"{request.param}_crowd")
    return store


def crowd(url: str) -> Iterator[Store]:
    """Five thousand people with one attribute of each type, and their indexes."""
    store = Store(url)
    migrate(store)
    with store.write() as tx:
        tx.insert("person", ["uid", "seed", "attrs", "created_at", "changed_at"], map(someone, range(PEOPLE)))
        tx.insert(
            "run", ["id", "journey_id", "version_id", "node", "person_id", "clock", "node_at", "entered_at"],
            ((n, 1, 1, 1, n, 0, 0, 0) for n in range(1, PEOPLE + 1)),
        )  # fmt: skip
    attributes.bring(store, world.INDEXED)
    if store.path is None:
        store.connections.execute_sql("ANALYZE person, run")
    yield store
    store.close()


def someone(n: int) -> tuple[object, ...]:
    attrs = {
        "city": "上海" if n % 100 == 0 else f"城市{n % 97}", "tier": world.TIERS[2 + n % 2 if n % 50 == 0 else 0],
        "vip": n % 100 == 0, "score": n, "wallet": n * 100, "seen_at": world.NOW - n * 1000,
    }  # fmt: skip
    return f"u{n}", n, json.dumps(attrs), 0, 0


def plan(store: Store, sql: str, condition: tree.Condition, target: Target) -> str:
    """The lines of the plan; `sql` with the compiled condition for `{}`."""
    parameters = Parameters()
    test = world.compiler(store, world.INDEXED).predicate(condition, target, parameters)
    explain = "EXPLAIN QUERY PLAN" if store.path else "EXPLAIN"
    rows = store.rows(f"{explain} {sql.format(test)}", **parameters.values(world.NOW))
    return "\n".join(str(row[-1]) for row in rows)


EVERYBODY = "SELECT p.id FROM person p WHERE p.merged_into IS NULL AND {} ORDER BY p.id"


@pytest.mark.parametrize("name", SERVED)
def test_over_everybody_the_index_is_read_and_no_document(people: Store, name: str) -> None:
    steps = plan(people, EVERYBODY, SERVED[name], Target.BASE)
    if people.path:
        assert "SEARCH a USING COVERING INDEX attr_" in steps
        assert "SCAN" not in steps
    else:
        assert "Index Scan on attr_" in steps or "Index Scan using attr_" in steps
        assert "Seq Scan" not in steps


def test_two_indexes_and_an_or_of_them_are_read_together(people: Store) -> None:
    city, score = SERVED["text is"], SERVED["number below"]
    for both in (tree.All((city, score)), tree.AnyOf((city, score))):
        steps = plan(people, EVERYBODY, both, Target.BASE)
        assert "attr_" in steps
        assert not any(step.startswith("SCAN") or "Seq Scan on person p" in step for step in steps.splitlines())


@pytest.mark.parametrize("name", SERVED)
def test_people_at_hand_are_reached_by_their_ids(people: Store, name: str) -> None:
    with people.write() as tx:
        tx.temporary("batch", "run_id BIGINT, person_id BIGINT")
        tx.insert("batch", ["run_id", "person_id"], ((n, n) for n in range(1, 21)))
        join = tx.dialect.join_in_order
        sql = (
            f"SELECT p.id FROM batch b {join} run r ON r.id = b.run_id {join} person p ON p.id = b.person_id WHERE {{}}"
        )
        if people.path is None:
            tx.run("ANALYZE batch")
        steps = plan(people, sql, SERVED[name], Target.BATCH)
    assert ("SEARCH p USING INTEGER PRIMARY KEY" if people.path else "using person_pkey on person p") in steps
    assert "attr_" not in steps
    one = plan(people, "SELECT p.id FROM person p WHERE p.id = 7 AND {}", SERVED[name], Target.ONE)
    assert ("SEARCH p USING INTEGER PRIMARY KEY" if people.path else "using person_pkey on person p") in one
    assert "attr_" not in one


def test_a_slice_of_everybody_is_read_by_its_range_of_ids(people: Store) -> None:
    sql = "SELECT p.id FROM person p WHERE p.id > 1000 AND p.id <= 1200 AND {} ORDER BY p.id"
    for condition in SERVED.values():
        steps = plan(people, sql, condition, Target.BATCH)
        assert ("rowid>? AND rowid<?" if people.path else "person_pkey") in steps


def test_the_same_people_with_and_without_an_index(people: Store) -> None:
    texts = [Compare("city", op, "城市1", FieldType.TEXT) for op in (Op.NOT, Op.CONTAINS, Op.STARTS_WITH)]
    absent = [Compare("city", Op.EXISTS, there, FieldType.TEXT) for there in (True, False)]
    for condition in (*SERVED.values(), *texts, *absent):
        with_index, without = (
            segments.count(people, world.compiler(people, catalog), condition, world.NOW)
            for catalog in (world.INDEXED, world.CATALOG)
        )
        assert with_index == without
        assert (with_index > 0) is (condition.op is not Op.EXISTS or condition.value is True)


def test_of_a_long_text_the_beginning_is_indexed_and_all_of_it_compared(bare_url: str) -> None:
    store = Store(bare_url)
    migrate(store)
    attributes.bring(store, world.INDEXED)
    start = "茶" * attributes.BEGINNING
    with store.write() as tx:
        for number, city in enumerate((start, start + "a", start + "b" * 1900, start[:-1], start[:-1] + "a"), 1):
            tx.run(
                "INSERT INTO person (id, uid, seed, attrs, created_at, changed_at) VALUES (:id, :uid, 1, :attrs, 0, 0)",
                id=number, uid=f"u{number}", attrs=json.dumps({"city": city}),
            )  # fmt: skip
    compiler = world.compiler(store, world.INDEXED)

    def ids(op: Op, value: object) -> list[int]:
        return segments.sample(store, compiler, Compare("city", op, value, FieldType.TEXT), world.NOW, 9)  # type: ignore[arg-type]

    assert ids(Op.IS, start) == [1]
    assert ids(Op.IS, (start + "a", start[:-1])) == [2, 4]
    assert ids(Op.IS, start[:-1]) == [4]
    assert ids(Op.NOT, start[:-1]) == [1, 2, 3, 5]
    assert ids(Op.STARTS_WITH, start[:-1]) == [1, 2, 3, 4, 5]
    assert ids(Op.STARTS_WITH, start + "a") == [2]
    assert ids(Op.CONTAINS, "b") == [3]
    store.close()


def test_a_value_of_the_row_at_hand_is_not_put_to_the_index(people: Store) -> None:
    ask = Compare("score", Op.ABOVE, Ref("points"), FieldType.NUMBER)
    assert attributes.answers(SERVED["number below"])
    assert not attributes.answers(ask)
    count = segments.count(people, world.compiler(people, world.INDEXED), ask, world.NOW)
    assert count == PEOPLE - 1
