"""Segments: conditions with names, which may build on each other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from automation.conditions.tree import All, Compare, FieldType, InSegment, Not, Op, Tagged
from automation.journey import catalog, segments
from automation.kernel import source
from automation.kernel.document import Document
from automation.kernel.errors import SourceErrors

SHOP = Path(__file__).parents[2] / "journeys"
CATALOG = catalog.load(source.parse("fields: {tier: {type: choice, order: [basic, gold]}}", "catalog.yaml"))


def load(text: str) -> dict[str, segments.Segment]:
    return segments.load(source.parse(text, "segments.yaml"), CATALOG)


def refused(text: str) -> list[str]:
    with pytest.raises(SourceErrors) as caught:
        load(text)
    return [str(problem) for problem in caught.value.problems]


def test_a_segment_has_a_title_and_a_condition() -> None:
    found = load("vip: {title: 贵宾, if: {tier: gold}}\nnamed: {if: {tag: 甲}}")
    assert list(found) == ["vip", "named"]
    assert found["vip"].title == "贵宾"
    assert isinstance(found["vip"].condition, Compare)
    assert found["named"].title == "named"
    assert segments.conditions(found)["named"] == Tagged(("甲",))


def test_a_segment_may_build_on_one_that_stands_below_it() -> None:
    found = load("a: {if: {all: [{not: {segment: b}}, {tag: 丙}]}}\nb: {if: {segment: c}}\nc: {if: {tag: 乙}}")
    c = Tagged(("乙",))
    assert found["a"].condition == All((Not(InSegment("b", InSegment("c", c))), Tagged(("丙",))))


@pytest.mark.parametrize(
    ("text", "circle"),
    [
        ("a: {if: {segment: a}}", "a -> a"),
        ("a: {if: {segment: b}}\nb: {if: {any: [{segment: [c]}]}}\nc: {if: {not: {segment: a}}}", "a -> b -> c -> a"),
    ],
)
def test_a_circle_is_refused_once(text: str, circle: str) -> None:
    (problem,) = refused(text)
    assert problem.startswith("segments.yaml:1:1 K101 ")
    assert circle in problem


def test_mistakes_say_where_and_come_together() -> None:
    problems = refused(
        "a: {iff: {tag: 甲}}\nb: {if: {segment: aa}}\nc: {if: {event: wechat.followed}}\nd-e: {if: {tag: x}}"
    )
    assert [problem.split(" ")[:2] for problem in problems] == [
        ["segments.yaml:1:5", "S001"],
        ["segments.yaml:2:19", "C040"],
        ["segments.yaml:3:17", "C021"],
        ["segments.yaml:4:1", "K001"],
    ]


def test_the_sample_shop_is_right() -> None:
    found = segments.load(source.read(SHOP / "segments.yaml"), catalog.load(source.read(SHOP / "catalog.yaml")))
    assert {"dormant_90d", "buyers_365d", "new_customers", "vip"} <= set(found)
    dormant = found["dormant_90d"].condition
    assert isinstance(dormant, All)
    assert isinstance(dormant.parts[0], Compare)
    assert dormant.parts[0].op is Op.OLDER_THAN
    best = found["best_customers"].condition
    assert isinstance(best, All)
    assert best.parts[0] == Compare("recency", Op.AT_LEAST, 4, FieldType.NUMBER)
    assert found["best_at_risk"].title


VALUES = st.one_of(st.none(), st.integers(), st.text(max_size=4), st.sampled_from(["a", "b"]))
ANYTHING: st.SearchStrategy[Any] = st.recursive(
    VALUES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(["a", "b", "if", "title", "segment", "not", "any"]), inner, max_size=4),
    ),
    max_leaves=15,
)


@settings(max_examples=200, deadline=None)
@given(data=ANYTHING)
def test_whatever_stands_in_the_file_only_problems_are_raised(data: Any) -> None:
    try:
        assert isinstance(segments.load(Document("segments.yaml", data), CATALOG), dict)
    except SourceErrors as errors:
        assert errors.problems
