"""Whatever stands in a journey, the reader answers with problems that have a place, never with anything else."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from automation.journey import head, words
from automation.kernel import source
from automation.kernel.document import Document
from automation.kernel.errors import SourceErrors
from tests.journey import shelf

FOLDER = Path(__file__).parents[2] / "journeys"
SHIPPED = ("onboarding", "birthday_care", "festival_promotion", "dormant_wakeup", "complaint_followup")
GOOD = [source.read(FOLDER / f"{name}.yaml") for name in SHIPPED]
KEYS = [
    *words.STEP,
    *words.JOURNEY,
    *words.ENTRIES,
    *words.ANY_STEP,
    *words.STEP_LATER,
    "then",
    "else",
    "paths",
    "with",
]
plain = st.sampled_from(
    ["hello", "1d", "50%", "until 10:00", "order.paid", "", "goal", "a b", -1, 0, 5, 1.5, True, False, None, [], {}]
)
odd = st.recursive(
    plain,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=3),
    max_leaves=6,
)


def places(data: Any, loc: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    below = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    return [loc, *(found for key, part in below for found in places(part, (*loc, key)))]


SHOP = shelf.shop()


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(GOOD), st.data())
def test_one_odd_value_anywhere_is_a_problem_or_nothing(good: Document, data: st.DataObject) -> None:
    changed = copy.deepcopy(good.data)
    loc = data.draw(st.sampled_from(places(changed)[1:]))
    holder = changed
    for key in loc[:-1]:
        holder = holder[key]
    holder[loc[-1]] = data.draw(odd)
    try:
        head.read(Document(good.path, changed, good.marks), "", Path(good.path).stem, SHOP)
    except SourceErrors as wrong:
        assert all(problem.line >= 1 and problem.message and problem.code for problem in wrong.problems)


@settings(max_examples=100, deadline=None)
@given(odd)
def test_any_file_at_all_is_a_problem(data: Any) -> None:
    with pytest.raises(SourceErrors):
        head.read(Document("journeys/x.yaml", data), "", "x", SHOP)
