from __future__ import annotations

import pytest

from automation.festivals.durations import Duration
from automation.journey.coupons import Pool
from automation.kernel import errors
from automation.rewards import pools
from automation.store.database import Store

SMALL = Pool("small", "小", 1000, "A##", Duration(days=30))  # 961 codes: some are drawn twice


def test_a_generated_pool_makes_all_that_is_missing_though_some_codes_are_drawn_twice(store: Store) -> None:
    with store.write() as tx:
        assert len(pools.take(tx, SMALL, 300)) == 300
        found = pools.take(tx, SMALL, 400)  # 300 are free still: 100 are made
    assert len({code for _, code in found}) == 400


def test_an_imported_pool_makes_nothing(store: Store) -> None:
    pool = Pool("gift", "礼", 1000, "import", Duration(days=30))
    assert pools.add(store, "gift", ["A1", "A2", "A1"]) == (2, 1)
    with store.write() as tx:
        assert [code for _, code in pools.take(tx, pool, 5)] == ["A1", "A2"]
    assert pools.left(store, "gift") == 2


def test_a_code_that_cannot_be_one_is_named_by_its_number_and_not_shown(store: Store) -> None:
    with pytest.raises(errors.Refused, match="code number 2 has 65 characters") as refused:
        pools.add(store, "gift", ["A1", "B" * 65])
    assert "BBB" not in str(refused.value)
