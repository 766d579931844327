from __future__ import annotations

from automation.store.database import Store


def test_a_value_is_read(store: Store) -> None:
    assert store.value("SELECT 1 + :n", n=2) == 3
