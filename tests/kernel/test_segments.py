"""Billed parts of an SMS, at the edges where the bill changes."""

from __future__ import annotations

import pytest

from automation.kernel import segments


@pytest.mark.parametrize(
    ("count", "billed"), [(0, 0), (1, 1), (70, 1), (71, 2), (134, 2), (135, 3), (160, 3), (201, 3), (202, 4)]
)
def test_seventy_characters_are_one_message_and_then_sixty_seven_a_part(count: int, billed: int) -> None:
    assert segments.segments("字" * count) == billed
    assert segments.segments("a" * count) == billed


def test_the_signature_counts_once_with_its_brackets() -> None:
    assert segments.length("您好", "旅程良品") == 8
    assert segments.length("【旅程良品】您好", "旅程良品") == 8


def test_an_emoji_counts_as_two() -> None:
    assert segments.segments("字" * 69 + "🎂") == 2
