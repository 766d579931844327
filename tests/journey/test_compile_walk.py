"""Random journeys, walked twice: step by step as the file reads, and node by node as the engine goes."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from automation.conditions import tree
from automation.festivals.durations import Duration
from automation.journey import compile, graph, model

TAGS = "abcd"
DAY = Duration(days=1)
tests = st.recursive(
    st.sampled_from([tree.Tagged((tag,)) for tag in TAGS]),
    lambda inner: inner.map(tree.Not) | st.tuples(inner, inner).map(tree.All) | st.tuples(inner, inner).map(tree.AnyOf),
    max_leaves=3,
)


@dataclass
class World:
    """One person and what happens to them. `yes`: keys of waits that are answered and of coupons that are there."""

    tags: set[str]
    yes: set[str]
    numbers: dict[str, int]
    got: set[str] = field(default_factory=set)

    def happen(self, effect: graph.Effect) -> None:
        if isinstance(effect, graph.AddTag):
            self.tags.add(effect.tag)
        elif isinstance(effect, graph.RemoveTag):
            self.tags.discard(effect.tag)
        elif isinstance(effect, graph.GiveCoupon) and effect.key in self.yes:
            self.got.add(effect.as_name)

    def holds(self, test: graph.Test) -> bool:
        if isinstance(test, graph.Share):
            return test.low <= self.numbers[test.point] < test.high
        if isinstance(test, graph.HasCoupon):
            return test.as_name in self.got
        if isinstance(test, tree.Tagged):
            return bool(self.tags & set(test.tags))
        if isinstance(test, tree.Not):
            return not self.holds(test.part)
        if isinstance(test, tree.All):
            return all(self.holds(part) for part in test.parts)
        assert isinstance(test, tree.AnyOf)
        return any(self.holds(part) for part in test.parts)

    def copy(self) -> World:
        return World(set(self.tags), self.yes, self.numbers)


class Stopped(Exception):
    """The run ended at a stop step."""


def read(steps: model.Steps, world: World) -> list[str]:
    """What happens when the file is read step by step."""
    trace: list[str] = []
    try:
        _read(steps, world, trace)
    except Stopped as reason:
        return [*trace, f"end {reason}"]
    return [*trace, "end finished"]


def _read(steps: model.Steps, world: World, trace: list[str]) -> None:
    for step in steps:
        act = step.act
        if step.test is not None and not world.holds(step.test):
            continue
        if isinstance(act, model.Do | model.Give):
            world.happen(act.effect)
            trace.append(act.effect.key)
            if isinstance(act, model.Give) and act.otherwise is not None and act.effect.as_name not in world.got:
                _read(act.otherwise, world, trace)
        elif isinstance(act, model.Wait):
            trace.append(f"wait {step.key}")
        elif isinstance(act, model.WaitFor):
            trace.append(f"wait {step.key}")
            _read(act.then if step.key in world.yes else act.otherwise, world, trace)
        elif isinstance(act, model.Choose):
            _read(next((then for test, then in act.branches if world.holds(test)), act.otherwise), world, trace)
        elif isinstance(act, model.Split):
            ends = list(itertools.accumulate(path.share for path in act.paths))
            at = world.numbers[act.point] * ends[-1] / compile.WHOLE
            _read(next(path.then for path, end in zip(act.paths, ends, strict=True) if at < end), world, trace)
        else:
            raise Stopped(act.reason)


def walk(nodes: dict[str, graph.Node], world: World) -> list[str]:
    """What happens on the way along the nodes: each crossing is decided as a whole before any of it happens."""
    trace: list[str] = []
    node = nodes[graph.START]
    while True:
        answered = node.awaited.answered if node.awaited is not None and node.key in world.yes else node.go
        leaf = _leaf(answered.decision, world)
        assert answered.leaves[leaf.number] is leaf
        for effect in leaf.effects:
            world.happen(effect)
            trace.append(effect.key)
        if isinstance(leaf.end, graph.Leave):
            return [*trace, f"end {leaf.end.reason}"]
        node = nodes[leaf.end.node]
        if node.kind is not graph.NodeKind.FENCE:
            trace.append(f"wait {node.key}")


def _leaf(decision: graph.Decision, world: World) -> graph.Leaf:
    while isinstance(decision, graph.Choice):
        decision = next((then for test, then in decision.branches if world.holds(test)), decision.otherwise)
    return decision


@st.composite
def journeys(draw: st.DrawFn) -> model.Steps:
    """Up to a few dozen steps, nested up to two deep, with keys in the order of the file."""
    count = itertools.count()

    def many(depth: int) -> model.Steps:
        return tuple(one(depth) for _ in range(draw(st.integers(0 if depth else 1, 3 if depth else 5))))

    def one(depth: int) -> model.Step:
        key = f"s{next(count)}"
        kinds = ["tag", "untag", "points", "wait", "coupon", "stop"]
        kinds += ["choose", "if", "split", "wait_for", "give"] * 2 if depth < 2 else []
        act = make(draw(st.sampled_from(kinds)), key, depth + 1)
        return model.Step(key, act, draw(st.none() | tests))

    def make(kind: str, key: str, depth: int) -> model.Act:
        if kind in ("tag", "untag"):
            effect = graph.AddTag if kind == "tag" else graph.RemoveTag
            return model.Do(effect(key, draw(st.sampled_from(TAGS))))
        if kind == "points":
            return model.Do(graph.BookPoints(key, 1, "x"))
        if kind == "wait":
            return model.Wait(DAY)
        if kind in ("coupon", "give"):
            return model.Give(graph.GiveCoupon(key, "pool", key), many(depth) if kind == "give" else None)
        if kind == "stop":
            return model.Stop(key)
        if kind == "wait_for":
            return model.WaitFor(tree.Happened(("order.paid",)), DAY, None, many(depth), many(depth))
        if kind == "split":
            shares = draw(st.sampled_from([(50_000, 50_000), (10_000, 30_000, 60_000)]))
            return model.Split(key, tuple(model.Path(str(n), share, many(depth)) for n, share in enumerate(shares)))
        number = 1 if kind == "if" else draw(st.integers(1, 4))
        return model.Choose(tuple((draw(tests), many(depth)) for _ in range(number)), many(depth))

    return many(0)


def all_keys(steps: model.Steps) -> Iterator[str]:
    for step in steps:
        yield step.key
        for inner in model.lists(step.act):
            yield from all_keys(inner)


@settings(max_examples=100, deadline=None)
@given(journeys(), st.data())
def test_the_graph_does_what_the_file_says(steps: model.Steps, data: st.DataObject) -> None:
    nodes = dict(compile.compile_steps(steps))
    keys = list(all_keys(steps))
    assert len(nodes) <= 2 * len(keys) + 1
    assert max(len(node.go.leaves) for node in nodes.values()) <= compile.MOST_LEAVES
    for _ in range(5):
        tags = data.draw(st.sets(st.sampled_from(TAGS)))
        numbers = {key: data.draw(st.integers(0, compile.WHOLE - 1)) for key in keys}
        world = World(tags, set(data.draw(st.lists(st.sampled_from(keys)))), numbers)
        assert walk(nodes, world.copy()) == read(steps, world.copy())


@settings(max_examples=40, deadline=None)
@given(journeys())
def test_every_leaf_leads_to_a_node_or_to_the_end_and_every_node_is_led_to(steps: model.Steps) -> None:
    nodes = compile.compile_steps(steps)
    led_to = {graph.START}
    for node in nodes.values():
        for crossing in [node.go, *([node.awaited.answered] if node.awaited else [])]:
            led_to |= {leaf.end.node for leaf in crossing.leaves if isinstance(leaf.end, graph.Stand)}
    assert led_to == set(nodes)


@settings(max_examples=40, deadline=None)
@given(journeys())
def test_going_forward_from_any_node_ends(steps: model.Steps) -> None:
    nodes = compile.compile_steps(steps)
    for key in nodes:
        seen: list[str] = []
        at: str | None = key
        while at is not None:
            assert at not in seen
            seen.append(at)
            at = nodes[at].forward_to
