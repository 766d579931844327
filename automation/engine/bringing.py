"""An edited journey takes those along who are inside its older versions, as `on_change` of the new file says.

`publish` notes the version in `journey.bring_to` in the transaction that makes it live, and the note goes only when
nobody is left to bring: so a kill in between loses nothing. Whoever was brought stands in the new version, or in line
to begin it anew, and is not found a second time.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from automation.journey import graph
from automation.journey.nodes import map_node
from automation.store import occasions
from automation.store.database import Store, Transaction
from automation.store.states import RunState

from . import leave, opening, program, timing
from .parts import Parts
from .registry import Loaded, awaited_event

IN_LINE = (
    "SELECT 1 FROM entrant q WHERE q.journey_id = r.journey_id AND q.person_id = r.person_id AND q.key = r.key"
    f" AND {occasions.takes_place_of('q.episode', 'r')}"
)
NOTED = "SELECT id, bring_to FROM journey WHERE bring_to IS NOT NULL ORDER BY id"


def is_unfinished(store: Store) -> bool:
    """Whether people are still to be brought along."""
    return bool(store.rows(NOTED))


def finish(parts: Parts, now: int) -> None:
    """Brings along whoever is left to bring. Where the new version cannot be read they wait until files are mended."""
    for journey_id, version_id in parts.store.rows(NOTED):
        new = parts.registry.versions.get(version_id)
        if new is None:
            continue
        _bring_along(parts, new, now)
        with parts.store.write() as tx:
            tx.run(
                "UPDATE journey SET bring_to = NULL WHERE id = :journey AND bring_to = :version",
                journey=journey_id, version=version_id,
            )  # fmt: skip


def _bring_along(parts: Parts, new: Loaded, now: int) -> None:
    """Those inside older versions, by the new file's `on_change`. `pin` leaves them where they are, and so does
    `restart` while nobody could begin anew."""
    way = new.journey.on_change
    closed = new.journey.status is not graph.Status.LIVE or not opening.is_active(parts, new, now)
    if way is graph.OnChange.PIN or (way is graph.OnChange.RESTART and closed):
        return
    for old in parts.registry.versions.values():
        if old.journey_id == new.journey_id and old.version_id != new.version_id:
            after: int | None = 0
            while after is not None:
                after = _bring_slice(parts, (old, new), now, after)


def _bring_slice(parts: Parts, versions: tuple[Loaded, Loaded], now: int, after: int) -> int | None:
    """Brings one batch along, in the order of the people; returns whom to go on from, None at the end."""
    old, new = versions
    restarts = new.journey.on_change is graph.OnChange.RESTART
    left = f" AND NOT EXISTS ({IN_LINE})" if restarts else ""
    with parts.write() as tx:
        rows = tx.rows(
            "SELECT r.id, r.person_id, r.node, r.clock, r.due, r.held_due, r.holdout, coalesce(p.zone_id, 0),"
            f" {_answered(parts, old)} FROM run r {tx.dialect.join_in_order} person p ON p.id = r.person_id"
            " WHERE r.journey_id = :journey"
            f" AND r.person_id >= :after AND r.state = {RunState.INSIDE} AND r.version_id = :version{left}"
            " ORDER BY r.person_id LIMIT :batch",
            journey=old.journey_id, version=old.version_id, after=after, batch=parts.settings.engine.batch,
        )  # fmt: skip
        standing = [_Standing(*row) for row in rows]
        if restarts:
            _line_up(tx, standing, now)
        else:
            _remap(parts, tx, versions, standing, now)
    return standing[-1].person if standing else None


class _Standing(NamedTuple):
    """One open run of an older version."""

    run: int
    person: int
    node: int
    clock: int
    due: int | None
    held_due: int | None
    holdout: int
    zone: int
    answered: bool


def _answered(parts: Parts, old: Loaded) -> str:
    """SQL: whether the wait_for of the run `r` is over by an answer in a pause: it is held since that very moment."""
    ends = [
        f"({old.steps[node.key]}, {name})"
        for node in old.journey.nodes.values()
        if node.awaited is not None
        for name in parts.names.ensure("event", awaited_event(node.awaited.happening).names).values()
    ]
    if not ends:
        return "(1 = 0)"
    return (
        "r.held_due IS NOT NULL AND EXISTS (SELECT 1 FROM event e WHERE e.person_id = r.person_id"
        f" AND e.at = r.held_due AND (r.node, e.name_id) IN (VALUES {', '.join(ends)}))"
    )


def _line_up(tx: Transaction, standing: Sequence[_Standing], now: int) -> None:
    """Asks for those who are to begin anew. Until they are let in they go on in the run they have."""
    tx.temporary("restarting", "run_id BIGINT")
    tx.insert("restarting", ["run_id"], [(one.run,) for one in standing])
    entry = tx.dialect.json_member("r.data", ["entry"])
    only_entry = tx.dialect.json_put("'{}'", "entry", entry)
    occasion = occasions.occasion(tx.dialect, "r.episode")
    tx.run(
        "INSERT INTO entrant (journey_id, person_id, key, episode, at, event_id, data, depth, parent_run)"
        f" SELECT r.journey_id, r.person_id, r.key, {occasion} || {occasions.anew('r')}, :now, r.event_id,"
        f" CASE WHEN {entry} IS NOT NULL THEN {only_entry} END, r.depth, r.parent_run"
        " FROM restarting s JOIN run r ON r.id = s.run_id",
        now=now,
    )


def _remap(
    parts: Parts, tx: Transaction, versions: tuple[Loaded, Loaded], standing: Sequence[_Standing], now: int
) -> None:
    old, new = versions
    moved, gone = [], []
    for one in standing:
        key = old.keys[one.node]
        target = graph.START if one.holdout else map_node(old.journey, new.journey, key)
        if target is None:
            gone.append((one.run, "the step is gone"))
            continue
        again, is_over = None, one.answered and target == key
        if new.journey.on_change is graph.OnChange.RECOUNT and not one.holdout and not is_over:
            again = _recounted(parts, new, target, one)
        held = one.due is None
        due, held_due = (one.due if again is None else again), (one.held_due if again is None else again)
        moved.append((one.run, new.steps[target], None if held else due, held_due if held else None))
    tx.temporary("bringing", "run_id BIGINT, node BIGINT, due BIGINT, held_due BIGINT")
    tx.insert("bringing", ["run_id", "node", "due", "held_due"], moved)
    tx.run(
        "UPDATE run SET version_id = :version, node = bringing.node, due = bringing.due, held_due = bringing.held_due,"
        f" goal_until = {program.goal_until(new.journey, 'run.entered_at')} FROM bringing"
        " WHERE run.id = bringing.run_id",
        version=new.version_id,
    )
    tx.temporary("leaving", leave.LEAVING)
    tx.insert("leaving", ["run_id", "reason"], gone)
    leave.leave(tx, now)


def _recounted(parts: Parts, new: Loaded, key: str, one: _Standing) -> int | None:
    """The due moment of a wait, counted again from when it began; None where data decides: they keep theirs."""
    for leaf in (leaf for crossing in new.journey.crossings for leaf in crossing.leaves):
        end = leaf.end
        if isinstance(end, graph.Stand) and end.node == key and end.due is not None:
            if timing.references(end.due):
                return None
            limit = new.journey.nodes[key].kind is graph.NodeKind.WAIT_FOR
            return timing.resolver(parts, end.due, new.journey.shop_clock, limit=limit)(one.zone, one.clock, ())
    return None
