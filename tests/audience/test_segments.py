from __future__ import annotations

from automation.audience import segments, slices
from automation.conditions import tree
from automation.conditions.tree import Compare, FieldType, Op
from automation.store.database import Store
from tests.audience import reference, world

CROWD = world.people(60)
GOLD = Compare("tier", Op.AT_LEAST, "gold", FieldType.CHOICE, world.TIERS)


def test_count_ids_and_sample_speak_of_the_same_people(store: Store) -> None:
    world.fill(store, CROWD)
    compiler = world.compiler(store)
    expected = [one.id for one in CROWD if reference.holds(GOLD, one)]
    assert segments.count(store, compiler, GOLD, world.NOW) == len(expected)
    assert segments.ids(store, compiler, GOLD, world.NOW).tolist() == expected
    drawn = segments.sample(store, compiler, GOLD, world.NOW, 5)
    assert len(drawn) == 5
    assert set(drawn) <= set(expected)
    assert segments.sample(store, compiler, GOLD, world.NOW, 5) == drawn


def test_a_sample_is_drawn_by_chance_and_not_by_age(store: Store) -> None:
    world.fill(store, CROWD)
    with store.write() as tx:
        tx.run("UPDATE person SET seed = 7 * id % 61")
    drawn = segments.sample(store, world.compiler(store), tree.Always(), world.NOW, 5)
    assert drawn == sorted(range(1, 61), key=lambda number: 7 * number % 61)[:5]


def test_everybody_stands_once_in_the_order_of_the_ids(store: Store) -> None:
    world.fill(store, CROWD)
    everybody = tree.AnyOf((GOLD, tree.Not(GOLD), tree.Tagged(("vip",))))
    for condition in (tree.Always(), everybody):
        found = segments.ids(store, world.compiler(store), condition, world.NOW)
        assert found.tolist() == [one.id for one in CROWD]


def test_merged_people_are_in_no_segment(store: Store) -> None:
    world.fill(store, CROWD)
    with store.write() as tx:
        tx.run("UPDATE person SET merged_into = 1 WHERE id > 10")
    assert segments.count(store, world.compiler(store), tree.Always(), world.NOW) == 10


def test_an_empty_shop_has_no_slices(store: Store) -> None:
    assert list(slices.id_ranges(store)) == []


def test_a_condition_kept_from_before_a_word_was_used_finds_it_later(store: Store) -> None:
    from automation.audience.compiler import Target
    from automation.audience.parameters import Parameters
    from automation.store.names import Names

    world.fill(store, CROWD)
    parameters = Parameters()
    test = world.compiler(store).predicate(tree.Tagged(("新标签",)), Target.BASE, parameters)
    sql = f"SELECT p.id FROM person p WHERE {test}"
    assert store.rows(sql, **parameters.values(world.NOW)) == []
    assert store.value("SELECT count(*) FROM name WHERE name = '新标签'") == 0
    tag = Names(store).ensure("tag", ["新标签"])["新标签"]
    with store.write() as tx:
        tx.run("INSERT INTO person_tag VALUES (:tag, 3, 'test', 0, CAST(NULL AS BIGINT))", tag=tag)
    assert store.rows(sql, **parameters.values(world.NOW)) == [(3,)]
