"""The journeys the engine works with: versions, their numbers in the store, and which events each one listens to."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import IntEnum
from functools import cache

from automation.conditions import tree
from automation.journey import graph
from automation.journey.project import Before, Project, load_kept
from automation.kernel import errors
from automation.store.database import Store
from automation.store.names import Names

from . import before

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Loaded:
    """One version of a journey with its numbers. `live`: new people enter this version."""

    journey_id: int
    version_id: int
    journey: graph.Journey
    steps: Mapping[str, int]  # step and node keys -> step.id
    keys: Mapping[int, str]
    live: bool
    paused: bool = False

    @property
    def name(self) -> str:
        return self.journey.name

    @property
    def stands_still(self) -> bool:
        """Paused by an operator or by the file, or taken back to a draft: nobody inside moves."""
        return self.paused or self.journey.status in graph.STILL


CHANGED = "customer.changed"  # the event that tells of a field set by a journey


class Listens(IntEnum):
    """What a version does with an event, in the order in which it is asked."""

    GOAL = 0
    EXIT = 1
    WAKE = 2
    ENTER = 3


@dataclass(frozen=True, slots=True)
class Rule:
    """A version's interest in one kind of event. `node`: of a WAKE. `index`: of an EXIT in the list of the file."""

    loaded: Loaded
    listens: Listens
    event: tree.Happened
    node: str | None = None
    index: int = 0
    of_run: bool = False  # the event must name the run: what became of one of its messages


class Registry:
    """Built anew whenever files or an operator's orders change; never changed in place."""

    def __init__(self, loaded: Mapping[int, Loaded], names: Names, unreadable: Collection[int] = ()) -> None:
        """`unreadable`: versions that no longer compile. Whoever is inside one stands still until files are mended."""
        self.versions, self.unreadable = loaded, frozenset(unreadable)
        self.live = tuple(one for one in loaded.values() if one.live)
        self._by_name: dict[int, list[Rule]] = defaultdict(list)
        _name(loaded, names)
        for one in loaded.values():
            for rule in _rules(one):
                for number in names.ensure("event", rule.event.names).values():
                    self._by_name[number].append(rule)
        for rules in self._by_name.values():
            rules.sort(key=lambda rule: (rule.listens, rule.loaded.version_id))

    def listening(self, name_id: int) -> list[Rule]:
        """The rules for one event name: goals first, entries last."""
        return self._by_name.get(name_id, [])

    def by_name(self, journey: str) -> Loaded | None:
        """The live version of a journey."""
        return next((one for one in self.live if one.name == journey), None)


def _name(loaded: Mapping[int, Loaded], names: Names) -> None:
    """Gives every word that the steps write its number now: later, inside a transaction, it would be too late."""
    effects = [
        effect
        for one in loaded.values()
        for crossing in one.journey.crossings
        for leaf in crossing.leaves
        for effect in leaf.effects
    ]
    names.ensure("purpose", [effect.purpose for effect in effects if isinstance(effect, graph.Send)])
    names.ensure("tag", [effect.tag for effect in effects if isinstance(effect, graph.AddTag | graph.RemoveTag)])
    names.ensure("event", [CHANGED])


def load(store: Store, names: Names, project: Project) -> Registry:
    """Reads every version that people may stand in. In one that no longer compiles they stand still; it is logged."""
    rows = store.rows(
        "SELECT v.id, v.journey_id, v.source, v.hash, j.name, j.live_version, j.paused, j.status FROM version v"
        " JOIN journey j ON j.id = v.journey_id WHERE v.retired_at IS NULL ORDER BY v.id"
    )
    steps: dict[int, dict[str, int]] = defaultdict(dict)
    for journey_id, key, number in store.rows("SELECT journey_id, key, id FROM step"):
        steps[journey_id][key] = number
    found: dict[int, Loaded] = {}
    unreadable: list[int] = []
    known_before = cache(lambda: before.read(store))
    for version_id, journey_id, source, digest, name, live_version, paused, status in rows:
        journey = _journey(project, name, (source, digest), known_before)
        if journey is None:
            unreadable.append(version_id)
            continue
        own = steps[journey_id]
        found[version_id] = Loaded(
            journey_id, version_id, replace(journey, status=graph.Status(status)), own,
            {number: key for key, number in own.items()}, version_id == live_version, bool(paused),
        )  # fmt: skip
    return Registry(found, names, unreadable)


def _journey(
    project: Project, name: str, version: tuple[str, str], known_before: Callable[[], Before]
) -> graph.Journey | None:
    """`version`: its text and hash."""
    source, digest = version
    current = project.journeys.get(name)
    if current is not None and current.hash == digest:
        return current
    try:
        return load_kept(source, name, project, known_before())
    except errors.SourceErrors as wrong:
        log.error(
            "a version of %s can no longer be read; whoever is inside waits, and nobody enters it: %s",
            name, wrong.problems[0],
        )  # fmt: skip
        return None


def _rules(one: Loaded) -> Iterator[Rule]:
    journey = one.journey
    if journey.goal is not None:
        yield Rule(one, Listens.GOAL, journey.goal.event)
    for index, condition in enumerate(journey.exit):
        if isinstance(condition, tree.Happened):
            yield Rule(one, Listens.EXIT, condition, index=index)
    for node in journey.nodes.values():
        if node.awaited is not None:
            happening = node.awaited.happening
            yield Rule(one, Listens.WAKE, awaited_event(happening), node.key, of_run=isinstance(happening, tree.Marked))
    if one.live and isinstance(journey.entry, graph.EventEntry):
        yield Rule(one, Listens.ENTER, journey.entry.event)


def awaited_event(happening: tree.Happened | tree.Marked) -> tree.Happened:
    """What a wait listens to. What becomes of a message arrives as an event that names the run and the step."""
    if isinstance(happening, tree.Happened):
        return happening
    where = tree.Compare("step", tree.Op.IS, happening.step, tree.FieldType.TEXT)
    return tree.Happened((f"message.{happening.kind}",), where=where)
