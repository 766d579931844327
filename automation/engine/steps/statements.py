"""The effects of a crossing in the order of its steps, each run once for all the leaves that have it.

What a run has had of a step it does not get again: an edited file may lead people past the same step a second time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from graphlib import TopologicalSorter
from itertools import pairwise
from typing import Any, TypeAlias

from automation.audience.parameters import Parameters
from automation.engine.parts import Parts
from automation.engine.registry import Loaded
from automation.journey import graph
from automation.store.database import Transaction

from . import coupon, fields, handed_over, points, send, start, tag

Step: TypeAlias = Callable[[Transaction, int, dict[str, Any]], None]
"""Runs an effect: transaction, now, the bound parameters of the program."""

BUILDERS: dict[type[Any], Callable[..., Step]] = {
    graph.Send: send.step,
    graph.GiveCoupon: coupon.step,
    graph.AddTag: tag.add,
    graph.RemoveTag: tag.remove,
    graph.SetFields: fields.step,
    graph.BookPoints: points.step,
    graph.StartJourney: start.step,
    graph.Notify: handed_over.notify,
    graph.CallWebhook: handed_over.webhook,
}


def of(parts: Parts, loaded: Loaded, crossing: graph.Crossing, parameters: Parameters, now: int) -> Sequence[Step]:
    """One step for each effect of the crossing. An effect that stands in several leaves happens to all of them."""
    return [
        BUILDERS[type(effect)](parts, loaded, effect, _chosen(loaded, crossing, leaves), parameters, now)
        for effect, leaves in in_order(crossing).items()
    ]


def moments(
    parts: Parts, loaded: Loaded, crossing: graph.Crossing, parameters: Parameters, now: int
) -> Sequence[send.Moments]:
    """What works out the moments of those sends that have their own. It runs before anybody's wait is known."""
    return [
        send.Moments(parts, loaded, effect, _chosen(loaded, crossing, leaves), parameters)
        for effect, leaves in in_order(crossing).items()
        if isinstance(effect, graph.Send) and send.is_worked_out(parts, effect, now)
    ]


def in_order(crossing: graph.Crossing) -> dict[graph.Effect, list[int]]:
    """Each effect with the numbers of its leaves. No leaf's effects change places: messages must not overtake."""
    leaves: dict[graph.Effect, list[int]] = {}
    before: dict[graph.Effect, set[graph.Effect]] = {}
    for leaf in crossing.leaves:
        for effect in leaf.effects:
            leaves.setdefault(effect, []).append(leaf.number)
            before.setdefault(effect, set())
        for earlier, later in pairwise(leaf.effects):
            before[later].add(earlier)
    return {effect: leaves[effect] for effect in TopologicalSorter(before).static_order()}


def _chosen(loaded: Loaded, crossing: graph.Crossing, leaves: Sequence[int]) -> str:
    """SQL of who takes one of these leaves."""
    has_others = len(leaves) < len(crossing.leaves) or bool(loaded.journey.exit) or bool(loaded.journey.holdout)
    return f"plan.leaf IN ({', '.join(map(str, leaves))})" if has_others else "plan.leaf >= 0"
