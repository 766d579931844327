from __future__ import annotations

import hashlib
from collections import Counter
from itertools import product

import pytest

from automation.audience import splits
from automation.store.database import Store


def seeds(number: int) -> list[int]:
    return [int.from_bytes(hashlib.sha256(b"person %d" % n).digest()[:4], "big") >> 1 for n in range(number)]


def chi_square(counts: Counter[tuple[int, int]], cells: int, total: int) -> float:
    expected = total / cells
    return sum((counts[cell] - expected) ** 2 / expected for cell in product(range(10), range(10)))


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (("welcome", "offer"), ("welcome", "offer2")),
        (("welcome", "offer"), ("birthday", "offer")),
        (("a", "holdout"), ("b", "holdout")),
    ],
)
def test_two_choice_points_are_uniform_and_independent(first: tuple[str, str], second: tuple[str, str]) -> None:
    people = seeds(20_000)
    counts = Counter(
        (splits.number(*first, seed) * 10 // splits.SIZE, splits.number(*second, seed) * 10 // splits.SIZE)
        for seed in people
    )
    # 99 degrees of freedom: above 160 by chance once in 10,000 draws; a shared hash gives about 180,000.
    assert chi_square(counts, 100, len(people)) < 160


def test_the_databases_and_python_deal_the_same_cards(store: Store) -> None:
    for seed in (0, 1, 12345, 2**31 - 1):
        sql = splits.number_sql("welcome", "offer", "CAST(:seed AS BIGINT)")
        assert store.value(f"SELECT {sql}", seed=seed) == splits.number("welcome", "offer", seed)


def test_no_point_overflows_64_bits() -> None:
    for n in range(2000):
        a, b = splits.point("journey", str(n))
        assert 0 < a < splits.SIZE
        assert a * (2**31 - 1) + b < 2**63


def test_a_share_is_that_part_of_the_people() -> None:
    inside = sum(splits.number("j", "s", seed) < splits.share(5) for seed in seeds(20_000))
    assert 850 < inside < 1150
    assert splits.share(100) == splits.SIZE
