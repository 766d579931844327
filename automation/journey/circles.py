"""Journeys that start one another in a circle without a wait: everybody in it would run through it without end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from automation.journey import compile, graph


def find(journeys: Mapping[str, graph.Journey]) -> dict[str, tuple[str, ...]]:
    """Journey -> the circle that begins at it: names in order, the first one again at the end."""
    starts = {name: sorted(set(_at_once(journey)) & set(journeys)) for name, journey in journeys.items()}
    found = {}
    for name in journeys:
        way = _way(name, name, starts)
        if way:
            found[name] = (name, *way)
    return found


def _at_once(journey: graph.Journey) -> Iterator[str]:
    """The journeys it starts before anybody has waited."""
    waiting, seen = [graph.START], {graph.START}
    while waiting:
        crossing = journey.nodes[waiting.pop()].go
        for effect in compile.effects(crossing):
            if isinstance(effect, graph.StartJourney):
                yield effect.journey
        for leaf in crossing.leaves:
            key = leaf.end.node if isinstance(leaf.end, graph.Stand) else None
            if key and key not in seen and journey.nodes[key].kind is graph.NodeKind.FENCE:
                seen.add(key)
                waiting.append(key)


def _way(here: str, goal: str, starts: Mapping[str, list[str]]) -> tuple[str, ...] | None:
    """The shortest way from `here` to `goal` along starts, `here` left out."""
    ways: list[tuple[str, ...]] = [(here,)]
    seen = {here}
    for way in ways:
        for target in starts[way[-1]]:
            if target == goal:
                return (*way[1:], goal)
            if target not in seen:
                seen.add(target)
                ways.append((*way, target))
    return None
