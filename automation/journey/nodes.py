"""Where people go when the place they stand at is gone from a new version of their journey.

Identity is the node's key: the step's id, else what it does and how often that came before. Where it is gone, the next
place that survives takes the people in. "Next" is where they would have come to: never the inside of a branch that
they did not take, whose condition nobody asked about them.
"""

from __future__ import annotations

from collections.abc import Container

from automation.journey import graph, model


def fence_key(step: model.Step) -> str:
    """The place just before a step."""
    return f"fence:{step.key}"


def given_key(step: model.Step) -> str:
    """The place just after a coupon was given or not."""
    return f"fence:{step.key}:given"


def step_of(place: str) -> str:
    """The step that a place belongs to, as people know it."""
    return place.removeprefix("fence:").removesuffix(":given") if place.startswith("fence:") else place


def forwards(steps: model.Steps, nodes: Container[str]) -> dict[str, str | None]:
    """For each of the nodes, the key of the next one on the way; None where only the end follows."""
    found: dict[str, str | None] = {}
    _list(steps, None, nodes, found)
    return found


def _list(steps: model.Steps, after: str | None, nodes: Container[str], found: dict[str, str | None]) -> None:
    following = after
    for step in reversed(steps):
        for inner in model.lists(step.act):
            _list(inner, following, nodes, found)
        for key in (given_key(step), step.key, fence_key(step)):
            if key in nodes:
                found[key] = following
                following = key


def map_node(old: graph.Journey, new: graph.Journey, key: str) -> str | None:
    """The node of the new version for one who stands at `key` of the old; None: nothing is left, the run ends."""
    at: str | None = key
    while at is not None and at not in new.nodes:
        node = old.nodes.get(at)
        at = node.forward_to if node else None
    return at
