"""Files into the store: new versions of journeys go live, and those inside follow as `on_change` says.

A file that cannot be read changes nothing: the last good version runs on.
"""

from __future__ import annotations

import logging

from automation.festivals import durations
from automation.festivals.durations import Duration
from automation.journey import graph
from automation.journey.nodes import map_node
from automation.store import audit
from automation.store.database import Transaction

from . import leave, registry
from .entries import checks
from .parts import Parts
from .registry import Loaded

log = logging.getLogger(__name__)
SLICE = 2_000


def install(parts: Parts, now: int) -> list[str]:
    """Brings the store in line with the project's journeys; returns the names whose live version changed."""
    changed = [name for name, journey in parts.project.journeys.items() if _install(parts, journey, now)]
    _close_vanished(parts, now)
    take_up(parts)
    for one in parts.registry.live:
        if one.name in changed:
            _bring_along(parts, one, now)
            if one.journey.status is graph.Status.LIVE and _is_first(parts, one):
                checks.remember_existing(parts, one, now)
        if one.journey.status is graph.Status.STOPPED:
            send_home(parts, one.journey_id, "stopped", now)
    _retire(parts, now)
    return changed


def _install(parts: Parts, journey: graph.Journey, now: int) -> bool:
    known = parts.store.row(
        "SELECT j.id, j.status, j.live_since, v.hash FROM journey j LEFT JOIN version v ON v.id = j.live_version"
        " WHERE j.name = :name",
        name=journey.name,
    )
    if known and known[1] == journey.status and known[3] == journey.hash:
        return False
    if known is None and journey.status is graph.Status.DRAFT:
        return False
    with parts.store.write() as tx:
        publish(tx, journey, now)
    return known is None or known[3] != journey.hash


def publish(tx: Transaction, journey: graph.Journey, now: int, source: str = "file", who: str = "files") -> None:
    """Makes this the live version of a journey. `source`: file, or campaign for one that no file speaks of.

    The engine knows it after `take_up`, in this process and in others when they look.
    """
    tx.run(
        "INSERT INTO journey (name, status, source) VALUES (:name, :status, :source)"
        " ON CONFLICT (name) DO UPDATE SET status = excluded.status",
        name=journey.name, status=journey.status, source=source,
    )  # fmt: skip
    journey_id = tx.value("SELECT id FROM journey WHERE name = :name", name=journey.name)
    tx.run(
        "INSERT INTO version (journey_id, hash, source, at) VALUES (:journey, :hash, :source, :now)"
        " ON CONFLICT (journey_id, hash) DO UPDATE SET retired_at = NULL",
        journey=journey_id, hash=journey.hash, source=journey.source, now=now,
    )  # fmt: skip
    tx.many(
        "INSERT INTO step (journey_id, key) VALUES (:journey, :key) ON CONFLICT DO NOTHING",
        [{"journey": journey_id, "key": key} for key in step_keys(journey)],
    )
    version_id = tx.value(
        "SELECT id FROM version WHERE journey_id = :journey AND hash = :hash", journey=journey_id, hash=journey.hash
    )
    live = journey.status is graph.Status.LIVE
    tx.run(
        "UPDATE journey SET live_version = :version,"
        " live_since = CASE WHEN :live = 1 THEN coalesce(live_since, :now) ELSE live_since END WHERE id = :journey",
        version=version_id, live=int(live), now=now, journey=journey_id,
    )  # fmt: skip
    audit.record(tx, now, who, "journey installed", journey=journey.name, version=journey.hash[:12],
                 status=str(journey.status))  # fmt: skip


def take_up(parts: Parts) -> None:
    """Reads the versions and orders of the store again, after somebody changed them."""
    parts.zones.refresh(parts.store)
    parts.replace_journeys(parts.project, registry.load(parts.store, parts.names, parts.project))


def step_keys(journey: graph.Journey) -> list[str]:
    """Every key of a journey that gets a number: standing places and steps that do something."""
    keys = list(journey.nodes)
    keys += [effect.key for crossing in journey.crossings for leaf in crossing.leaves for effect in leaf.effects]
    return list(dict.fromkeys(keys))


def _close_vanished(parts: Parts, now: int) -> None:
    """A file that is gone lets nobody in; those inside finish. A file that is broken changes nothing."""
    broken = {problem.path.rsplit("/", 1)[-1].removesuffix(".yaml") for problem in parts.project.problems}
    for (name,) in parts.store.rows("SELECT name FROM journey WHERE status = 'live' AND source = 'file'"):
        if name not in parts.project.journeys and name not in broken:
            log.warning("journeys/%s.yaml is gone: nobody enters any more, those inside finish", name)
            with parts.store.write() as tx:
                tx.run("UPDATE journey SET status = 'closing' WHERE name = :name", name=name)
                audit.record(tx, now, "files", "journey closing", journey=name, why="its file is gone")


def _is_first(parts: Parts, loaded: Loaded) -> bool:
    count = parts.store.value("SELECT count(*) FROM version WHERE journey_id = :journey", journey=loaded.journey_id)
    return bool(count == 1)


def _bring_along(parts: Parts, new: Loaded, now: int) -> None:
    """Those inside older versions, by the new file's `on_change`. `pin` leaves them where they are."""
    if new.journey.on_change is graph.OnChange.PIN:
        return
    for old in parts.registry.versions.values():
        if old.journey_id == new.journey_id and old.version_id != new.version_id:
            while _bring_slice(parts, old, new, now):
                pass


def _bring_slice(parts: Parts, old: Loaded, new: Loaded, now: int) -> int:
    with parts.store.write() as tx:
        runs = tx.rows(
            "SELECT id, person_id, key, node, clock, due, holdout FROM run WHERE journey_id = :journey AND state = 0"
            " AND version_id = :version ORDER BY id LIMIT :slice",
            journey=old.journey_id, version=old.version_id, slice=SLICE,
        )  # fmt: skip
        if new.journey.on_change is graph.OnChange.RESTART:
            _restart(tx, new, runs, now)
        else:
            _remap(parts, tx, old, new, runs, now)
    return len(runs)


def _restart(tx: Transaction, new: Loaded, runs: list[tuple[object, ...]], now: int) -> None:
    tx.temporary("leaving", leave.LEAVING)
    tx.many("INSERT INTO leaving VALUES (:run, 'restarted')", [{"run": row[0]} for row in runs])
    leave.leave(tx, now)
    tx.many(
        "INSERT INTO entrant (journey_id, person_id, key, episode, at, data) SELECT journey_id, person_id, key,"
        " :episode, :now, data FROM run WHERE id = :run ON CONFLICT DO NOTHING",
        [{"run": row[0], "episode": f"version {new.version_id}", "now": now} for row in runs],
    )


def _remap(parts: Parts, tx: Transaction, old: Loaded, new: Loaded, runs: list[tuple[object, ...]], now: int) -> None:
    moved, gone = [], []
    for run_id, _, _, node, clock, due, holdout in runs:
        key = old.keys[int(str(node))]
        target = graph.START if holdout else map_node(old.journey, new.journey, key)
        if target is None:
            gone.append({"run": run_id})
            continue
        at = (
            _recounted(parts, new, target, int(str(clock))) if new.journey.on_change is graph.OnChange.RECOUNT else None
        )
        moved.append({"run": run_id, "node": new.steps[target], "due": due if at is None or holdout else at})
    tx.temporary("bringing", "run_id BIGINT, node BIGINT, due BIGINT")
    tx.many("INSERT INTO bringing VALUES (:run, :node, :due)", moved)
    tx.run(
        "UPDATE run SET version_id = :version, node = bringing.node, due = bringing.due FROM bringing"
        " WHERE run.id = bringing.run_id",
        version=new.version_id,
    )
    tx.temporary("leaving", leave.LEAVING)
    tx.many("INSERT INTO leaving VALUES (:run, 'the step is gone')", gone)
    leave.leave(tx, now)


def _recounted(parts: Parts, new: Loaded, key: str, clock: int) -> int | None:
    """The due moment of a plain wait, counted again from when it began; None for other places: they keep theirs."""
    for leaf in (leaf for crossing in new.journey.crossings for leaf in crossing.leaves):
        end = leaf.end
        if isinstance(end, graph.Stand) and end.node == key and isinstance(end.due, Duration):
            return durations.add(clock, end.due, parts.zones.shop, parts.calendar)
    return None


def send_home(parts: Parts, journey_id: int, reason: str, now: int) -> int:
    """Ends every open run of a journey, in slices; returns how many."""
    count = 0
    while True:
        with parts.store.write() as tx:
            tx.temporary("leaving", leave.LEAVING)
            found = tx.run(
                "INSERT INTO leaving SELECT id, :reason FROM run WHERE journey_id = :journey AND state = 0"
                " LIMIT :slice",
                reason=reason, journey=journey_id, slice=SLICE,
            )  # fmt: skip
            leave.leave(tx, now)
        if not found:
            return count
        count += found


def _retire(parts: Parts, now: int) -> None:
    """Versions nobody stands in any more need not be kept in memory."""
    for old in [one for one in parts.registry.versions.values() if not one.live]:
        standing = parts.store.value(
            "SELECT 1 FROM run WHERE journey_id = :journey AND state = 0 AND version_id = :version LIMIT 1",
            journey=old.journey_id, version=old.version_id,
        )  # fmt: skip
        watched = parts.store.value(
            "SELECT 1 FROM run WHERE journey_id = :journey AND version_id = :version AND goal_until > :now LIMIT 1",
            journey=old.journey_id, version=old.version_id, now=now,
        )  # fmt: skip
        if standing is None and watched is None:
            with parts.store.write() as tx:
                tx.run("UPDATE version SET retired_at = :now WHERE id = :version", now=now, version=old.version_id)
