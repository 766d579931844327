"""`shop`: a house with a web address, on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from automation.store.database import Store
from tests.tracking.linked import Linked


@pytest.fixture
def shop(store: Store, tmp_path: Path) -> Iterator[Linked]:
    made = Linked(store, tmp_path)
    yield made
    if made._delivery is not None:
        made._delivery.close()


@pytest.fixture
def sqlite_shop(sqlite_store: Store, tmp_path: Path) -> Iterator[Linked]:
    made = Linked(sqlite_store, tmp_path)
    yield made
    if made._delivery is not None:
        made._delivery.close()
