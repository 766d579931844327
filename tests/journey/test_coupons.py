"""Coupon pools: worth, where codes come from, how long they last."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from automation.festivals import durations, moments
from automation.journey import coupons
from automation.journey.coupons import Pool
from automation.kernel import source
from automation.kernel.document import Document
from automation.kernel.errors import SourceErrors

SHOP = Path(__file__).parents[2] / "journeys" / "coupons.yaml"


def load(text: str) -> dict[str, Pool]:
    return coupons.load(source.parse(text, "coupons.yaml"))


def test_pools_are_read_with_yuan_as_fen() -> None:
    found = load(
        "a: {title: 五十元, amount: 19.90, codes: import, valid: 30d, low_stock: 500}\n"
        'b: {amount: 5, codes: {generate: "BD-########"}, valid: month_end}\n'
    )
    assert found == {
        "a": Pool("a", "五十元", 1990, "import", durations.parse("30d"), 500),
        "b": Pool("b", "b", 500, "BD-########", moments.parse("month_end")),
    }
    assert found["a"].imported
    assert not found["b"].imported


@pytest.mark.parametrize(
    ("text", "place", "code", "hint"),
    [
        ("a: {amount: 5, codes: import}", "1:4", "S002", "valid"),
        ("a: {amount: 5元, codes: import, valid: 3d}", "1:13", "C012", "5"),
        ("a: {amount: -5, codes: import, valid: 3d}", "1:13", "S018", ""),
        ("a: {amount: 5, codes: imported, valid: 3d}", "1:23", "K201", "generate"),
        ("a: {amount: 5, codes: {generat: x}, valid: 3d}", "1:24", "S001", "did you mean 'generate'?"),
        ('a: {amount: 5, codes: {generate: "A-##"}, valid: 3d}', "1:34", "K202", "BD-########"),
        ('a: {amount: 5, codes: {generate: "券########"}, valid: 3d}', "1:34", "K202", "letters"),
        ("a: {amount: 5, codes: import, valid: 3}", "1:38", "K203", "3d"),
        ("a: {amount: 5, codes: import, valid: 0d}", "1:38", "K203", "at least"),
        ("a: {amount: 5, codes: import, valid: entry.date}", "1:38", "K203", "for everybody"),
        ("a: {amount: 5, codes: import, valid: 3d, low_stock: few}", "1:53", "S013", ""),
        ("a: {amount: 5, codes: import, valid: 3d, low: 3}", "1:42", "S001", "low_stock"),
        ("5a: {amount: 5, codes: import, valid: 3d}", "1:1", "K001", "letters"),
    ],
)
def test_a_slip_is_reported_where_it_stands_with_what_to_do(text: str, place: str, code: str, hint: str) -> None:
    with pytest.raises(SourceErrors) as caught:
        load(text)
    (problem,) = map(str, caught.value.problems)
    assert problem.startswith(f"coupons.yaml:{place} {code} "), problem
    assert hint in problem


def test_the_sample_shop_is_right() -> None:
    found = coupons.load(source.read(SHOP))
    assert {name: pool.amount_fen for name, pool in found.items()} == {
        "welcome_20": 2000,
        "birthday_50": 5000,
        "wakeup_30": 3000,
        "festival_30": 3000,
    }


KEYS = st.one_of(st.sampled_from(["a", "amount", "codes", "valid", "generate", "low_stock"]), st.text(max_size=3))
VALUES = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5), st.just("import"))
ANYTHING: st.SearchStrategy[Any] = st.recursive(
    VALUES,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=4)),
    max_leaves=12,
)


@settings(max_examples=200, deadline=None)
@given(data=ANYTHING)
def test_whatever_stands_in_the_file_only_problems_are_raised(data: Any) -> None:
    try:
        assert isinstance(coupons.load(Document("coupons.yaml", data)), dict)
    except SourceErrors as errors:
        assert errors.problems
