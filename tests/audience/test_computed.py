from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from automation.audience.computed import ComputedValues, touch
from automation.audience.context import ShopCalendar
from automation.audience.values import Values
from automation.conditions.tree import FieldType
from automation.festivals import durations
from automation.journey.catalog_values import Catalog, Computed, EventType, Property
from automation.store.database import Store
from tests.audience.shop import Shop
from tests.audience.world import DAY, NOW, ZONE

WINDOW = durations.parse("365d")
ORDER = EventType("order.paid", "付款", None, {"amount": Property("amount", FieldType.MONEY)})
CART = EventType("cart.updated", "购物车", None, {})
COMPUTED = (
    Computed("last_order_at", FieldType.TIME, "latest", "order.paid", "at"),
    Computed("last_amount", FieldType.MONEY, "latest", "order.paid", "amount"),
    Computed("spent", FieldType.MONEY, "sum", "order.paid", "amount", WINDOW),
    Computed("orders", FieldType.NUMBER, "count", "order.paid", None, WINDOW),
    Computed("favourite", FieldType.TEXT, "most_frequent", "order.paid", "category", WINDOW),
    Computed("cart", FieldType.RECORD, "latest", "cart.updated", None, None, ("order.paid", "cart.cleared")),
    Computed("since_clear", FieldType.NUMBER, "count", "cart.updated", None, None, ("cart.cleared",)),
)
CATALOG = Catalog({}, {"order.paid": ORDER, "cart.updated": CART}, {one.name: one for one in COMPUTED})
CALENDAR = ShopCalendar(ZONE)
ALL = tuple(CATALOG.computed)


@pytest.fixture
def shop(store: Store) -> Shop:
    opened = Shop(store)
    for number in (1, 2):
        opened.person(number)
    return opened


def values(shop: Shop, person: int, now: int = NOW) -> dict[str, object]:
    return Values(shop.names, CATALOG, CALENDAR).load(shop.store, [person], ALL, now)[person]


def refresh(shop: Shop, *people: int, only: set[str] | None = None, now: int = NOW) -> int:
    computed = ComputedValues(shop.names, CATALOG, CALENDAR)
    with shop.store.write() as tx:
        touch(tx, people)
        return computed.refresh(tx, now, only)


def order(shop: Shop, at: int, amount: int, category: str, person: int = 1) -> None:
    shop.event(person, "order.paid", at, amount=amount, category=category)


def test_each_way_of_computing(shop: Shop) -> None:
    order(shop, NOW - 400 * DAY, 50_000, "酒")
    order(shop, NOW - 30 * DAY, 1000, "茶")
    order(shop, NOW - 20 * DAY, 9000, "茶")
    order(shop, NOW - 10 * DAY, 500, "酒")
    order(shop, NOW - 5 * DAY, 1, "茶", person=2)
    refresh(shop, 1, 2)
    assert values(shop, 1) == {
        "last_order_at": NOW - 10 * DAY, "last_amount": 500, "spent": 10_500, "orders": 3, "favourite": "茶",
        "since_clear": 0,
    }  # fmt: skip
    assert values(shop, 2)["spent"] == 1


def test_of_two_events_in_one_second_the_later_to_arrive_is_the_latest(shop: Shop) -> None:
    for amount in (100, 300, 200):
        order(shop, NOW - 10, amount, "茶")
    refresh(shop, 1)
    assert values(shop, 1)["last_amount"] == 200


def test_events_without_an_amount_sum_up_to_nothing(shop: Shop) -> None:
    shop.event(1, "order.paid", NOW - 10)
    shop.event(2, "order.paid", NOW - 10)
    order(shop, NOW - 5, 700, "茶", person=2)
    refresh(shop, 1, 2)
    assert (values(shop, 1)["spent"], values(shop, 1)["orders"]) == (0, 1)
    assert (values(shop, 2)["spent"], values(shop, 2)["orders"]) == (700, 2)


def test_of_equally_frequent_values_the_newest_wins(shop: Shop) -> None:
    order(shop, NOW - 20, 1, "茶")
    order(shop, NOW - 10, 1, "酒")
    refresh(shop, 1)
    assert values(shop, 1)["favourite"] == "酒"


def test_a_cart_is_the_whole_event_until_it_is_cleared(shop: Shop) -> None:
    shop.event(1, "cart.updated", NOW - 100, total=100, items=[{"name": "乌龙"}])
    shop.event(1, "cart.updated", NOW - 50, total=200, items=[])
    refresh(shop, 1)
    assert values(shop, 1)["cart"] == {"total": 200, "items": []}
    order(shop, NOW - 40, 200, "茶")
    refresh(shop, 1)
    assert "cart" not in values(shop, 1)
    shop.event(1, "cart.updated", NOW - 30, total=7)
    refresh(shop, 1)
    assert values(shop, 1)["cart"] == {"total": 7}


def test_events_in_the_same_second_are_cleared_in_the_order_of_arrival(shop: Shop) -> None:
    shop.event(1, "cart.cleared", NOW)
    shop.event(1, "cart.updated", NOW, total=1)
    shop.event(2, "cart.updated", NOW, total=1)
    shop.event(2, "cart.cleared", NOW)
    refresh(shop, 1, 2)
    assert (values(shop, 1)["since_clear"], values(shop, 2)["since_clear"]) == (1, 0)


def test_only_touched_people_and_named_values_are_recomputed(shop: Shop) -> None:
    order(shop, NOW - 10, 5, "茶")
    order(shop, NOW - 10, 5, "茶", person=2)
    computed = ComputedValues(shop.names, CATALOG, CALENDAR)
    assert computed.affected(["cart.cleared"]) == {"cart", "since_clear"}
    refresh(shop, 1, only={"orders"})
    assert values(shop, 1) == {"spent": 0, "orders": 1, "since_clear": 0}
    assert values(shop, 2)["orders"] == 0


def test_a_person_touched_twice_counts_once_and_a_second_refresh_changes_nothing(shop: Shop) -> None:
    order(shop, NOW - 10, 5, "茶")
    assert refresh(shop, 1, 1) == 5
    assert values(shop, 1)["orders"] == 1
    assert refresh(shop, 1) == 0


def test_a_value_leaves_with_its_last_event_and_windows_slide_daily(shop: Shop) -> None:
    order(shop, NOW - 364 * DAY, 700, "茶")
    order(shop, NOW - 10 * DAY, 50, "酒")
    order(shop, NOW - 364 * DAY, 9, "茶", person=2)
    computed = ComputedValues(shop.names, CATALOG, CALENDAR)
    computed.refresh_windows(shop.store, NOW)
    refresh(shop, 1, 2)
    later = NOW + 2 * DAY
    assert computed.refresh_windows(shop.store, later) == 5
    assert values(shop, 1)["spent"] == 50
    assert values(shop, 1)["favourite"] == "酒"
    assert values(shop, 2) == {
        "last_order_at": NOW - 364 * DAY, "last_amount": 9, "spent": 0, "orders": 0, "since_clear": 0
    }  # fmt: skip
    assert computed.refresh_windows(shop.store, later + 1) == 0


def test_a_rebuild_makes_everything_afresh_and_remembers_the_definitions(shop: Shop) -> None:
    for person in range(3, 8):
        shop.person(person)
        order(shop, NOW - person, person, "茶", person=person)
    computed = ComputedValues(shop.names, CATALOG, CALENDAR)
    assert computed.stale(shop.store) == set(ALL)
    seen: list[int] = []
    assert computed.rebuild(shop.store, NOW, progress=seen.append) == 25
    assert seen
    assert computed.stale(shop.store) == set()
    assert values(shop, 5)["spent"] == 5
    assert computed.rebuild(shop.store, NOW) == 0


def test_a_changed_definition_is_stale_and_a_dropped_one_is_forgotten(shop: Shop) -> None:
    order(shop, NOW - 10 * DAY, 5, "茶")
    ComputedValues(shop.names, CATALOG, CALENDAR).rebuild(shop.store, NOW)
    month = Computed("orders", FieldType.NUMBER, "count", "order.paid", None, durations.parse("5d"))
    fewer = Catalog({}, CATALOG.events, {"orders": month})
    computed = ComputedValues(shop.names, fewer, CALENDAR)
    assert computed.stale(shop.store) == {"orders"}
    computed.rebuild(shop.store, NOW)
    assert shop.store.value("SELECT count(*) FROM computed_value") == 0


@pytest.mark.parametrize(
    "changed",
    [
        {"kind": FieldType.NUMBER}, {"how": "latest"}, {"of": "order.paid"}, {"take": "total"}, {"within": WINDOW},
        {"cleared_by": ("cart.cleared",)},
    ],
)  # fmt: skip
def test_whatever_changes_of_a_definition_makes_it_stale(shop: Shop, changed: dict[str, Any]) -> None:
    spent = Computed("spent", FieldType.MONEY, "sum", "cart.updated", "amount")
    ComputedValues(shop.names, Catalog({}, CATALOG.events, {"spent": spent}), CALENDAR).rebuild(shop.store, NOW)
    other = Catalog({}, CATALOG.events, {"spent": replace(spent, **changed)})
    assert ComputedValues(shop.names, other, CALENDAR).stale(shop.store) == {"spent"}
