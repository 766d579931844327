"""A crossing compiled to statements, once per version and node. The texts are plain SQL over temporary tables.

moving    the runs whose wait is over, with the clock they cross at
answering the same for runs whose wait_for was answered; entering: who asks to enter, and becomes a run if admitted
plan      one row a run: the leaf it takes, the clock its next wait counts from, when it is due
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from automation.audience import references
from automation.audience.parameters import Parameters
from automation.conditions import tree
from automation.festivals.moments import Limit
from automation.journey import graph

from . import decide, enrol, timing
from .parts import Parts
from .registry import Loaded
from .steps import statements
from .steps.send import Moments, reopening

PLAN = (
    "run_id BIGINT, person_id BIGINT, seed BIGINT, zone BIGINT, visit BIGINT, at BIGINT, leaf BIGINT, base BIGINT,"
    " due BIGINT"
)
MOVING = "run_id BIGINT, version_id BIGINT, node BIGINT, at BIGINT, event_id BIGINT"
DUE, ANSWERED = ".", "!"  # how a run left a node, in its path: "node.leaf@minute;" when it was due, "node!leaf@minute;"
PARKING = 30 * timing.DAY  # how long a control group is watched where the journey has no goal


class Way:
    """One of the two ways out of a node: on when it is due, or answered. `replaces`: whether who enters may be inside,
    and leaves that run with it."""

    __slots__ = ("answered", "crossing", "entering", "node", "replaces")

    def __init__(self, node: graph.Node, answered: bool = False, replaces: bool = False) -> None:
        self.node, self.answered, self.replaces = node, answered, replaces
        self.entering = node.kind is graph.NodeKind.START
        self.crossing = node.awaited.answered if answered and node.awaited else node.go


@dataclass(frozen=True, slots=True)
class Timed:
    """A leaf whose due moment is worked out per case: which leaf, what, and whether it is a limit."""

    leaf: int
    when: Limit
    limit: bool


@dataclass(frozen=True, slots=True)
class Program:
    """`decide` fills plan from `moving` (or `entering`); `settle` moves the runs, `moments` says when their messages
    may leave, `put_off` and `timed` until when they wait; `effects` happen."""

    parameters: Parameters
    decide: str
    effects: Sequence[statements.Step]
    settle: Sequence[str]
    moments: Sequence[Moments]
    put_off: Sequence[str]
    timed: Sequence[Timed]
    fences: frozenset[int]  # leaves that go on in the same tick


def build(parts: Parts, loaded: Loaded, way: Way, now: int) -> Program:
    """The program of one crossing. It holds no moment of its own: `now` only tells whether days are 86,400 s."""
    return _Builder(parts, loaded, way, now).program()


class _Builder:
    def __init__(self, parts: Parts, loaded: Loaded, way: Way, now: int) -> None:
        self.parts, self.loaded, self.node, self.crossing, self.now = parts, loaded, way.node, way.crossing, now
        self.entering = way.entering
        self.source = "answering" if way.answered else "moving"
        self.mark = ANSWERED if way.answered else DUE
        self.parameters = Parameters()

    def program(self) -> Program:
        leaves = self.crossing.leaves
        return Program(
            self.parameters,
            self._decide(),
            statements.of(self.parts, self.loaded, self.crossing, self.parameters, self.now),
            [self._insert_runs()] if self.entering else [*self._move_on(), *self._end()],
            statements.moments(self.parts, self.loaded, self.crossing, self.parameters, self.now),
            self._put_off(),
            [timed for leaf in leaves if (timed := self._timed(leaf))],
            frozenset(leaf.number for leaf in leaves if self._is_fence(leaf)),
        )

    def _decide(self) -> str:
        met = "".join(f", {sql} AS met_{leaf.number}" for leaf in self.crossing.leaves if (sql := self._met(leaf)))
        leaf = self._leaf()
        about = "p.id AS person_id, p.seed AS seed, coalesce(p.zone_id, 0) AS zone"
        if self._only_leaves(leaf):
            about = "r.person_id AS person_id, 0 AS seed, 0 AS zone"
        once = "" if leaf.isdecimal() else " MATERIALIZED"  # a copy that keeps a condition from being asked thrice
        return (
            f"INSERT INTO plan WITH x AS{once} (SELECT r.id AS run_id, {about}, r.visit AS visit,"
            f" {self._clock()} AS at, {leaf} AS leaf{met} FROM {self._runs(leaf)}),"
            f" y AS (SELECT x.*, {self._base()} AS base FROM x)"
            f" SELECT run_id, person_id, seed, zone, visit, at, leaf, base, {self._due()} FROM y"
        )

    def _only_leaves(self, leaf: str) -> bool:
        """Whether all who cross leave and nothing happens to them: then the row of the person need not be read."""
        ends = all(isinstance(one.end, graph.Leave) and not one.effects for one in self.crossing.leaves)
        return ends and leaf.isdecimal() and not self.entering

    def _runs(self, leaf: str) -> str:
        """FROM and WHERE: who crosses, as the run `r` and, where anything about it is asked, the person `p`."""
        then = self.parts.store.dialect.join_in_order
        if not self.entering:
            person = "" if self._only_leaves(leaf) else f" {then} person p ON p.id = r.person_id"
            return (
                f"{self.source} m {then} run r ON r.id = m.run_id{person}"
                " WHERE m.version_id = :version AND m.node = :node"
            )
        wanted, asked = self.loaded.journey.entry_if, ""
        if not isinstance(wanted, tree.Always):
            test = decide.condition_sql(self.parts, self.loaded, wanted, self.parameters)
            # With the run in it nobody else is asked: PostgreSQL would ask everybody first, and find their bad values.
            asked = f" AND CASE WHEN r.id IS NOT NULL THEN {test} END"
        admitted = enrol.admitted(self.loaded)
        return f"{enrol.begun()} r {then} person p ON p.id = r.person_id WHERE {admitted}{asked}"

    def _clock(self) -> str:
        """When the crossing is planned. It is never before the clock of the run, which quiet hours may put ahead."""
        if self.node.kind in (graph.NodeKind.START, graph.NodeKind.FENCE):  # at a fence a crossing was cut in two
            return "r.clock"
        return self.parts.store.dialect.greatest("m.at", "r.clock")

    def _leaf(self) -> str:
        leaf = decide.leaf_sql(self.parts, self.loaded, self.crossing, self.parameters)
        whens = []
        if self._parks():
            whens.append(f"WHEN {enrol.holdout(self.parts, self.loaded.journey)} = 1 THEN {decide.PARKED}")
        for number, condition in decide.state_exits(self.loaded):
            test = decide.condition_sql(self.parts, self.loaded, condition, self.parameters)
            whens.append(f"WHEN {test} THEN {decide.EXITED - number}")
        return f"CASE {' '.join(whens)} ELSE {leaf} END" if whens else leaf

    def _base(self) -> str:
        """What the next wait counts from: the clock, or when quiet hours let the messages of the leaf go.

        After a long stop it counts from now: waits would bunch otherwise. Messages keep their planned moment, and with
        it their `expires`; so a fence, behind which messages may follow, keeps the clock too.
        """
        fences = [str(leaf.number) for leaf in self.crossing.leaves if self._is_fence(leaf)]
        kept = f" OR leaf IN ({', '.join(fences)})" if fences else ""
        clock = f"CASE WHEN at >= :now - {timing.LATE}{kept} THEN at ELSE :now END"
        cases = _by_leaf({leaf.number: reopening(self.parts, leaf) for leaf in self.crossing.leaves})
        return self.parts.store.dialect.greatest(clock, f"CASE leaf {cases} ELSE 0 END") if cases else clock

    def _due(self) -> str:
        cases = {leaf.number: self._leaf_due(leaf) for leaf in self.crossing.leaves}
        if self._parks():
            goal = self.loaded.journey.goal
            watch = timing.span_seconds(goal.up_to) if goal else PARKING
            cases[decide.PARKED] = f"at + {watch}"
        due = {leaf: cases.get(leaf) or "CAST(NULL AS BIGINT)" for leaf in self._taken()}
        return _case(due, "leaf")

    def _leaf_due(self, leaf: graph.Leaf) -> str | None:
        if isinstance(leaf.end, graph.Leave):
            return None
        if leaf.end.due is None:
            return ":now"
        seconds = timing.plain_seconds(self.parts, leaf.end.due, self.now)
        due = None if seconds is None or _has_timed_send(leaf) else f"base + {seconds}"
        if not self._met(leaf, plan_only=True):
            return due
        at_once = ":now" if due is None else self.parts.store.dialect.least(due, ":now")
        return f"CASE WHEN met_{leaf.number} = 1 THEN {at_once} ELSE {due or 'CAST(NULL AS BIGINT)'} END"

    def _met(self, leaf: graph.Leaf, plan_only: bool = False) -> str | None:
        """Whether what a wait_for waits for has already come: then the person need not wait. Where the limit is over,
        the look at a time-out tells whether it came before."""
        if not isinstance(leaf.end, graph.Stand):
            return None
        awaited = self.loaded.journey.nodes[leaf.end.node].awaited
        if awaited is None:
            return None
        if plan_only:
            return "met"
        test = decide.condition_sql(self.parts, self.loaded, awaited.happening, self.parameters)
        return f"CASE WHEN {test} THEN 1 ELSE 0 END"

    def _timed(self, leaf: graph.Leaf) -> Timed | None:
        if not isinstance(leaf.end, graph.Stand) or leaf.end.due is None:
            return None
        if timing.plain_seconds(self.parts, leaf.end.due, self.now) is not None:
            return None
        limit = self.loaded.journey.nodes[leaf.end.node].kind is graph.NodeKind.WAIT_FOR
        return Timed(leaf.number, leaf.end.due, limit)

    def _put_off(self) -> Sequence[str]:
        """What follows a send with `at` counts from when that message may leave, so that two never come together. Who
        need not wait, because what they wait for has come, has a moment in `plan` and goes on at once."""
        dues: dict[int, str] = {}
        for leaf in self.crossing.leaves:
            if isinstance(leaf.end, graph.Stand) and _has_timed_send(leaf):
                wait = timing.plain_seconds(self.parts, leaf.end.due, self.now)
                dues[leaf.number] = "plan.due" if wait is None else f"coalesce(plan.due, plan.base + {wait})"
        if not dues:
            return ()
        leaves = ", ".join(map(str, dues))
        return (
            "UPDATE plan SET base = put_off.until FROM (SELECT run_id, max(due) AS until FROM sending"
            f" WHERE leaf IN ({leaves}) GROUP BY run_id) AS put_off"
            " WHERE plan.run_id = put_off.run_id AND plan.base < put_off.until",
            f"UPDATE run SET due = {_case(dues)}, clock = plan.base FROM plan"
            f" WHERE run.id = plan.run_id AND plan.leaf IN ({leaves})",
        )

    def _is_fence(self, leaf: graph.Leaf) -> bool:
        return isinstance(leaf.end, graph.Stand) and leaf.end.due is None

    def _stands(self) -> dict[int, str]:
        """The node behind each leaf that has one."""
        ends = {leaf.number: leaf.end for leaf in self.crossing.leaves}
        return {n: str(self.loaded.steps[end.node]) for n, end in ends.items() if isinstance(end, graph.Stand)}

    def _reasons(self) -> dict[int, str]:
        """Why each leaf that leaves the journey does so, as the name of a bound value."""
        reasons = {leaf.number: leaf.end.reason for leaf in self.crossing.leaves if isinstance(leaf.end, graph.Leave)}
        reasons |= {decide.EXITED - number: f"exit {number + 1}" for number, _ in decide.state_exits(self.loaded)}
        return {number: self.parameters.add(reason) for number, reason in reasons.items()}

    def _path(self, leaves: Collection[int]) -> str:
        """What the crossing adds to the trace of a run: one value where they all take the same leaf."""
        begin = f"{self.loaded.steps[self.node.key]}{self.mark}"
        if len(leaves) == 1:
            (leaf,) = leaves
            return self.parameters.add(lambda now: f"{begin}{leaf}@{now // 60};")
        return f"'{begin}' || CAST(plan.leaf AS TEXT) || {self.parameters.add(lambda now: f'@{now // 60};')}"

    def _move_on(self) -> Sequence[str]:
        """Those who stay: whoever moves is inside, and an index on `state` is left alone."""
        stands = self._stands()
        if not stands:
            return ()
        return (
            f"{self.parts.store.dialect.update} run SET node = {_case(stands)}, due = plan.due, clock = plan.base,"
            f" node_at = :now, path = run.path || {self._path(stands)} FROM plan"
            f" WHERE run.id = plan.run_id{self._among(stands)}",
        )

    def _end(self) -> Sequence[str]:
        """Those who leave."""
        reasons = self._reasons()
        if not reasons:
            return ()
        return (
            f"{self.parts.store.dialect.update} run SET due = NULL, clock = plan.base, node_at = :now, state = 1,"
            f" ended_at = :now, reason = {_case(reasons)}, path = run.path || {self._path(reasons)}"
            f" FROM plan WHERE run.id = plan.run_id{self._among(reasons)}",
        )

    def _parks(self) -> bool:
        """Whether some of those who enter here are only watched."""
        return self.entering and decide.has_control_group(self.parts, self.loaded.journey)

    def _taken(self) -> list[int]:
        """The numbers of all the leaves that `_leaf` may give."""
        parked = [decide.PARKED] if self._parks() else []
        exits = [decide.EXITED - number for number, _ in decide.state_exits(self.loaded)]
        return [*(leaf.number for leaf in self.crossing.leaves), *exits, *parked]

    def _among(self, leaves: Mapping[int, str]) -> str:
        return "" if len(leaves) == len(self._taken()) else f" AND plan.leaf IN ({', '.join(map(str, leaves))})"

    def _insert_runs(self) -> str:
        start, stands, reasons = str(self.loaded.steps[graph.START]), self._stands(), self._reasons()
        taken = self._taken()
        node = _case({leaf: stands.get(leaf, start) for leaf in taken})
        state = _case({leaf: "1" if leaf in reasons else "0" for leaf in taken})
        ended = _case({leaf: ":now" if leaf in reasons else "CAST(NULL AS BIGINT)" for leaf in taken})
        reason = _case({leaf: reasons.get(leaf, "CAST(NULL AS TEXT)") for leaf in taken})
        parked = _case({leaf: "1" if leaf == decide.PARKED else "0" for leaf in taken})
        until = goal_until(self.loaded.journey, "c.entered_at")
        dialect = self.parts.store.dialect
        return (
            f"{dialect.insert} INTO run (id, journey_id, version_id, node, person_id, key, episode, visit, due, clock,"
            " node_at, entered_at, state, holdout, depth, parent_run, event_id, ended_at, reason, goal_until, path,"
            f" data) SELECT plan.run_id, :journey, :version, {node}, plan.person_id, c.key, c.episode, 0, plan.due,"
            f" plan.base, :now, c.entered_at, {state}, {parked}, c.depth, c.parent_run, c.event_id, {ended}, {reason},"
            f" {until}, {self._path(taken)}, c.data FROM plan {dialect.join_in_order} entering c"
            " ON c.id = plan.run_id - :reserved"
        )


def _has_timed_send(leaf: graph.Leaf) -> bool:
    """Whether the wait behind the leaf begins with a message that has a moment of its own."""
    return any(isinstance(effect, graph.Send) and effect.at is not None for effect in leaf.effects)


def _case(values: Mapping[int, str], leaf: str = "plan.leaf") -> str:
    """The value of the leaf a run takes, which is one of these."""
    found = set(values.values())
    return found.pop() if len(found) == 1 else f"CASE {leaf} {_by_leaf(values)} END"


def _by_leaf(values: Mapping[int, str | None]) -> str:
    return " ".join(f"WHEN {number} THEN {sql}" for number, sql in values.items() if sql is not None)


def goal_until(journey: graph.Journey, entered_at: str) -> str:
    """SQL of the moment until which the goal counts for a run, NULL where the journey has none."""
    return f"{entered_at} + {timing.span_seconds(journey.goal.up_to)}" if journey.goal else "CAST(NULL AS BIGINT)"


def looking_for(parts: Parts, loaded: Loaded, node: graph.Node, parameters: Parameters) -> tuple[str, str]:
    """SQL of the event a wait_for waits for, that came since the run entered, and of the moment of what became of a
    message: that stands on the message itself, and there may be no event. NULL where there is none."""
    assert node.awaited is not None
    happening, nothing = node.awaited.happening, "CAST(NULL AS BIGINT)"
    if isinstance(happening, tree.Happened):
        return references.first_event(parts.compiler, happening, parameters, loaded.journey.key), nothing
    return nothing, references.mark_moment(parts.compiler, happening, parameters)
