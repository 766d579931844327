"""How long after the customer's own last act a message leaves at the earliest, by a journey's waits alone.

Entering by an event and answering a `wait_for` are acts of theirs. What cannot be known beforehand, such as `until` a
moment, counts as nothing: the answer is never too long.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from automation.conditions.tree import Happened
from automation.festivals.durations import Duration

from .graph import START, Crossing, EventEntry, Journey, Send, Stand

DAY: Final = 86_400
SHORTEST_MONTH: Final = 28  # days


def before_sends(journey: Journey) -> Mapping[str, int]:
    """Key of a send step -> seconds; none of those that people can come to only without an act of their own."""
    if not isinstance(journey.entry, EventEntry):
        return {}
    due = {START: 0}  # when a node is crossed at the earliest
    found: dict[str, int] = {}
    waiting = [START]
    while waiting:
        key = waiting.pop()
        node = journey.nodes[key]
        ways = [(node.go, due[key])]
        if node.awaited is not None:
            theirs = isinstance(node.awaited.happening, Happened)
            ways.append((node.awaited.answered, 0 if theirs else _standing(journey, key, due)))
        for crossing, at in ways:
            for send in _sends(crossing):
                found[send] = min(at, found.get(send, at))
            for node_key, later in _ends(crossing):
                if at + later < due.get(node_key, at + later + 1):
                    due[node_key] = at + later
                    waiting.append(node_key)
    return found


def _standing(journey: Journey, key: str, due: Mapping[str, int]) -> int:
    """When somebody begins to stand at a node: a mark of a message, such as being sent, may come at once."""
    waits = [
        end.due
        for crossing in journey.crossings
        for leaf in crossing.leaves
        if isinstance(end := leaf.end, Stand) and end.node == key
    ]
    return max(0, due[key] - max((_length(one) for one in waits), default=0))


def _sends(crossing: Crossing) -> list[str]:
    return [effect.key for leaf in crossing.leaves for effect in leaf.effects if isinstance(effect, Send)]


def _ends(crossing: Crossing) -> list[tuple[str, int]]:
    return [(leaf.end.node, _length(leaf.end.due)) for leaf in crossing.leaves if isinstance(leaf.end, Stand)]


def _length(due: object) -> int:
    """Seconds it surely lasts. Workdays are never fewer days."""
    if not isinstance(due, Duration):
        return 0
    return (due.months * SHORTEST_MONTH + due.days + due.workdays) * DAY + due.seconds
