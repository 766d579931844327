"""A shop's own festivals beside the built-in ones."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from automation.festivals import feasts
from automation.journey import festivals_file
from automation.kernel import source
from automation.kernel.errors import SourceErrors

SHOP = Path(__file__).parents[2] / "journeys" / "festivals.yaml"


def load(text: str) -> dict[str, feasts.Festival]:
    return festivals_file.load(source.parse(text, "festivals.yaml"))


def test_an_empty_file_has_the_built_in_ones() -> None:
    assert load("") == dict(feasts.BUILT_IN)


def test_own_ones_stand_beside_them() -> None:
    found = load("brand: {title: 品牌日, dates: [2026-05-20]}\nold: {title: 老客节, solar: 09-09}\n")
    assert found["brand"].title == "品牌日"
    assert feasts.occurrences(found["old"], date(2026, 1, 1), date(2026, 12, 31)) == [date(2026, 9, 9)]
    assert "spring_festival" in found


@pytest.mark.parametrize(
    ("text", "place", "code", "hint"),
    [
        ("mid_autumn: {title: 中秋, lunar: 8-15}", "1:1", "K302", "another name"),
        ("a: {title: 甲, solar: 13-01}", "1:4", "K301", "09-09"),
        ("a: {}", "1:4", "K301", "exactly one"),
        ("a: {title: 甲}", "1:4", "K301", "exactly one"),
        ("a: {titel: 甲, solar: 09-09}", "1:4", "K301", "title"),
        ("a-b: {title: 甲, solar: 09-09}", "1:1", "K001", "letters"),
        ("a: 09-09", "1:4", "S012", ""),
    ],
)
def test_a_slip_is_reported_where_it_stands_with_what_to_do(text: str, place: str, code: str, hint: str) -> None:
    with pytest.raises(SourceErrors) as caught:
        load(text)
    (problem,) = map(str, caught.value.problems)
    assert problem.startswith(f"festivals.yaml:{place} {code} "), problem
    assert hint in problem


def test_the_sample_shop_is_right() -> None:
    found = festivals_file.load(source.read(SHOP))
    assert {"old_customers_day", "linen_day", "brand_day", "double_11"} <= set(found)
