from __future__ import annotations

import json

from automation.audience.values import Values
from automation.conditions.tree import FieldType
from automation.journey.catalog_values import Catalog, Field, Home
from automation.store.database import Store
from tests.audience import world
from tests.audience.shop import Shop
from tests.audience.world import NOW

SECRET = Field("note", FieldType.TEXT, "备注", sealed=True)
CATALOG = Catalog(world.FIELDS | {"note": SECRET}, world.EVENTS, world.COMPUTED)


def load(shop: Shop, people: list[int], *fields: str) -> dict[int, dict[str, object]]:
    return Values(shop.names, CATALOG, world.CALENDAR).load(shop.store, people, fields, NOW)


def test_columns_attributes_and_zones_come_by_name(store: Store) -> None:
    shop = Shop(store)
    with store.write() as tx:
        tx.run("INSERT INTO zone (id, name) VALUES (1, 'Asia/Urumqi')")
    attrs = json.dumps({"city": "上海", "wallet": 990, "vip": False, "likes": ["茶"], "tier": None, "note": "sealed"})
    shop.person(1, name="王芳", zone_id=1, attrs=attrs)
    shop.person(2)
    found = load(
        shop, [1, 2], "customer.name", "city", "wallet", "vip", "likes", "tier", "zone", "note", "phone", "nothing"
    )
    assert found == {
        1: {"name": "王芳", "city": "上海", "wallet": 990, "vip": False, "likes": ["茶"], "zone": "Asia/Urumqi"},
        2: {},
    }


def test_only_what_is_asked_for_is_read(store: Store) -> None:
    shop = Shop(store)
    shop.person(1, name="王芳", points=7, recency=5, attrs="{}")
    assert load(shop, [1], "points") == {1: {"points": 7}}
    assert load(shop, [1], "customer.recency", "monetary") == {1: {"recency": 5}}  # monetary: not scored yet
    assert load(shop, [1]) == {1: {}}
    assert load(shop, [], "points") == {}


def test_dates_are_days_that_a_text_can_show(store: Store) -> None:
    shop = Shop(store)
    for person, stored in enumerate(((0, 11, 22, 0, 1990), (0, 11, 21, 0, None), (1, 10, 14, 0, 1985)), 1):
        shop.person(person)
        with store.write() as tx:
            tx.run(
                "INSERT INTO person_date VALUES ('birthday', :c, :m, :d, :l, :id, CAST(:y AS SMALLINT))",
                id=person, **dict(zip("cmdly", stored, strict=True)),
            )  # fmt: skip
    found = load(shop, [1, 2, 3], "birthday")
    assert found == {1: {"birthday": "1990-11-22"}, 2: {"birthday": "2027-11-21"}, 3: {"birthday": "2026-11-22"}}


def test_computed_numbers_are_plain_numbers_on_both_databases(store: Store) -> None:
    shop = Shop(store)
    ids = shop.names.ensure("computed", world.COMPUTED)
    shop.person(1)
    with store.write() as tx:
        tx.run("INSERT INTO computed_value VALUES (:name, 1, 2.5, CAST(NULL AS TEXT))", name=ids["orders"])
        tx.run(
            "INSERT INTO computed_value VALUES (:name, 1, 1795000000, CAST(NULL AS TEXT))", name=ids["last_order_at"]
        )
    found = load(shop, [1], "orders", "last_order_at", "favourite")[1]
    assert found == {"orders": 2.5, "last_order_at": 1_795_000_000}
    assert [type(found[name]) for name in ("orders", "last_order_at")] == [float, int]
    assert CATALOG.fields["name"].home is Home.COLUMN
