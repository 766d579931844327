"""`desk`: a shop to which something comes back, on SQLite and on PostgreSQL; `make`: what comes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from automation.store.database import Store
from tests.inbound.desk import Desk, Making


@pytest.fixture
def desk(store: Store, tmp_path: Path) -> Iterator[Desk]:
    made = Desk(store, tmp_path).ready()
    yield made
    if made._delivery is not None:
        made._delivery.close()


@pytest.fixture
def make(desk: Desk) -> Making:
    return Making(desk.noon)
