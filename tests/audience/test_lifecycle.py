from __future__ import annotations

from automation.audience import lifecycle, rfm
from automation.journey import built_in
from automation.settings.sections import Lifecycle, Rfm
from automation.store.database import Store
from tests.audience.shop import Shop
from tests.audience.world import DAY, NOW

RULES = Lifecycle()


def stages(shop: Shop) -> dict[int, str]:
    return dict(shop.store.rows("SELECT id, stage FROM person ORDER BY id"))


def test_the_stage_follows_the_age_of_the_last_order_and_new_the_first(store: Store) -> None:
    shop = Shop(store)
    for person, ages in enumerate(((5,), (40, 5), (119, 61), (121,), (241,), (60,), (30,)), 1):
        shop.person(person, NOW - 1000 * DAY)
        for age in ages:
            shop.event(person, "order.paid", NOW - age * DAY)
    assert lifecycle.refresh(store, shop.names, RULES, NOW) == 7
    assert stages(shop) == {1: "new", 2: "active", 3: "silent", 4: "dormant", 5: "lost", 6: "silent", 7: "active"}
    assert set(stages(shop).values()) == set(built_in.STAGES)


def test_who_never_ordered_is_as_old_as_the_first_we_heard_of_them(store: Store) -> None:
    shop = Shop(store)
    shop.person(1, NOW - DAY)
    shop.person(2, NOW - 999 * DAY)
    lifecycle.refresh(store, shop.names, RULES, NOW)
    assert stages(shop) == {1: "new", 2: "lost"}


def test_the_second_at_which_an_age_is_reached_belongs_to_the_next_stage(store: Store) -> None:
    shop = Shop(store)
    ages = (30, 60, 120, 240)
    for person, age in enumerate((age * DAY - early for age in ages for early in (1, 0)), 1):
        shop.person(person, NOW - 1000 * DAY)
        shop.event(person, "order.paid", NOW - 1000 * DAY)
        shop.event(person, "order.paid", NOW - age)
    lifecycle.refresh(store, shop.names, RULES, NOW)
    assert list(stages(shop).values()) == ["active"] * 3 + ["silent"] * 2 + ["dormant"] * 2 + ["lost"]


def test_other_events_make_nobody_young_and_nobody_a_buyer(store: Store) -> None:
    shop = Shop(store)
    shop.person(1, NOW - 999 * DAY)
    shop.person(2, NOW - 999 * DAY)
    shop.event(1, "product.viewed", NOW - DAY, amount=500_000)
    shop.event(2, "order.paid", NOW - 100 * DAY, amount=5000)
    shop.event(2, "product.viewed", NOW - DAY, amount=500_000)
    lifecycle.refresh(store, shop.names, RULES, NOW)
    rfm.refresh(store, shop.names, (RULES, Rfm()), NOW)
    assert stages(shop) == {1: "lost", 2: "silent"}
    scored = store.rows("SELECT recency, frequency, monetary FROM person ORDER BY id")
    assert scored == [(None, None, None), (3, 1, 1)]


def test_only_changed_stages_are_written(store: Store) -> None:
    shop = Shop(store)
    for person in range(1, 5):
        shop.person(person, NOW - 29 * DAY)
    shop.person(5, NOW - DAY, merged_into=1)
    assert lifecycle.refresh(store, shop.names, RULES, NOW) == 4
    assert lifecycle.refresh(store, shop.names, RULES, NOW) == 0
    assert lifecycle.refresh(store, shop.names, RULES, NOW + 2 * DAY) == 4
    assert stages(shop) == {1: "active", 2: "active", 3: "active", 4: "active", 5: None}


def test_scores_lie_on_the_right_side_of_each_cut(store: Store) -> None:
    shop = Shop(store)
    people = {1: [(30, 10_000)], 2: [(31, 10_001)], 3: [(241, 300_001)], 4: [(1, 0)] * 9, 5: [(60, 100)] * 2}
    for person, orders in people.items():
        shop.person(person)
        for age, fen in orders:
            shop.event(person, "order.paid", NOW - age * DAY, amount=fen)
    shop.person(6)
    rules = (RULES, Rfm())
    assert rfm.refresh(store, shop.names, rules, NOW) == 5
    assert store.rows("SELECT id, recency, frequency, monetary FROM person ORDER BY id") == [
        (1, 5, 1, 1), (2, 4, 1, 2), (3, 1, 1, 5), (4, 5, 5, 1), (5, 4, 2, 1), (6, None, None, None)
    ]  # fmt: skip
    assert rfm.refresh(store, shop.names, rules, NOW) == 0
