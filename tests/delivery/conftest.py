"""`house`: a shop whose messages leave, on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from automation.store.database import Store
from tests.delivery.house import House


@pytest.fixture
def house(store: Store, tmp_path: Path) -> Iterator[House]:
    made = House(store, tmp_path)
    yield made
    if made._delivery is not None:
        made._delivery.close()


@pytest.fixture
def sqlite_house(sqlite_store: Store, tmp_path: Path) -> Iterator[House]:
    """Where the database makes no difference, or is SQLite's own matter."""
    made = House(sqlite_store, tmp_path)
    yield made
    if made._delivery is not None:
        made._delivery.close()
