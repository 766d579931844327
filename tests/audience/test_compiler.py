"""The compiled SQL against the oracle: for everybody, a batch and one person, on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from automation.audience import attributes, references
from automation.audience.compiler import Target
from automation.audience.parameters import Parameters
from automation.conditions import tree
from automation.conditions.tree import Compare, FieldType, Happened, MarkKind, Op, Ref, Span
from automation.festivals import durations, moments
from automation.journey.catalog_values import Catalog
from automation.store.database import Store
from tests import postgres
from tests.audience import reference, world

CROWD = world.people(60)
LENGTHS = st.sampled_from([durations.parse(text) for text in ("1s", "1h", "1d", "7d", "31d", "400d")])
WHOLE_DAYS = st.sampled_from([durations.parse(text) for text in ("1d", "2d", "7d", "30d", "400d")])
MOMENTS = st.sampled_from(
    [moments.parse(text) for text in ("2026-11-22", "2026-11-21", "2026-11-22 12:00", "2025-11-22")]
)
MOMENT_PAIRS = st.tuples(MOMENTS, MOMENTS)
DAYS = st.sampled_from([moments.parse(text) for text in ("2026-11-22", "2026-11-20", "1990-11-22", "1986-01-01")])
ORDERED = st.sampled_from([Op.ABOVE, Op.AT_LEAST, Op.BELOW, Op.AT_MOST])
EITHER = st.sampled_from([Op.IS, Op.NOT])


def asks(
    path: str, kind: FieldType, *pairs: st.SearchStrategy[tuple[Op, Any]], order: Any = ()
) -> st.SearchStrategy[Any]:
    exists = st.tuples(st.just(Op.EXISTS), st.booleans())
    return st.one_of(exists, *pairs).map(lambda pair: Compare(path, pair[0], pair[1], kind, order))


def texts(path: str, known: list[str], *refs: str) -> st.SearchStrategy[Any]:
    one = st.sampled_from(known)
    return asks(
        path, FieldType.TEXT,
        st.tuples(EITHER, one), st.tuples(EITHER, st.lists(one, min_size=1, max_size=2).map(tuple)),
        st.tuples(st.sampled_from([Op.CONTAINS, Op.STARTS_WITH]), st.sampled_from([*known, "S", "s", "上", "%", "_"])),
        *(st.tuples(EITHER, st.just(Ref(ref))) for ref in refs),
    )  # fmt: skip


def numbers(path: str, known: list[Any], *refs: str, kind: FieldType = FieldType.NUMBER) -> st.SearchStrategy[Any]:
    one = st.sampled_from(known)
    pairs = st.tuples(one, one).map(sorted).map(tuple)
    return asks(
        path, kind, st.tuples(st.one_of(EITHER, ORDERED), one), st.tuples(st.just(Op.BETWEEN), pairs),
        st.tuples(EITHER, pairs), *(st.tuples(st.one_of(EITHER, ORDERED), st.just(Ref(ref))) for ref in refs),
    )  # fmt: skip


def times(path: str) -> st.SearchStrategy[Any]:
    return asks(
        path, FieldType.TIME, st.tuples(st.sampled_from([Op.WITHIN, Op.OLDER_THAN, Op.IN_NEXT]), LENGTHS),
        st.tuples(st.sampled_from([Op.BEFORE, Op.AFTER]), st.one_of(MOMENTS, st.just(Ref("created_at")))),
        st.tuples(st.just(Op.BETWEEN), MOMENT_PAIRS),
    )  # fmt: skip


def dates(path: str, known: list[str]) -> st.SearchStrategy[Any]:
    return asks(
        path, FieldType.DATE, st.tuples(st.sampled_from([Op.WITHIN, Op.OLDER_THAN, Op.IN_NEXT]), WHOLE_DAYS),
        st.tuples(st.sampled_from([Op.BEFORE, Op.AFTER]), DAYS), st.tuples(EITHER, st.sampled_from(known)),
        st.tuples(st.just(Op.BETWEEN), st.tuples(DAYS, DAYS)),
    )  # fmt: skip


TIER = st.sampled_from(world.TIERS)
TIER_PAIRS = st.tuples(TIER, TIER).map(lambda pair: tuple(sorted(pair, key=world.TIERS.index)))
COMPARES = st.one_of(
    texts("city", list(world.CITIES), "entry.city", "name"),
    texts("name", ["王芳", "li", "Li"]),
    texts("favourite", ["茶", "酒"], "entry.category"),
    texts("coupon.code", ["D1", "D2"]),
    numbers("score", [-1, 0, 2, 3, 9, 10, 2.5], "entry.total", "points", "orders"),
    numbers("wallet", [0, 1000, 9900], kind=FieldType.MONEY),
    numbers("points", [0, 5]),
    numbers("recency", [1, 2, 4, 5], "monetary", "entry.total"),
    numbers("entry.total", [2, 10, 50], "score"),
    numbers("orders", [0, 1, 2, 3], "entry.total"),
    asks("vip", FieldType.BOOL, st.tuples(EITHER, st.booleans())),
    asks(
        "tier", FieldType.CHOICE, st.tuples(st.one_of(EITHER, ORDERED), TIER),
        st.tuples(st.just(Op.BETWEEN), TIER_PAIRS), order=world.TIERS,
    ),
    asks("likes", FieldType.LIST),
    asks("phone", FieldType.TEXT),
    times("seen_at"), times("created_at"), times("last_order_at"),
    dates("birthday", ["1990-11-22", "1985-11-25", "2000-02-29", "1987-07-28", "1987-06-28"]),
)  # fmt: skip
WHERES = st.one_of(
    numbers("amount", [900, 1000, 9999], "wallet", "entry.total", kind=FieldType.MONEY),
    texts("category", ["茶", "酒"], "entry.category", "favourite"),
    texts("order_id", ["D1", "D2"], "coupon.code"),
    asks("gift", FieldType.BOOL, st.tuples(EITHER, st.booleans())),
    dates("day", ["2026-11-22", "2026-11-20"]),
)


def grown(leaves: st.SearchStrategy[Any], most: int) -> st.SearchStrategy[Any]:
    def more(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
        several = st.lists(inner, min_size=1, max_size=3).map(tuple)
        return st.one_of(several.map(tree.All), several.map(tree.AnyOf), inner.map(tree.Not))

    return st.recursive(leaves, more, max_leaves=most)


SHIFTED = st.builds(
    tree.Shifted,
    st.sampled_from([Ref("entry.at"), Ref("last_order_at")]),
    st.sampled_from([0, -world.DAY, -30 * world.DAY, world.DAY]),
)
SPANS = st.one_of(
    st.just((Span.ENTRY, None)), st.just((Span.EVER, None)), st.tuples(st.just(Span.WITHIN), LENGTHS),
    st.tuples(st.just(Span.SINCE), st.one_of(MOMENTS, SHIFTED)), st.tuples(st.just(Span.BETWEEN), MOMENT_PAIRS),
)  # fmt: skip
COUNTS = st.one_of(
    st.none(), st.tuples(st.one_of(EITHER, ORDERED), st.integers(0, 3)),
    st.sampled_from([(Op.BETWEEN, (0, 1)), (Op.BETWEEN, (1, 2))]),
)  # fmt: skip
EVENT_NAMES = st.sampled_from([("order.paid",), ("order.paid", "product.viewed"), ("product.viewed",), ("never.seen",)])
HAPPENED = st.builds(
    lambda names, where, count, span, same: Happened(names, where, count, span[0], span[1], same),
    EVENT_NAMES, st.one_of(st.just(tree.Always()), grown(WHERES, 3)), COUNTS, SPANS,
    st.sampled_from([None, None, "order_id", "category"]),
)  # fmt: skip
MARKED = st.builds(tree.Marked, st.sampled_from(MarkKind), st.sampled_from([*world.STEPS, "unknown"]))
STATES = st.one_of(
    st.lists(st.sampled_from(world.TAGS), min_size=1, max_size=2).map(tuple).map(tree.Tagged),
    st.sampled_from([("new",), ("new", "active"), ("lost",)]).map(tree.InStage),
    st.builds(tree.Consented, st.sampled_from(["marketing", "service", "x"]), st.sampled_from([None, "sms", "email"])),
    st.sampled_from([("welcome",), ("other",), ("welcome", "other"), ("unknown",)]).map(tree.InJourney),
)
KINDS = [COMPARES, COMPARES, COMPARES, HAPPENED, HAPPENED, MARKED, STATES, STATES.map(partial(tree.InSegment, "s"))]
LEAVES = st.sampled_from(range(len(KINDS))).flatmap(KINDS.__getitem__)


@pytest.fixture(scope="module")
def stores(
    tmp_path_factory: pytest.TempPathFactory, sqlite_template: bytes, postgres_server: postgres.Server
) -> Iterator[list[Store]]:
    path: Path = tmp_path_factory.mktemp("world") / "lucheng.db"
    path.write_bytes(sqlite_template)
    with postgres_server.database() as url:
        opened = [Store(f"sqlite:{path}"), Store(url)]
        for store in opened:
            world.fill(store, CROWD)
            attributes.bring(store, world.INDEXED)
        yield opened
        for store in opened:
            attributes.bring(store, world.CATALOG)
            store.close()


def found(
    store: Store, condition: Any, target: Target, person: int | None = None, catalog: Catalog = world.CATALOG
) -> list[int]:
    parameters = Parameters()
    test = world.compiler(store, catalog).predicate(condition, target, parameters)
    only = "" if person is None else f" AND p.id = {person}"
    sql = f"SELECT p.id FROM person p JOIN run r ON r.person_id = p.id WHERE {test}{only} ORDER BY p.id"
    return [row[0] for row in store.rows(sql, **parameters.values(world.NOW))]


@settings(max_examples=150, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(condition=grown(LEAVES, 5), person=st.integers(1, len(CROWD)))
def test_sql_means_what_the_oracle_says_on_both_databases(stores: list[Store], condition: Any, person: int) -> None:
    expected = [one.id for one in CROWD if reference.holds(condition, one)]
    for store in stores:
        assert found(store, condition, Target.BASE) == expected
        assert found(store, condition, Target.BASE, catalog=world.INDEXED) == expected
        assert found(store, condition, Target.BATCH) == expected
        assert found(store, condition, Target.ONE, person) == [one for one in expected if one == person]


def every_leaf() -> Iterator[Any]:
    """Each comparator of each type with each bordering value, once: what random trees would seldom meet."""
    texts_at = [moments.parse(text) for text in ("2026-11-22", "2026-11-22 12:00", "2026-11-21 12:00", "2025-11-22")]
    lengths = [durations.parse(text) for text in ("1s", "1h", "1d", "7d", "400d", "3d")]
    for path in ("seen_at", "created_at", "last_order_at"):
        yield from (Compare(path, op, at, FieldType.TIME) for op in (Op.BEFORE, Op.AFTER) for at in texts_at)
        spans = (Op.WITHIN, Op.OLDER_THAN, Op.IN_NEXT)
        yield from (Compare(path, op, length, FieldType.TIME) for op in spans for length in lengths)
    scores = ("recency", (1, 2, 5)), ("monetary", (0, 3))
    for path, known in (("score", (-1, 0, 2.5, 10)), ("orders", (0, 1, 2)), ("entry.total", (2, 10)), *scores):
        ops = (Op.IS, Op.NOT, Op.ABOVE, Op.AT_LEAST, Op.BELOW, Op.AT_MOST)
        yield from (Compare(path, op, value, FieldType.NUMBER) for op in ops for value in known)
        yield Compare(path, Op.BETWEEN, (0, 2), FieldType.NUMBER)
        yield Compare(path, Op.EXISTS, False, FieldType.NUMBER)
    for op in (Op.ABOVE, Op.AT_LEAST, Op.BELOW, Op.AT_MOST, Op.IS, Op.NOT):
        yield from (Compare("tier", op, tier, FieldType.CHOICE, world.TIERS) for tier in world.TIERS)
    for op in (Op.IS, Op.NOT, Op.CONTAINS, Op.STARTS_WITH):
        yield from (Compare("city", op, text, FieldType.TEXT) for text in (*world.CITIES, "s", "%", "_"))
    for purpose in ("marketing", "service"):
        yield from (tree.Consented(purpose, channel) for channel in (None, "sms", "email", "wechat"))
    for kind in MarkKind:
        yield from (tree.Marked(kind, step) for step in world.STEPS)
    for op in (Op.BEFORE, Op.AFTER):
        days = [moments.parse(text) for text in ("2026-11-29", "1990-11-22", "1985-11-25", "1987-07-28", "1987-06-28")]
        yield from (Compare("birthday", op, day, FieldType.DATE) for day in days)
    yield from between()
    for op in (Op.WITHIN, Op.IN_NEXT, Op.OLDER_THAN):
        yield from (Compare("birthday", op, length, FieldType.DATE) for length in lengths[2:])


def between() -> Iterator[Any]:
    """Both ends belong to it: of times, of days with their year, of days in a `where`, of when something happened."""
    times_at = [("2026-11-21", "2026-11-22"), ("2026-11-21 12:00", "2026-11-22 12:00"), ("2026-11-22", "2026-11-21")]
    for first, last in ((moments.parse(first), moments.parse(last)) for first, last in times_at):
        yield from (Compare(path, Op.BETWEEN, (first, last), FieldType.TIME) for path in ("seen_at", "created_at"))
        yield Happened(("order.paid",), span=Span.BETWEEN, value=(first, last))
    days = [("1985-11-25", "1990-11-22"), ("1987-07-28", "2000-02-29"), ("2026-11-20", "2026-11-22")]
    for first, last in ((moments.parse(first), moments.parse(last)) for first, last in days):
        yield Compare("birthday", Op.BETWEEN, (first, last), FieldType.DATE)
        where = Compare("day", Op.BETWEEN, (first, last), FieldType.DATE)
        yield Happened(("order.paid",), where, span=Span.EVER)


def test_every_comparator_at_its_borders(stores: list[Store]) -> None:
    seen = set()
    for condition in every_leaf():
        expected = [one.id for one in CROWD if reference.holds(condition, one)]
        seen.add(tuple(expected))
        for store in stores:
            assert found(store, condition, Target.BASE) == expected, condition
            assert found(store, condition, Target.BASE, catalog=world.INDEXED) == expected, condition
            assert found(store, condition, Target.BATCH) == expected, condition
    assert len(seen) > 80


def test_the_same_key_as_the_run_by_the_key_column(stores: list[Store]) -> None:
    """`key: order_id`: the events of this run's order, whatever the frozen entry says."""
    ask = Happened(("order.paid",), span=Span.EVER, same="order_id")
    expected = [one.id for one in CROWD if any(e.name == "order.paid" and e.key == one.key for e in one.events)]
    assert 0 < len(expected) < len(CROWD)
    for store in stores:
        parameters = Parameters()
        test = world.compiler(store).predicate(ask, Target.BATCH, parameters, key="order_id")
        assert "r.data" not in test
        sql = f"SELECT p.id FROM person p JOIN run r ON r.person_id = p.id WHERE {test} ORDER BY p.id"
        assert [row[0] for row in store.rows(sql, **parameters.values(world.NOW))] == expected


def test_one_event_at_hand_is_held_against_where_and_same(stores: list[Store]) -> None:
    where = Compare("amount", Op.AT_LEAST, 1000, FieldType.MONEY)
    ask = Happened(("order.paid",), where, span=Span.EVER, same="order_id")
    expected = sorted(
        event.id
        for one in CROWD
        for event in one.events
        if event.name == "order.paid"
        and reference.holds(where, one, event)
        and event.props["order_id"] == one.data["entry"].get("order_id")
    )
    assert expected
    for store in stores:
        parameters = Parameters()
        test = world.compiler(store).event_predicate(ask, parameters, "b")
        sql = (
            "SELECT b.id FROM event b JOIN name n ON n.id = b.name_id JOIN person p ON p.id = b.person_id"
            f" JOIN run r ON r.person_id = p.id WHERE n.name = 'order.paid' AND {test} ORDER BY b.id"
        )
        assert [row[0] for row in store.rows(sql, **parameters.values(world.NOW))] == expected


def test_what_became_of_a_message_is_told_with_its_first_moment(stores: list[Store]) -> None:
    step = world.STEPS[0]
    answers = {
        one.id: [e.at for e in reference._since_entry(one) if e.name == "message.answered" and e.props["step"] == step]
        for one in CROWD
    }
    expected = {
        MarkKind.CLICKED: {one.id: at for one in CROWD if (at := one.marks.get(step, {}).get("clicked_at"))},
        MarkKind.ANSWERED: {person: min(moments) for person, moments in answers.items() if moments},
    }
    for store in stores:
        for kind, wanted in expected.items():
            parameters = Parameters()
            at = references.mark_moment(world.compiler(store), tree.Marked(kind, step), parameters)
            sql = f"SELECT p.id, {at} FROM person p JOIN run r ON r.person_id = p.id WHERE {at} IS NOT NULL"
            assert dict(store.rows(sql, **parameters.values(world.NOW))) == wanted != {}, kind


def test_a_birthday_in_a_leap_month_is_another_day_than_in_the_plain_one(stores: list[Store]) -> None:
    for store in stores:
        for leap, day in ((1, "1987-07-28"), (0, "1987-06-28")):
            expected = [one.id for one in CROWD if one.date == (1, 6, 3, leap, 1987)]
            assert expected
            assert found(store, Compare("birthday", Op.IS, day, FieldType.DATE), Target.BATCH) == expected


@settings(max_examples=60, deadline=None, derandomize=True)
@given(condition=grown(LEAVES, 4))
def test_not_is_the_exact_complement(stores: list[Store], condition: Any) -> None:
    for target in (Target.BASE, Target.BATCH):
        both = found(stores[0], condition, target) + found(stores[0], tree.Not(condition), target)
        assert sorted(both) == [one.id for one in CROWD]
