"""The order in which the effects of a crossing happen."""

from __future__ import annotations

from automation.conditions.tree import Tagged
from automation.engine.steps import statements
from automation.journey import compile, graph, model


def tag(key: str) -> model.Do:
    return model.Do(graph.AddTag(key, key))


def test_effects_keep_the_order_of_the_file_in_every_leaf() -> None:
    """Where one leaf does much before `third` and another one nothing, `third` still comes before `fourth`."""
    some, others = Tagged(("x",)), Tagged(("y",))
    steps = (
        model.Step(
            "if", model.Choose(((some, (model.Step("first", tag("first")), model.Step("second", tag("second")))),))
        ),
        model.Step("third", tag("third")),
        model.Step("fourth", tag("fourth"), others),
    )
    crossing = compile.compile_steps(steps)[graph.START].go
    order = list(statements.in_order(crossing))
    assert len(crossing.leaves) == 4
    for leaf in crossing.leaves:
        places = [order.index(effect) for effect in leaf.effects]
        assert places == sorted(places)


def test_an_effect_of_several_leaves_happens_once_for_all_of_them() -> None:
    steps = (model.Step("one", tag("one"), Tagged(("x",))), model.Step("both", tag("both")))
    found = statements.in_order(compile.compile_steps(steps)[graph.START].go)
    assert {effect.key: numbers for effect, numbers in found.items()} == {"one": [0], "both": [0, 1]}
