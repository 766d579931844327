"""`shop`: a bench on which the engine's words are tried, on SQLite and on PostgreSQL."""

from __future__ import annotations

from pathlib import Path

import pytest

from automation.store.database import Store
from tests.engine.shop import Shop


@pytest.fixture
def shop(store: Store, tmp_path: Path) -> Shop:
    return Shop(store, tmp_path)
