"""Takes the people of a temporary table across one crossing: decide, move, let the effects happen."""

from __future__ import annotations

from typing import Any, cast

from automation.audience import references
from automation.audience.parameters import Parameters
from automation.journey import graph
from automation.store import occasions
from automation.store.database import Transaction
from automation.store.states import RunState

from . import leave, program, timing, values
from .parts import Parts
from .registry import Loaded
from .steps import send


def enter(parts: Parts, tx: Transaction, loaded: Loaded, now: int, anew: bool = False) -> int:
    """Lets those of `entering` in who may, and takes them across the start; returns how many runs began. `anew`: some
    of them are inside an older version."""
    start = loaded.journey.nodes[graph.START]
    return cross(parts, tx, loaded, program.Way(start, replaces=anew or loaded.journey.restart_inside), now)


def cross(parts: Parts, tx: Transaction, loaded: Loaded, way: program.Way, now: int) -> int:
    """Moves everybody of `moving`, `answering` or `entering` who stands at the node; returns how many."""
    compiled = _program(parts, loaded, way, now)
    tx.temporary("plan", program.PLAN)
    bound: dict[str, Any] = compiled.parameters.values(now)
    bound |= {"journey": loaded.journey_id, "version": loaded.version_id, "node": loaded.steps[way.node.key]}
    bound |= send.openings(parts, _sends(way.crossing), now)
    if way.entering:
        bound["reserved"] = tx.reserved("run")
    count = tx.run(compiled.decide, **bound)
    if count:
        if way.replaces:
            _replace(parts, tx, bound)
        for settle in compiled.settle:
            tx.run(settle, **bound)
        if compiled.moments:
            tx.temporary("sending", send.SENDING)
        for moments in compiled.moments:
            moments(tx, now, bound)
        for put_off in compiled.put_off:
            tx.run(put_off)
        for timed in compiled.timed:
            _set_due(parts, tx, loaded, timed, bound)
        for step in compiled.effects:
            step(tx, now, bound)
    return count


def _replace(parts: Parts, tx: Transaction, bound: dict[str, Any]) -> None:
    """`restart`: the open runs of those who enter now end."""
    then = parts.store.dialect.join_in_order
    tx.temporary("leaving", leave.LEAVING)
    tx.run(
        f"INSERT INTO leaving SELECT o.id, '{occasions.RESTARTED}' FROM plan {then} entering c"
        f" ON c.id = plan.run_id - :reserved {then} run o"
        f" ON o.person_id = c.person_id AND o.journey_id = :journey AND o.key = c.key AND o.state = {RunState.INSIDE}",
        **bound,
    )
    leave.give_way(tx, bound["now"])


def _program(parts: Parts, loaded: Loaded, way: program.Way, now: int) -> program.Program:
    # The texts depend on which zones there are and whether any changes its clocks soon.
    zones = parts.zones.all()
    key = (loaded.version_id, way.node.key, way.answered, len(zones), parts.zones.steady(now, timing.AHEAD))
    found = parts.programs.get(key)
    if found is None:
        found = parts.programs[key] = program.build(parts, loaded, way, now)
    return cast("program.Program", found)


def _sends(crossing: graph.Crossing) -> list[graph.Send]:
    return [effect for leaf in crossing.leaves for effect in leaf.effects if isinstance(effect, graph.Send)]


def _set_due(parts: Parts, tx: Transaction, loaded: Loaded, timed: program.Timed, bound: dict[str, Any]) -> None:
    """Due moments that are no plain length: one evaluation a case, one update. Who need not wait has a moment already,
    and keeps it unless the limit is over."""
    paths = timing.references(timed.when)
    parameters = Parameters("t")
    picked = "".join(f", {references.text(parts.compiler, path, parameters)}" for path in paths)
    rows = tx.rows(
        f"SELECT plan.run_id, plan.zone, plan.base, plan.due{picked} FROM {values.joined(parts, 'plan')}"
        f" WHERE plan.leaf = {timed.leaf}",
        **(bound | parameters.values(bound["now"])),
    )
    resolve = timing.resolver(parts, timed.when, loaded.journey.shop_clock, limit=timed.limit)
    tx.temporary("timed", "run_id BIGINT, due BIGINT")
    due = []
    for run_id, zone, base, at_once, *given in rows:
        limit = resolve(zone, base, given)
        due.append({"run_id": run_id, "due": limit if at_once is None else min(limit, at_once)})
    tx.many("INSERT INTO timed (run_id, due) VALUES (:run_id, :due)", due)
    tx.run("UPDATE run SET due = timed.due FROM timed WHERE run.id = timed.run_id")
