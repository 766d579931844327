"""What every verb about people needs together: the database, its words, the keys and the shop's catalog."""

from __future__ import annotations

from dataclasses import dataclass

from automation.journey import built_in
from automation.journey.catalog import Catalog
from automation.store.database import Store
from automation.store.names import Names

from .sealing import Vault

SHOP_ZONE = "Asia/Shanghai"


@dataclass(frozen=True, slots=True)
class Registry:
    """`zone`: the shop's time zone, in which dates without one are read."""

    store: Store
    names: Names
    vault: Vault
    catalog: Catalog
    zone: str = SHOP_ZONE


def opened(store: Store, vault: Vault, catalog: Catalog, zone: str = SHOP_ZONE) -> Registry:
    """A registry whose event names have their numbers. Must not be called inside a write transaction."""
    names = Names(store)
    names.ensure("event", sorted({*catalog.events, *built_in.EVENTS}))
    return Registry(store, names, vault, catalog, zone)
