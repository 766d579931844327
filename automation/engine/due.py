"""People whose wait is over: the oldest few thousand at a time, each node's in one set."""

from __future__ import annotations

import json
import logging

from automation.audience.parameters import Parameters
from automation.journey import graph
from automation.kernel import clock
from automation.store.database import Transaction

from . import cross, decide, halving, leave, program
from .parts import Parts
from .registry import Loaded

log = logging.getLogger(__name__)

CONTROL_GROUP = "control group"
DIGEST = 900  # seconds in which those who get stuck become one message to the owner of their journey
OVERDUE = "SELECT id, version_id, node, due FROM run WHERE due <= :now ORDER BY due LIMIT :batch"


def advance(parts: Parts, now: int, batch: int) -> int:
    """Moves at most `batch` due runs in one transaction and returns how many were due. A bad one is set aside."""
    parts.zones.refresh(parts.store)
    if parts.store.value("SELECT 1 FROM run WHERE due <= :now LIMIT 1", now=now) is None:
        return 0  # whoever only looks does not stand in the queue of the writers
    size = parts.batches.size(batch)
    try:
        with parts.write() as tx:
            began = clock.monotonic()
            count = _advance(parts, tx, now, OVERDUE, {"now": now, "batch": size})
            parts.batches.learn(clock.monotonic() - began, parts.store.turnstile.wanted())
            return count
    except Exception as error:
        if not halving.is_of_data(error):
            raise
        return _halve(parts, now, [row[0] for row in parts.store.rows(OVERDUE, now=now, batch=size)])


def _advance(parts: Parts, tx: Transaction, now: int, chosen: str, bound: dict[str, object]) -> int:
    tx.temporary("moving", program.MOVING)
    count = tx.run(
        f"INSERT INTO moving (run_id, version_id, node, at) SELECT id, version_id, node, due FROM ({chosen}) d", **bound
    )
    for version_id, node in _places(tx) if count else ():
        _group(parts, tx, parts.registry.versions.get(version_id), version_id, node, now)
    return count


def _places(tx: Transaction) -> list[tuple[int, int]]:
    """Where the runs of `moving` stand. Most batches stand at one node: that is seen without sorting them."""
    version_id, node = tx.rows("SELECT version_id, node FROM moving LIMIT 1")[0]
    elsewhere = "SELECT 1 FROM moving WHERE version_id <> :version OR node <> :node LIMIT 1"
    if tx.value(elsewhere, version=version_id, node=node) is None:
        return [(version_id, node)]
    return [(row[0], row[1]) for row in tx.rows("SELECT DISTINCT version_id, node FROM moving ORDER BY 1, 2")]


def _group(parts: Parts, tx: Transaction, loaded: Loaded | None, version_id: int, node: int, now: int) -> None:
    place = loaded.journey.nodes.get(loaded.keys.get(node, "")) if loaded else None
    if loaded is None or loaded.stands_still:
        _hold(tx, version_id, node)
    elif place is None:
        _set_aside(tx, loaded, version_id, node, now, "its step is not in its version")
    else:
        if place.kind is graph.NodeKind.START:
            _release_control_group(parts, tx, loaded, node, now)
            return
        if place.awaited is not None:
            _answer_late(parts, tx, loaded, place, now)
        cross.cross(parts, tx, loaded, program.Way(place), now)


def _answer_late(parts: Parts, tx: Transaction, loaded: Loaded, node: graph.Node, now: int) -> None:
    """Before a time-out counts, look once more: the event may have come after the queue was read, or in a pause."""
    parameters = Parameters()
    then = parts.store.dialect.join_in_order
    event, mark = program.looking_for(parts, loaded, node, parameters)
    happened = parts.store.dialect.greatest("coalesce(e.at, f.marked_at)", "f.clock")
    bound = parameters.values(now) | {"version": loaded.version_id, "node": loaded.steps[node.key]}
    tx.temporary("answering", program.MOVING)
    tx.run(
        f"INSERT INTO answering WITH f AS MATERIALIZED (SELECT r.id AS run_id, m.version_id, m.node, r.due, r.clock,"
        f" {event} AS event_id, {mark} AS marked_at FROM moving m {then} run r ON r.id = m.run_id {then} person p"
        " ON p.id = r.person_id WHERE m.version_id = :version AND m.node = :node)"
        f" SELECT f.run_id, f.version_id, f.node, {happened}, f.event_id"
        " FROM f LEFT JOIN event e ON e.id = f.event_id"
        " WHERE coalesce(e.at, f.marked_at) <= f.due",
        **bound,
    )
    if tx.run("DELETE FROM moving WHERE run_id IN (SELECT run_id FROM answering)"):
        answer(parts, tx, loaded, node, now)


def answer(parts: Parts, tx: Transaction, loaded: Loaded, node: graph.Node, now: int) -> int:
    """Takes the runs of `answering` that stand at the node out of their wait by the way of `then`."""
    assert node.awaited is not None
    keep_answer(parts, tx, node.awaited.as_name)
    return cross.cross(parts, tx, loaded, program.Way(node, answered=True), now)


def keep_answer(parts: Parts, tx: Transaction, name: str | None) -> None:
    """Freezes the properties of the event each run of `answering` was waiting for under the step's `as`."""
    if name is None:
        return
    then = parts.store.dialect.join_in_order
    tx.temporary("answer", "run_id BIGINT, props TEXT")
    tx.run(f"INSERT INTO answer SELECT a.run_id, e.props FROM answering a {then} event e ON e.id = a.event_id")
    put = parts.store.dialect.json_put("run.data", name, "coalesce(answer.props, '{}')")
    tx.run(f"UPDATE run SET data = {put} FROM answer WHERE run.id = answer.run_id")


def _release_control_group(parts: Parts, tx: Transaction, loaded: Loaded, node: int, now: int) -> None:
    """Lets those go who were only watched: by an exit on a state where one holds now, as it is asked of the others."""
    parameters = Parameters()
    whens = [
        f"WHEN {decide.condition_sql(parts, loaded, condition, parameters)} THEN 'exit {number + 1}'"
        for number, condition in decide.state_exits(loaded)
    ]
    reason = f"CASE {' '.join(whens)} ELSE '{CONTROL_GROUP}' END" if whens else f"'{CONTROL_GROUP}'"
    then = parts.store.dialect.join_in_order
    tx.temporary("leaving", leave.LEAVING)
    tx.run(
        f"INSERT INTO leaving SELECT m.run_id, {reason} FROM moving m {then} run r ON r.id = m.run_id"
        f" {then} person p ON p.id = r.person_id WHERE m.version_id = :version AND m.node = :node",
        **(parameters.values(now) | {"version": loaded.version_id, "node": node}),
    )
    leave.leave(tx, now)


def _hold(tx: Transaction, version_id: int, node: int) -> None:
    """A journey that is paused or cannot be read stands still: its due runs keep their moment aside."""
    tx.temporary("holding", "run_id BIGINT")
    tx.run("INSERT INTO holding SELECT run_id FROM moving WHERE version_id = :v AND node = :n", v=version_id, n=node)
    tx.run("UPDATE run SET held_due = run.due, due = NULL FROM holding WHERE run.id = holding.run_id")


def _set_aside(tx: Transaction, loaded: Loaded | None, version_id: int, node: int, now: int, error: str) -> None:
    tx.run(
        "INSERT INTO stuck (run_id, at, node, error) SELECT run_id, :now, node, :error FROM moving"
        " WHERE version_id = :v AND node = :n"
        " ON CONFLICT (run_id) DO UPDATE SET at = excluded.at, error = excluded.error",
        now=now, error=error, v=version_id, n=node,
    )  # fmt: skip
    if loaded is not None and loaded.journey.owner is not None:
        _tell_owner(tx, loaded, node, now, error)
    _hold(tx, version_id, node)


def _tell_owner(tx: Transaction, loaded: Loaded, node: int, now: int, error: str) -> None:
    """A line of the owner's digest, in the name of one of those who stand there. Whoever was told of before is told of
    by a new one: a line that is repeated has its key, and would be dropped."""
    step = next((key for key, number in loaded.steps.items() if number == node), "")
    text = f"{loaded.name}: somebody is stuck at {step or node} ({error}); once it is put right: run.py journeys retry"
    tx.run(
        "DELETE FROM effect WHERE kind = 'notify' AND due IS NULL AND step = :node"
        " AND run_id IN (SELECT run_id FROM moving WHERE version_id = :version AND node = :node)",
        node=node, version=loaded.version_id,
    )  # fmt: skip
    tx.run(
        "INSERT INTO effect (kind, ref, run_id, step, visit, person_id, at, due, payload) SELECT 'notify', :owner,"
        " r.id, :node, r.visit, r.person_id, :now, :due, :payload FROM moving m JOIN run r ON r.id = m.run_id"
        " WHERE m.version_id = :version AND m.node = :node ORDER BY r.id LIMIT 1"
        " ON CONFLICT (run_id, step, visit, kind) DO NOTHING",
        owner=loaded.journey.owner, node=node, now=now, due=now + DIGEST, version=loaded.version_id,
        payload=json.dumps({"text": text, "journey": loaded.name}, ensure_ascii=False),
    )  # fmt: skip


def _halve(parts: Parts, now: int, runs: list[int]) -> int:
    """One bad value stops a whole batch: it is halved until the bad run stands alone and is set aside."""
    try:
        with parts.write() as tx:
            source = (
                f"SELECT id, version_id, node, due FROM run WHERE id IN ({','.join(map(str, runs))}) AND due <= :now"
            )
            return _advance(parts, tx, now, source, {"now": now})
    except Exception as error:
        if not halving.is_of_data(error):
            raise
        if len(runs) > 1:
            middle = len(runs) // 2
            return _halve(parts, now, runs[:middle]) + _halve(parts, now, runs[middle:])
        with parts.write() as tx:
            tx.temporary("moving", program.MOVING)
            tx.run(
                "INSERT INTO moving (run_id, version_id, node, at) SELECT id, version_id, node, due FROM run"
                " WHERE id = :run",
                run=runs[0],
            )
            version_id, node = tx.rows("SELECT version_id, node FROM moving")[0]
            loaded = parts.registry.versions.get(version_id)
            _set_aside(tx, loaded, version_id, node, now, type(error).__name__)
        log.error("run %d is stuck at node %d: %s", runs[0], node, type(error).__name__)
        return 1
