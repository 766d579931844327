"""Steps to places and crossings: everything between two standing places is fused into one decision with leaves.

A crossing is grown from its node along the list of steps. Its open ends all stand before the same step; a branching
step splits each of them, a standing or ending step closes them. What follows a branch is repeated in each open end,
which is cheap while the crossing is small: before it would have more than MOST_LEAVES leaves, or where a test reads
what the crossing writes (fences.py), it is cut by a fence and goes on as a node of its own.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from automation.conditions.tree import Always, Condition
from automation.festivals.durations import Duration
from automation.festivals.moments import Moment
from automation.journey import fences, graph, model, nodes

MOST_LEAVES = 64
FEW_LEAVES = 4
"""With more, a crossing ends at a fence that another one needed: a long journey is not repeated by each node."""
MOST_BRANCHES = 50  # of one step: below MOST_LEAVES, so that a crossing that begins with it always fits
WHOLE = 2**31 - 1  # shares are ranges of this many numbers
FINISHED = "finished"


def compile_steps(steps: model.Steps) -> Mapping[str, graph.Node]:
    """All nodes by key, the start first. At most two per step."""
    return _Compiler(steps).nodes()


def dealt(act: model.Split) -> Mapping[str, graph.Range]:
    """Which numbers fall on each path, by its name."""
    return dict(zip([path.name for path in act.paths], ranges([path.share for path in act.paths]), strict=True))


def ranges(shares: Sequence[int]) -> list[tuple[int, int]]:
    """[low, high) of WHOLE for each share, without gap or overlap, whatever the shares add up to."""
    total, before, found = sum(shares), 0, []
    for share in shares:
        found.append((before * WHOLE // total, (before + share) * WHOLE // total))
        before += share
    return found


@dataclass(frozen=True, slots=True)
class Place:
    """Before step `index` of a list; behind its end follows `after`."""

    steps: model.Steps
    index: int = 0
    after: Place | None = None

    def then(self, inner: model.Steps) -> Place:
        """The beginning of a list inside the step before this place."""
        return Place(inner, 0, self)


@dataclass(slots=True)
class Spot:
    """A growing point of a decision: what happened on the way to it, and what became of it."""

    effects: list[graph.Effect] = field(default_factory=list)
    written: set[fences.Thing] = field(default_factory=set)
    end: graph.Stand | graph.Leave | None = None
    branches: list[tuple[graph.Test, Spot]] = field(default_factory=list)
    otherwise: Spot | None = None

    def split(self, tests: Sequence[graph.Test]) -> list[Spot]:
        """One new spot for each test and one for the rest, in this order."""
        made = [Spot(list(self.effects), set(self.written)) for _ in range(len(tests) + 1)]
        self.branches = list(zip(tests, made, strict=False))
        self.otherwise = made[-1]
        return made


class _Walk:
    """One crossing while it grows. `open_nodes` collects the standing places it leads to.

    `reads` remembers what each step reads; `fenced` holds the keys of the nodes that there already are.
    """

    def __init__(self, reads: dict[model.Step, frozenset[fences.Thing]], fenced: Container[str]) -> None:
        self.reads, self.fenced = reads, fenced
        self.root = Spot()
        self.leaves = 1
        self.fresh = True  # nothing has happened yet: a fence here would lead to itself
        self.open_nodes: dict[str, tuple[model.Step, Place]] = {}

    def along(self, place: Place | None, spots: list[Spot]) -> None:
        """Grows the spots from a place to the ends of all ways."""
        while place is not None:
            spots = self._list(place, spots)
            place = place.after
        self._close(spots, graph.Leave(FINISHED))

    def given(self, step: model.Step, after: Place) -> None:
        """Grows from behind a coupon with `else`."""
        act = step.act
        assert isinstance(act, model.Give)
        self.fresh = False
        got, without = self._split([self.root], [graph.HasCoupon(act.effect.as_name)])
        spots = got + self._list(after.then(act.otherwise or ()), without)
        self.along(after, spots)

    def _list(self, place: Place, spots: list[Spot]) -> list[Spot]:
        """The open spots at the end of the place's own list."""
        for index in range(place.index, len(place.steps)):
            if not spots:
                return []
            step = place.steps[index]
            if self._needs_fence(step, spots):
                self._stand(spots, nodes.fence_key(step), step, Place(place.steps, index, place.after))
                return []
            self.fresh = False
            spots = self._step(step, Place(place.steps, index + 1, place.after), spots)
        return spots

    def _needs_fence(self, step: model.Step, spots: list[Spot]) -> bool:
        if self.fresh:
            return False
        added = len(spots) * (_ways(step) - 1)
        if added and self.leaves + added > MOST_LEAVES:
            return True
        if self.leaves > FEW_LEAVES and nodes.fence_key(step) in self.fenced:
            return True
        read = self.reads.get(step)
        if read is None:
            read = self.reads[step] = fences.reads(step)
        return bool(read) and any(not read.isdisjoint(spot.written) for spot in spots)

    def _step(self, step: model.Step, after: Place, spots: list[Spot]) -> list[Spot]:
        if step.test is None or isinstance(step.test, Always):
            return self._act(step, after, spots)
        taken, skipped = self._split(spots, [step.test])
        return self._act(step, after, taken) + skipped

    def _act(self, step: model.Step, after: Place, spots: list[Spot]) -> list[Spot]:
        act = step.act
        if isinstance(act, model.Do):
            return _happen(act.effect, spots)
        if isinstance(act, model.Give):
            _happen(act.effect, spots)
            if act.otherwise is None:
                return spots
            return self._stand(spots, nodes.given_key(step), step, after)
        if isinstance(act, model.Wait):
            return self._stand(spots, step.key, step, after, act.due)
        if isinstance(act, model.WaitFor):
            return self._stand(spots, step.key, step, after, act.up_to)
        if isinstance(act, model.Stop):
            return self._close(spots, graph.Leave(act.reason))
        return self._branch(act, after, spots)

    def _branch(self, act: model.Choose | model.Split, after: Place, spots: list[Spot]) -> list[Spot]:
        tests = [test for test, _ in act.branches] if isinstance(act, model.Choose) else _shares(act)
        groups = self._split(spots, tests)
        still_open: list[Spot] = []
        for inner, group in zip(model.lists(act), groups, strict=True):
            still_open += self._list(after.then(inner), group)
        return still_open

    def _split(self, spots: list[Spot], tests: Sequence[graph.Test | Condition]) -> list[list[Spot]]:
        self.leaves += len(spots) * len(tests)
        made = [spot.split(tests) for spot in spots]
        return [[of_one[number] for of_one in made] for number in range(len(tests) + 1)]

    def _stand(
        self, spots: list[Spot], key: str, step: model.Step, place: Place, due: Duration | Moment | None = None
    ) -> list[Spot]:
        self.open_nodes[key] = (step, place)
        return self._close(spots, graph.Stand(key, due))

    def _close(self, spots: list[Spot], end: graph.Stand | graph.Leave) -> list[Spot]:
        for spot in spots:
            spot.end = end
        return []

    def crossing(self) -> graph.Crossing:
        """The finished decision, its leaves numbered in the order of the file."""
        leaves: list[graph.Leaf] = []
        return graph.Crossing(_decision(self.root, leaves), tuple(leaves))


class _Compiler:
    """Grows one crossing after another until every standing place that can be reached has its own."""

    def __init__(self, steps: model.Steps) -> None:
        self.steps = steps
        self.waiting: dict[str, tuple[model.Step, Place]] = {}
        self.made: dict[str, graph.Node] = {}
        self.led_to: set[str] = set()
        self.reads: dict[model.Step, frozenset[fences.Thing]] = {}

    def nodes(self) -> Mapping[str, graph.Node]:
        start = Place(self.steps)
        self.made[graph.START] = graph.Node(graph.START, graph.NodeKind.START, self._cross(start))
        while self.waiting:
            key = next(iter(self.waiting))
            step, place = self.waiting.pop(key)
            self.made[key] = self._node(key, step, place)
        forward = nodes.forwards(self.steps, self.made)
        return {
            node.key: graph.Node(node.key, node.kind, node.go, node.awaited, forward.get(node.key), node.line)
            for node in self.made.values()
        }

    def _node(self, key: str, step: model.Step, place: Place) -> graph.Node:
        kinds, act = graph.NodeKind, step.act
        if key == nodes.given_key(step):
            walk = self._walk()
            walk.given(step, place)
            return graph.Node(key, kinds.FENCE, self._take(walk), line=step.line)
        if key == nodes.fence_key(step):
            return graph.Node(key, kinds.FENCE, self._cross(place), line=step.line)
        if isinstance(act, model.WaitFor):
            answered = self._cross(place.then(act.then))
            awaited = graph.Awaited(act.happening, act.as_name, answered)
            return graph.Node(key, kinds.WAIT_FOR, self._cross(place.then(act.otherwise)), awaited, line=step.line)
        return graph.Node(key, kinds.WAIT, self._cross(place), line=step.line)

    def _cross(self, place: Place) -> graph.Crossing:
        walk = self._walk()
        walk.along(place, [walk.root])
        return self._take(walk)

    def _walk(self) -> _Walk:
        return _Walk(self.reads, self.led_to)

    def _take(self, walk: _Walk) -> graph.Crossing:
        for key, found in walk.open_nodes.items():
            if key not in self.led_to:
                self.led_to.add(key)
                self.waiting[key] = found
        return walk.crossing()


def _ways(step: model.Step) -> int:
    """Into how many ends the step splits one."""
    own = 1
    if isinstance(step.act, model.Choose):
        own = len(step.act.branches) + 1
    elif isinstance(step.act, model.Split):
        own = len(step.act.paths)
    return own + (step.test is not None)


def _shares(act: model.Split) -> list[graph.Test]:
    """A range for each path but the last, which takes the rest."""
    found = ranges([path.share for path in act.paths])
    return [graph.Share(act.point, low, high) for low, high in found[:-1]]


def _happen(effect: graph.Effect, spots: list[Spot]) -> list[Spot]:
    written = fences.writes(effect)
    for spot in spots:
        spot.effects.append(effect)
        spot.written |= written
    return spots


def _decision(spot: Spot, leaves: list[graph.Leaf]) -> graph.Decision:
    if spot.otherwise is None:
        leaf = graph.Leaf(len(leaves), tuple(spot.effects), spot.end or graph.Leave(FINISHED))
        leaves.append(leaf)
        return leaf
    branches = tuple((test, _decision(below, leaves)) for test, below in spot.branches)
    return graph.Choice(branches, _decision(spot.otherwise, leaves))


def effects(crossing: graph.Crossing) -> Iterator[graph.Effect]:
    """Every effect of every leaf."""
    for leaf in crossing.leaves:
        yield from leaf.effects
