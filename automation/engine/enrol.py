"""Entering: candidates become runs that already stand behind their first crossing."""

from __future__ import annotations

from automation.audience import splits
from automation.audience.parameters import Parameters
from automation.conditions import tree
from automation.journey import graph
from automation.store.database import Transaction
from automation.store.states import RunState

from . import cross, decide, leave, program, timing
from .parts import Parts
from .registry import Loaded

CANDIDATE = (
    "id {key}, person_id BIGINT, key TEXT, episode TEXT, entered_at BIGINT, clock BIGINT, data TEXT,"
    " event_id BIGINT, holdout BIGINT, depth BIGINT, parent_run BIGINT, goal_until BIGINT, visit BIGINT"
)
ENTERING = (
    "person_id BIGINT, key TEXT, episode TEXT, at BIGINT, clock BIGINT, data TEXT, event_id BIGINT, depth BIGINT,"
    " parent_run BIGINT"
)
RESTARTED = "restarted"  # why a run ended that a new one took the place of
DEEPEST = 8  # journeys that start one another


def enrol(parts: Parts, tx: Transaction, loaded: Loaded, now: int) -> int:
    """Enters the people of the temporary table `entering` who may; returns how many runs began.

    Who was merged away, is inside, has been here by the journey's `again`, or does not meet `enter.if`, stays out.
    """
    tx.temporary("candidate", CANDIDATE.format(key=parts.store.dialect.row_key))
    parameters = Parameters()
    number, reserved = tx.reserve("run", "s")
    sql = _admit(parts, loaded, number, parameters)
    if not tx.run(sql, **parameters.values(now), **reserved):
        return 0
    if loaded.journey.restart_inside:
        _replace(parts, tx, loaded, now)
    return cross.cross(parts, tx, loaded, program.Way(loaded.journey.nodes[graph.START]), now)


def _admit(parts: Parts, loaded: Loaded, number: str, parameters: Parameters) -> str:
    journey = loaded.journey
    goal = f"s.at + {timing.about_seconds(journey.goal.up_to)}" if journey.goal else "CAST(NULL AS BIGINT)"
    then = parts.store.dialect.join_in_order
    admitted = (
        f"SELECT {number} AS id, s.person_id, s.key, s.episode, s.at AS entered_at, s.clock, s.data, s.event_id,"
        f" s.depth, s.parent_run, {holdout(parts, loaded.journey)} AS holdout, {goal} AS goal_until"
        f" FROM entering s {then} person p ON p.id = s.person_id WHERE p.merged_into IS NULL AND s.depth <= {DEEPEST}"
        f" AND NOT EXISTS ({blocking(loaded, person='s.person_id', at='s.at', key='s.key', episode='s.episode')})"
    )
    wanted = ""
    if not isinstance(journey.entry_if, tree.Always):
        test = decide.condition_sql(parts, loaded, journey.entry_if, parameters)
        wanted = f" {then} person p ON p.id = r.person_id WHERE {test}"
    return (
        "INSERT INTO candidate (id, person_id, key, episode, entered_at, clock, data, event_id, holdout, depth,"
        f" parent_run, goal_until, visit) SELECT r.id, r.person_id, r.key, r.episode, r.entered_at, r.clock,"
        f" r.data, r.event_id, r.holdout, r.depth, r.parent_run, r.goal_until, 0 FROM ({admitted}) r{wanted}"
    )


def inside(loaded: Loaded, *, person: str, key: str = "''") -> str:
    """SQL of the run that stands in the journey now: a single entry of the index of open runs."""
    return (
        f"SELECT 1 FROM run o WHERE o.person_id = {person} AND o.journey_id = {loaded.journey_id} AND o.key = {key}"
        f" AND o.state = {RunState.INSIDE:d}"
    )


def blocking(loaded: Loaded, *, person: str, at: str, key: str = "''", episode: str | None = None) -> str:
    """SQL of the runs that keep a person out: the same entry again, one still inside, or one too recent.

    A run that gave way to a new one was no stay of its own: `again` does not count it.
    """
    journey = loaded.journey
    same = f"SELECT 1 FROM run o WHERE o.journey_id = {loaded.journey_id} AND o.person_id = {person} AND o.key = {key}"
    stayed = f"o.state = {RunState.ENDED} AND o.reason <> '{RESTARTED}'"
    tests = [] if journey.restart_inside else [f"o.state = {RunState.INSIDE}"]
    if episode is not None:
        tests.append(f"o.episode = {episode}")
    if journey.again is graph.Again.NEVER:
        tests.append(stayed)
    if journey.again is graph.Again.AFTER and journey.again_after is not None:
        tests.append(f"{stayed} AND o.entered_at > {at} - {timing.about_seconds(journey.again_after)}")
    return f"{same} AND ({' OR '.join(tests) or '1 = 0'})"


def holdout(parts: Parts, journey: graph.Journey) -> str:
    """SQL over the person `p`: 1 for the control group of this journey or of the whole shop's marketing."""
    tests = []
    if journey.holdout:
        tests.append(f"{splits.number_sql(journey.name, 'holdout', 'p.seed')} < {splits.share(journey.holdout)}")
    everywhere = parts.settings.control_group
    if everywhere and journey.kind == "marketing":
        tests.append(f"{splits.number_sql('', 'control_group', 'p.seed')} < {splits.share(everywhere / 100)}")
    return f"CASE WHEN {' OR '.join(tests)} THEN 1 ELSE 0 END" if tests else "0"


def _replace(parts: Parts, tx: Transaction, loaded: Loaded, now: int) -> None:
    """`while_inside: restart`: the open runs of those who enter now end."""
    tx.temporary("leaving", leave.LEAVING)
    tx.run(
        f"INSERT INTO leaving SELECT o.id, '{RESTARTED}' FROM candidate c {parts.store.dialect.join_in_order} run o"
        f" ON o.person_id = c.person_id AND o.journey_id = :journey AND o.key = c.key AND o.state = {RunState.INSIDE}",
        journey=loaded.journey_id,
    )
    leave.leave(tx, now)


def episode_sql(loaded: Loaded, occurrence: str, at: str) -> str:
    """SQL of what tells two entries of one person and key apart."""
    again = loaded.journey.again
    if loaded.journey.restart_inside:
        return occurrence
    if again is graph.Again.NEVER:
        return "''"
    if again is graph.Again.AFTER:
        return f"CAST({at} AS TEXT)"
    return occurrence
