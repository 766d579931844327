"""Chance that comes out the same every time: a number made from the words that name the occasion.

No generator with a state is passed around, so that one customer's luck does not depend on what others did before.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from math import exp, log
from typing import TypeVar

T = TypeVar("T")
_SCALE = 2.0**64


def share(*occasion: object) -> float:
    """From 0 up to, not including, 1; evenly spread."""
    words = "|".join(map(str, occasion)).encode()
    return int.from_bytes(blake2b(words, digest_size=8).digest(), "big") / _SCALE


def happens(likely: float, *occasion: object) -> bool:
    return share(*occasion) < likely


def one_of(options: Sequence[T], *occasion: object) -> T:
    return options[int(share(*occasion) * len(options))]


def weighted(weights: Sequence[tuple[T, float]], *occasion: object) -> T:
    """One of the first members, as often as the second ones say."""
    left = share(*occasion) * sum(weight for _, weight in weights)
    for option, weight in weights:
        left -= weight
        if left < 0:
            return option
    return weights[-1][0]


def between(low: float, high: float, *occasion: object) -> float:
    return low + (high - low) * share(*occasion)


def waiting(mean: float, *occasion: object) -> float:
    """An exponential length: many short ones, few long ones."""
    return -mean * log(1 - share(*occasion))


def count(mean: float, *occasion: object) -> int:
    """How often something happens that happens `mean` times on average (Poisson, by inversion). Mean below 500."""
    left, number = share(*occasion), 0
    likely = exp(-mean)
    while left >= likely and number < 1000:
        left -= likely
        number += 1
        likely *= mean / number
    return number
