"""Entry by segment (`check: daily 09:00`) and by schedule: the shop's clock says when, the condition says who."""

from __future__ import annotations

from automation.conditions import tree
from automation.engine import events, queue, timing
from automation.engine.parts import Parts
from automation.engine.registry import Loaded
from automation.festivals import schedules
from automation.journey import graph

from . import slices


def run(parts: Parts, loaded: Loaded, now: int) -> int:
    """Enters who is due at the journey's last check, if that has not been made; returns how many runs began."""
    entry = loaded.journey.entry
    if isinstance(entry, graph.SegmentEntry):
        return _check(parts, loaded, entry.check, entry.condition, now)
    if isinstance(entry, graph.ScheduleEntry):
        return _check(parts, loaded, entry.schedule, entry.condition, now)
    return 0


def remember_existing(parts: Parts, loaded: Loaded, now: int) -> None:
    """`existing: skip`: who is in the segment when the journey goes live stays out for as long as they stay in."""
    entry = loaded.journey.entry
    if not isinstance(entry, graph.SegmentEntry) or entry.existing:
        return
    ids = slices.people(parts, loaded, entry.condition, now)
    batch = parts.settings.engine.batch
    for start in range(0, len(ids), batch):
        rows = [{"journey": loaded.journey_id, "person": person} for person in ids[start : start + batch]]
        with parts.store.write() as tx:
            tx.many(
                "INSERT INTO baseline (journey_id, person_id) VALUES (:journey, :person) ON CONFLICT DO NOTHING", rows
            )


def _check(parts: Parts, loaded: Loaded, text: str, condition: tree.Condition, now: int) -> int:
    done = slices.cursor(parts, loaded, 0)
    moments = schedules.occurrences_between(schedules.parse(text), done, now, parts.zones.shop)
    if not moments:
        return 0
    at = moments[-1]  # one look finds whoever missed earlier ones
    entered = 0
    if at >= now - timing.about_seconds(loaded.journey.catch_up) and events.may_enter(parts, loaded, now):
        entered = _enter(parts, loaded, condition, at, now)
    slices.move_cursor(parts, loaded, 0, at)
    return entered


def _enter(parts: Parts, loaded: Loaded, condition: tree.Condition, at: int, now: int) -> int:
    limit = None if loaded.journey.pace is None else queue.left_today(parts, loaded, now)
    if limit is not None and limit <= 0:
        return 0
    _forget_leavers(parts, loaded, condition, now)
    ids = slices.people(parts, loaded, condition, now, limit)
    return slices.enter(parts, loaded, ids, slices.Occasion(str(at), at), now)


def _forget_leavers(parts: Parts, loaded: Loaded, condition: tree.Condition, now: int) -> None:
    """Who has left the segment since go-live may enter when they come back."""
    before = parts.store.column("SELECT person_id FROM baseline WHERE journey_id = :journey", journey=loaded.journey_id)
    if not before:
        return
    still = set(slices.people(parts, loaded, condition, now, everybody=True))
    gone = [{"journey": loaded.journey_id, "person": person} for person in before if person not in still]
    with parts.store.write() as tx:
        tx.many("DELETE FROM baseline WHERE journey_id = :journey AND person_id = :person", gone)
