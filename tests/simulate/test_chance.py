"""Chance: the same for the same words, and spread as it says."""

from __future__ import annotations

from automation.simulate import chance


def test_the_same_occasion_has_the_same_luck_and_another_one_its_own() -> None:
    assert chance.share("M00001", "order", 3) == chance.share("M00001", "order", 3)
    assert chance.share("M00001", "order", 3) != chance.share("M00001", "order", 4)


def test_counts_have_the_mean_they_are_asked_for() -> None:
    for mean in (0.2, 3.0, 20.0):
        counts = [chance.count(mean, "orders", number) for number in range(2_000)]
        assert abs(sum(counts) / len(counts) - mean) < 0.12 * max(mean, 1)


def test_weights_decide_how_often() -> None:
    drawn = [chance.weighted((("a", 3.0), ("b", 1.0)), number) for number in range(4_000)]
    assert 0.72 < drawn.count("a") / len(drawn) < 0.78
