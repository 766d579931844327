"""The effects of a crossing in the order of its steps, each run once for all the leaves that have it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
    leaves: dict[graph.Effect, list[int]] = {}
    position: dict[graph.Effect, int] = {}
    for leaf in crossing.leaves:
        for place, effect in enumerate(leaf.effects):
            leaves.setdefault(effect, []).append(leaf.number)
            position[effect] = max(position.get(effect, 0), place)
    everywhere = len(crossing.leaves)
    steps: list[Step] = []
    # Effects of one leaf keep their order: messages of one run must not overtake one another.
    for effect in sorted(leaves, key=lambda one: position[one]):
        numbers = leaves[effect]
        has_others = len(numbers) < everywhere or bool(loaded.journey.exit) or bool(loaded.journey.holdout)
        chosen = f"plan.leaf IN ({', '.join(map(str, numbers))})" if has_others else "plan.leaf >= 0"
        steps.append(BUILDERS[type(effect)](parts, loaded, effect, chosen, parameters, now))
    return steps
