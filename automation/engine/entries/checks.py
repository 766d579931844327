"""Entry by segment (`check: daily 09:00`) and by schedule: the shop's clock says when, the condition says who."""

from __future__ import annotations

from datetime import timedelta

from automation.audience.compiler import Target
from automation.audience.parameters import Parameters
from automation.conditions import tree
from automation.engine import opening, queue, timing
from automation.engine.parts import Parts
from automation.engine.registry import Loaded
from automation.festivals import schedules, walltime
from automation.journey import graph

from . import slices

DAY = timedelta(days=1)


def run(parts: Parts, loaded: Loaded, now: int) -> int:
    """Enters who is due at the journey's last check, if that has not been made; returns how many runs began."""
    entry = loaded.journey.entry
    if not isinstance(entry, graph.SegmentEntry | graph.ScheduleEntry):
        return 0
    at = _last_check(parts, loaded, entry, now)
    if at is None:
        return 0
    entered = 0
    oldest = now - timing.span_seconds(loaded.journey.catch_up)
    if at >= oldest and opening.is_active(parts, loaded, at) and opening.may_enter(parts, loaded, now):
        entered = _enter(parts, loaded, entry, at, now)
    slices.move_cursor(parts, loaded, 0, at)
    return entered


def remember_existing(parts: Parts, loaded: Loaded, now: int) -> None:
    """`existing: skip`: who is in the segment when the journey goes live stays out for as long as they stay in."""
    entry = loaded.journey.entry
    if not isinstance(entry, graph.SegmentEntry) or entry.existing:
        return
    ids = slices.people(parts, loaded, entry.condition, now)
    batch = parts.settings.engine.batch
    for start in range(0, len(ids), batch):
        rows = [(loaded.journey_id, person) for person in ids[start : start + batch]]
        with parts.write() as tx:
            tx.insert("baseline", ["journey_id", "person_id"], rows, "ON CONFLICT DO NOTHING")


def _last_check(parts: Parts, loaded: Loaded, entry: graph.SegmentEntry | graph.ScheduleEntry, now: int) -> int | None:
    """The last check that is due and not made. One look finds whoever earlier ones missed."""
    paced = isinstance(entry, graph.SegmentEntry) and loaded.journey.pace is not None
    text = entry.check if isinstance(entry, graph.SegmentEntry) else entry.schedule
    done, zone = slices.cursor(parts, loaded, 0), parts.zones.shop
    moments = schedules.occurrences_between(schedules.parse(text), done, now, zone)
    if moments:
        return moments[-1]
    last = slices.last_look(parts, loaded, 0)
    if not paced or last is None:
        return None
    # Those whom the pace kept out go on the next days, at the same time of day, however rare the check is.
    before = walltime.local(last, zone)
    days = (walltime.local(now, zone).date() - before.date()).days
    for back in (0, 1):
        again = walltime.instant(before.date() + (days - back) * DAY, before.time(), zone)
        if last < again <= now:
            return again
    return None


def _enter(parts: Parts, loaded: Loaded, entry: graph.SegmentEntry | graph.ScheduleEntry, at: int, now: int) -> int:
    occasion = slices.Occasion(str(at), at)
    if isinstance(entry, graph.ScheduleEntry):
        ids = slices.people(parts, loaded, entry.condition, now)
        return slices.let_in(parts, loaded, ids, occasion, now)
    limit = None if loaded.journey.pace is None else queue.left_today(parts, loaded, now)
    if limit is not None and limit <= 0:
        return 0
    _forget_leavers(parts, loaded, entry.condition, now)
    return slices.enter(parts, loaded, slices.people(parts, loaded, entry.condition, now, limit), occasion, now)


def _forget_leavers(parts: Parts, loaded: Loaded, condition: tree.Condition, now: int) -> None:
    """Who has left the segment since go-live may enter when they come back."""
    if not slices.has_baseline(parts, loaded):
        return
    parameters = Parameters()
    outside = parts.compiler.predicate(tree.Not(condition), Target.BASE, parameters, person="p", run="r")
    gone = parts.store.column(
        f"SELECT p.id FROM baseline b JOIN person p ON p.id = b.person_id WHERE b.journey_id = :journey AND {outside}",
        journey=loaded.journey_id,
        **parameters.values(now),
    )
    batch = parts.settings.engine.batch
    for start in range(0, len(gone), batch):
        rows = [{"journey": loaded.journey_id, "person": person} for person in gone[start : start + batch]]
        with parts.write() as tx:
            tx.many("DELETE FROM baseline WHERE journey_id = :journey AND person_id = :person", rows)
