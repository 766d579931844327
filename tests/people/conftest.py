"""A shop with a small catalog, on both databases."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from automation.conditions.tree import FieldType
from automation.journey import built_in
from automation.journey.catalog import Catalog, EventType, Field, Home, Property
from automation.people import keyring, registry
from automation.people.identities import identity
from automation.people.profiles import recognise
from automation.people.registry import Registry
from automation.people.sealing import Vault
from automation.store.database import Store

KEY = "1:" + "A" * 43 + "="
NOW = 1_767_225_600  # 2026-01-01 08:00 in Shanghai

FIELDS = (
    Field("tier", FieldType.CHOICE, "会员等级", order=("basic", "silver", "gold")),
    Field("city", FieldType.TEXT, "城市"),
    Field("spent", FieldType.MONEY, "累计消费"),
    Field("visits", FieldType.NUMBER, "到店次数"),
    Field("birthday", FieldType.DATE, "生日", home=Home.DATE),
    Field("id_card", FieldType.TEXT, "证件号", sealed=True),
)
ORDER = EventType(
    "order.paid",
    "付款",
    "order_id",
    {
        "order_id": Property("order_id", FieldType.TEXT, title="订单号"),
        "amount": Property("amount", FieldType.MONEY, unit="yuan", title="金额"),
        "items": Property("items", FieldType.LIST, of={"name": Property("name", FieldType.TEXT)}),
    },
)
VISIT = EventType("store.visited", "到店", None, {"store": Property("store", FieldType.TEXT, title="门店")})
CATALOG = Catalog(
    dict(built_in.FIELDS) | {field.name: field for field in FIELDS},
    dict(built_in.EVENTS) | {"order.paid": ORDER, "store.visited": VISIT},
    {},
)


@pytest.fixture
def vault() -> Vault:
    return Vault(keyring.read(KEY, "the test"))


@pytest.fixture
def shop(store: Store, vault: Vault) -> Registry:
    return registry.opened(store, vault, CATALOG)


@pytest.fixture
def person(shop: Registry) -> Callable[..., int]:
    """Makes a person known by these (kind, text[, account])."""

    def make(*known: tuple[str, ...]) -> int:
        with shop.store.write() as tx:
            return recognise(shop, tx, NOW, [identity(*one) for one in known])

    return make


@pytest.fixture
def table(tmp_path: Path) -> Callable[..., Path]:
    """Writes a text file: lines, in this encoding."""

    def write(*lines: str, encoding: str = "utf-8", name: str = "customers.csv") -> Path:
        path = tmp_path / name
        path.write_bytes("\r\n".join((*lines, "")).encode(encoding))
        return path

    return write


def counted(store: Store, tables: Sequence[str]) -> dict[str, Any]:
    return {name: store.value(f"SELECT count(*) FROM {name}") for name in tables}
