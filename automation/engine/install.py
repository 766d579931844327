"""Files into the store: new versions of journeys go live, and those inside follow as `on_change` says.

A file that cannot be read changes nothing: the last good version runs on.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable
from dataclasses import replace

from automation.journey import graph, places, project
from automation.kernel import errors
from automation.settings import Settings
from automation.store import audit
from automation.store.database import Store, Transaction
from automation.store.states import OPEN_MESSAGES, RunState

from . import before, bringing, leave, opening, queue, registry
from .entries import checks
from .parts import Parts
from .registry import Loaded

log = logging.getLogger(__name__)
OVERRIDES = "overrides"  # the rules set aside when the files were last taken into use
DAY = 86_400  # seconds; by then everybody of a campaign has long been put in line
OPEN = ", ".join(str(int(state)) for state in OPEN_MESSAGES)
IDLE = (
    "SELECT v.id, v.journey_id FROM version v JOIN journey j ON j.id = v.journey_id WHERE v.retired_at IS NULL"
    " AND (j.live_version IS NULL OR v.id <> j.live_version OR (j.source = 'campaign'"
    " AND (j.status = 'stopped' OR v.at < :day_ago)"
    " AND NOT EXISTS (SELECT 1 FROM entrant e WHERE e.journey_id = j.id) AND NOT EXISTS (SELECT 1 FROM run r"
    f" JOIN message m ON m.run_id = r.id WHERE r.journey_id = j.id AND m.state IN ({OPEN}))))"
)
# What waits asks its version for `unless`, what is on its way for the next channel. What is held for an operator needs
# it only when it is queued again, which brings its version back.
UNSENT = (
    "SELECT 1 FROM message WHERE due IS NOT NULL AND version_id = :version"
    " UNION ALL SELECT 1 FROM message WHERE lease_until IS NOT NULL AND version_id = :version LIMIT 1"
)


def install(parts: Parts, now: int) -> list[str]:
    """Brings the store in line with the project's journeys; returns the names whose live version changed."""
    require_files(parts.store, parts.settings)
    if bringing.is_unfinished(parts.store):  # by the versions as they are: a newer file may mean to pin those inside
        take_up(parts)
        bringing.finish(parts, now)
    changed = [name for name, journey in parts.project.journeys.items() if _install(parts, journey, now)]
    _close_vanished(parts, now)
    _tell_overrides(parts, now)
    take_up(parts)
    _remember_segments(parts, now)
    _remember_started(parts, now)
    _tell_kept(parts)
    bringing.finish(parts, now)
    for one in parts.registry.live:
        if one.journey.status is graph.Status.STOPPED:
            clear_line(parts, one.journey_id)
            send_home(parts, one.journey_id, "stopped", now)
    _retire(parts, now)
    return changed


def require_files(store: Store, settings: Settings) -> None:
    """Refused where the journeys' folder holds nothing though journeys run: that is rather a wrong or missing folder
    than a shop that gives up everything, and what runs needs its catalog and texts."""
    folder = settings.folders.journeys
    if not places.is_empty(folder):
        return
    count = store.value(
        "SELECT count(*) FROM journey WHERE source = 'file' AND status IN ('live', 'paused', 'closing')"
    )
    if count:
        raise errors.Refused(
            f"no file is in {folder}, though journeys of this database run ({count}): nothing is taken into use, and"
            " nothing is closed. Mend `folders` of config.yaml, or bring the files back; to give journeys up, write"
            " `status: closing` in their files"
        )


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
    if journey.status is graph.Status.LIVE and (known is None or known[2] is None):
        _remember_existing(parts, journey, now)
    with parts.store.write() as tx:
        publish(tx, journey, now)
        if known and known[2] is not None and known[1] != graph.Status.LIVE and journey.status is graph.Status.LIVE:
            opening.note_resumed(tx, known[0], now)
    return known is None or known[3] != journey.hash


def _remember_existing(parts: Parts, journey: graph.Journey, now: int) -> None:
    """Before the journey goes live, so that a crash between the two cannot let everybody in."""
    with parts.store.write() as tx:
        tx.run(
            "INSERT INTO journey (name, status) VALUES (:name, :draft) ON CONFLICT DO NOTHING",
            name=journey.name, draft=graph.Status.DRAFT,
        )  # fmt: skip
    number = parts.store.value("SELECT id FROM journey WHERE name = :name", name=journey.name)
    checks.remember_existing(parts, Loaded(number, 0, journey, {}, {}, live=True), now)


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
    stays = journey.on_change is graph.OnChange.PIN
    tx.run(
        "UPDATE journey SET live_version = :version, bring_to = CASE WHEN coalesce(live_version, :version) = :version"
        " THEN bring_to WHEN :stays = 0 THEN :version END,"
        " live_since = CASE WHEN :live = 1 THEN coalesce(live_since, :now) ELSE live_since END, once = :once"
        " WHERE id = :journey",
        version=version_id, stays=int(stays), live=int(live), now=now, journey=journey_id,
        once=int(journey.again is graph.Again.NEVER),
    )  # fmt: skip
    audit.record(tx, now, who, "journey installed", journey=journey.name, version=journey.hash[:12],
                 status=str(journey.status))  # fmt: skip


def _tell_overrides(parts: Parts, now: int) -> None:
    """Rules that policy.yaml sets aside from now on, or no longer, go into the operators' log with the reason."""
    aside = dict(sorted(parts.project.policy.overrides.items()))
    text = json.dumps(aside, ensure_ascii=False)
    if (parts.store.value(before.VALUE, name=OVERRIDES) or "{}") == text:
        return
    with parts.store.write() as tx:
        earlier: dict[str, str] = json.loads(tx.value(before.VALUE, name=OVERRIDES) or "{}")
        for rule in sorted(aside.keys() | earlier.keys()):
            if rule in aside and aside[rule] != earlier.get(rule):
                audit.record(tx, now, "files", "rule set aside", rule=rule, reason=aside[rule])
            elif rule not in aside:
                audit.record(tx, now, "files", "rule kept again", rule=rule)
        _keep(tx, OVERRIDES, text, now)


def _keep(tx: Transaction, name: str, value: str, now: int) -> None:
    tx.run(
        "INSERT INTO control (name, value, at, who) VALUES (:name, :value, :now, 'files') ON CONFLICT (name)"
        " DO UPDATE SET value = excluded.value, at = excluded.at",
        name=name, value=value, now=now,
    )  # fmt: skip


def _remember_segments(parts: Parts, now: int) -> None:
    """Keeps segments.yaml as it is now, unless a version needs it as it was: what is renamed in it holds on for those
    who stand in a version that names it."""
    path = parts.settings.folders.journeys / "segments.yaml"
    if any(problem.path.endswith("segments.yaml") for problem in parts.project.problems):
        return
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    known = before.read(parts.store)
    if known.segments == text or parts.registry.unreadable:
        return
    if _suits(parts, replace(known, segments=text), parts.registry.versions.values()):
        with parts.store.write() as tx:
            _keep(tx, before.SEGMENTS, text, now)


def _remember_started(parts: Parts, now: int) -> None:
    """Keeps what journeys hand to others as it is now; of a journey whose versions need it as it was, also that."""
    known = before.read(parts.store).started
    kept = dict(known)
    for name, given in parts.project.shop.started.items():
        versions = [one for one in parts.registry.versions.values() if one.name == name]
        suits = not parts.registry.unreadable and _suits(parts, project.Before(started={name: given}), versions)
        kept[name] = given if suits else {**given, **known.get(name, {})}
    if kept != known:
        with parts.store.write() as tx:
            _keep(tx, before.STARTED, before.text(kept), now)


def _suits(parts: Parts, fresh: project.Before, versions: Iterable[Loaded]) -> bool:
    """Whether all versions that are kept though no file holds them could be read with this."""
    current = {one.hash for one in parts.project.journeys.values()}
    try:
        for one in versions:
            if one.journey.hash not in current:
                project.load_kept(one.journey.source, one.name, parts.project, fresh)
    except errors.SourceErrors:
        return False
    return True


def _tell_kept(parts: Parts) -> None:
    """Which journeys run on although their file cannot be taken into use."""
    for one in parts.registry.live:
        path = parts.settings.folders.journeys / f"{one.name}.yaml"
        if one.name not in parts.project.journeys and path.exists():
            log.error("journeys/%s.yaml has problems: its last good version runs on; see `run.py check`", one.name)


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
    folder = parts.settings.folders.journeys
    for (name,) in parts.store.rows("SELECT name FROM journey WHERE status = 'live' AND source = 'file'"):
        if name not in parts.project.journeys and not places.lies_somewhere(folder, name):
            log.warning("journeys/%s.yaml is gone: nobody enters any more, those inside finish", name)
            with parts.store.write() as tx:
                tx.run("UPDATE journey SET status = 'closing' WHERE name = :name", name=name)
                audit.record(tx, now, "files", "journey closing", journey=name, why="its file is gone")


def clear_line(parts: Parts, journey_id: int) -> int:
    """Lets go who waits to enter a journey, in line or until an event has rested, in batches; returns how many."""
    count = 0
    for table in ("entrant", "settling"):
        gone = -1
        while gone:
            with parts.write() as tx:
                gone = queue.let_go(tx, table, journey_id, parts.settings.engine.batch)
            count += gone
    return count


def send_home(parts: Parts, journey_id: int, reason: str, now: int) -> int:
    """Ends every open run of a journey, in batches; returns how many."""
    count = after = 0
    while True:
        with parts.write() as tx:
            # In the order of the people: the closed runs passed over are not looked at again.
            rows = tx.rows(
                f"SELECT id, person_id FROM run WHERE journey_id = :journey AND person_id >= :after"
                f" AND state = {RunState.INSIDE} ORDER BY person_id LIMIT :batch",
                journey=journey_id, after=after, batch=parts.settings.engine.batch,
            )  # fmt: skip
            tx.temporary("leaving", leave.LEAVING)
            tx.insert("leaving", ["run_id", "reason"], [(row[0], reason) for row in rows])
            leave.leave(tx, now)
        if not rows:
            return count
        count, after = count + len(rows), rows[-1][1]


def _retire(parts: Parts, now: int) -> None:
    """Versions nobody stands in any more need not be kept in memory, and nothing need be told of them; nor campaigns
    that are over."""
    for version, journey in parts.store.rows(IDLE, day_ago=now - DAY):
        standing = parts.store.value(
            "SELECT 1 FROM run WHERE journey_id = :journey AND state = 0 AND version_id = :version LIMIT 1",
            journey=journey, version=version,
        )  # fmt: skip
        watched = parts.store.value(
            "SELECT 1 FROM run WHERE journey_id = :journey AND version_id = :version AND goal_until > :now LIMIT 1",
            journey=journey, version=version, now=now,
        )  # fmt: skip
        unsent = parts.store.value(UNSENT, version=version)
        if standing is None and watched is None and unsent is None:
            with parts.store.write() as tx:
                tx.run("UPDATE version SET retired_at = :now WHERE id = :version", now=now, version=version)
