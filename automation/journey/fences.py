"""Where a crossing must be cut: what an effect writes, and what a later test or moment reads.

All tests of a crossing are answered at once, before anything in it happens. One that reads what an earlier step of the
same crossing wrote would see the value of before, so it stands behind a fence.
"""

from __future__ import annotations

from collections.abc import Iterator

from automation.conditions import tree
from automation.festivals.moments import Moment
from automation.journey import graph, model

Thing = tuple[str, str]
"""What is written or read: kind (tag, path, sent, event, journey, ...) and name. The name "*" means any."""


def writes(effect: graph.Effect) -> frozenset[Thing]:
    """What is different after an effect."""
    if isinstance(effect, graph.AddTag | graph.RemoveTag):
        return frozenset({("tag", effect.tag)})
    if isinstance(effect, graph.SetFields):
        return frozenset({("event", "customer.changed"), *(("path", name) for name, _ in effect.values)})
    if isinstance(effect, graph.BookPoints):
        return frozenset({("path", "points")})
    if isinstance(effect, graph.GiveCoupon):
        return frozenset({("data", effect.as_name)})
    if isinstance(effect, graph.Send):
        return frozenset({("sent", effect.key)})
    if isinstance(effect, graph.StartJourney):
        return frozenset({("journey", effect.journey)})
    return frozenset()


def reads(step: model.Step) -> frozenset[Thing]:
    """What has to be true already when the step is decided or done."""
    found: set[Thing] = set(_condition(step.test)) if step.test is not None else set()
    act = step.act
    if isinstance(act, model.Choose):
        for test, _ in act.branches:
            found.update(_condition(test))
    elif isinstance(act, model.Wait):
        found.update(_value(act.due))
    elif isinstance(act, model.WaitFor):
        found.update(_value(act.up_to))
    elif isinstance(act, model.Do):
        found.update(_effect(act.effect))
    return frozenset(found)


def _effect(effect: graph.Effect) -> Iterator[Thing]:
    if isinstance(effect, graph.Send):
        yield from _value(effect.at)
        yield from _value(effect.expires)
    elif isinstance(effect, graph.SetFields | graph.StartJourney | graph.CallWebhook):
        for _, value in effect.values:
            yield from _value(value)


def _condition(condition: tree.Condition) -> Iterator[Thing]:
    if isinstance(condition, tree.All | tree.AnyOf):
        for part in condition.parts:
            yield from _condition(part)
    elif isinstance(condition, tree.Not):
        yield from _condition(condition.part)
    elif isinstance(condition, tree.InSegment):
        yield from _condition(condition.condition)
    elif isinstance(condition, tree.Compare):
        yield from _path(condition.path)
        yield from _value(condition.value)
    elif isinstance(condition, tree.Tagged):
        yield from (("tag", tag) for tag in condition.tags)
    elif isinstance(condition, tree.InJourney):
        yield from (("journey", name) for name in condition.journeys)
    elif isinstance(condition, tree.Marked):
        yield ("sent", condition.step)
    elif isinstance(condition, tree.Happened):
        yield from (("event", name) for name in condition.names)
        yield from _condition(condition.where)


def _value(value: object) -> Iterator[Thing]:
    if isinstance(value, tree.Ref):
        yield from _path(value.path)
    elif isinstance(value, Moment):
        for path in value.paths:
            yield from _path(path)
    elif isinstance(value, tuple):
        for part in value:
            yield from _value(part)


def _path(path: str) -> Iterator[Thing]:
    head, dot, _ = path.removeprefix("customer.").partition(".")
    yield ("data" if dot else "path", head)
