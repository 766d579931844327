"""Chance without dice: where a person falls at a choice point, the same in SQLite, PostgreSQL and Python.

Each person has a seed of 31 uniform bits; each point has its own (a, b). The number (a * seed + b) mod (2^31 - 1) is
uniform and two points are independent of each other. A salted multiplicative hash was fully correlated between points.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache

SIZE = 2**31 - 1
"""Numbers lie in [0, SIZE)."""


@lru_cache(maxsize=4096)
def point(journey: str, step: str) -> tuple[int, int]:
    """(a, b) of a choice point: 0 < a < SIZE, 0 <= b < SIZE, so that a * seed + b fits 64 bits."""
    digest = hashlib.sha256(f"{journey}\x1f{step}".encode()).digest()
    first, second = int.from_bytes(digest[:8], "big"), int.from_bytes(digest[8:16], "big")
    return first % (SIZE - 1) + 1, second % SIZE


def number(journey: str, step: str, seed: int) -> int:
    """Where the person with this seed falls."""
    a, b = point(journey, step)
    return (a * seed + b) % SIZE


def number_sql(journey: str, step: str, seed: str) -> str:
    """The same as SQL; `seed` is the SQL of the person's seed."""
    a, b = point(journey, step)
    return f"(({a} * {seed} + {b}) % {SIZE})"


def share(percent: float) -> int:
    """How many of the SIZE numbers are this many per cent."""
    return round(SIZE * percent / 100)
