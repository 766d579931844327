"""The order in which the effects of a crossing happen."""

from __future__ import annotations

from automation.conditions.tree import Tagged
from automation.engine.steps import statements
from automation.journey import graph

FIRST, SECOND, THIRD, FOURTH = (graph.AddTag(key, key) for key in ("first", "second", "third", "fourth"))
END = graph.Leave("finished")


def crossing(*leaves: tuple[graph.Effect, ...]) -> graph.Crossing:
    made = tuple(graph.Leaf(number, effects, END) for number, effects in enumerate(leaves))
    tests = tuple((Tagged((str(leaf.number),)), leaf) for leaf in made[:-1])
    return graph.Crossing(graph.Choice(tests, made[-1]), made)


def test_effects_keep_their_order_in_every_leaf() -> None:
    """`third` stands late in one leaf and first in the other: there it still comes before `fourth`."""
    order = list(statements.in_order(crossing((FIRST, SECOND, THIRD), (THIRD, FOURTH))))
    assert order.index(FIRST) < order.index(SECOND) < order.index(THIRD) < order.index(FOURTH)


def test_an_effect_of_several_leaves_happens_once_for_all_of_them() -> None:
    assert statements.in_order(crossing((FIRST, SECOND), (SECOND,))) == {FIRST: [0], SECOND: [0, 1]}
