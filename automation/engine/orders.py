"""An operator's orders to journeys: pause and resume. An order holds against the file until it is taken back."""

from __future__ import annotations

from automation.kernel import errors
from automation.store import audit
from automation.store.states import MessageState, RunState

from . import opening, overview, registry
from .parts import Parts


def pause(parts: Parts, name: str, who: str, now: int) -> None:
    """Everybody in the journey stands still, messages too. Raises Refused for an unknown or already paused one."""
    _order(parts, name, True, who, now)


def resume(parts: Parts, name: str, who: str, now: int) -> int:
    """The journey goes on; what became overdue meanwhile obeys its `expires`. Returns how many runs were waiting."""
    journey_id = _order(parts, name, False, who, now)
    _release_messages(parts, journey_id, now)
    return release(parts, journey_id)


def _release_messages(parts: Parts, journey_id: int, now: int) -> None:
    """Messages that policy put off because the journey was paused are looked at again now."""
    with parts.write() as tx:
        tx.run(
            f"UPDATE message SET due = :now WHERE state = {MessageState.QUEUED} AND due IS NOT NULL"
            " AND reason = 'paused' AND run_id IN (SELECT id FROM run WHERE journey_id = :journey)",
            now=now, journey=journey_id,
        )  # fmt: skip


def release(parts: Parts, journey_id: int) -> int:
    """Gives the runs of a journey that were held their moments back, in batches. Those set aside stay so, and those
    whose version cannot be read."""
    count = 0
    unreadable = ", ".join(map(str, sorted(parts.registry.unreadable))) or "0"
    while True:
        with parts.write() as tx:
            found = tx.run(
                "UPDATE run SET due = held_due, held_due = NULL WHERE id IN (SELECT id FROM run"
                f" WHERE journey_id = :journey AND state = {RunState.INSIDE} AND held_due IS NOT NULL"
                f" AND version_id NOT IN ({unreadable}) AND id NOT IN (SELECT run_id FROM stuck) LIMIT :batch)",
                journey=journey_id, batch=parts.settings.engine.batch,
            )  # fmt: skip
        if not found:
            return count
        count += found


def release_held(parts: Parts) -> None:
    """Releases the runs of every journey that goes on, whoever let it: a file, or an order in another process.

    One step along an index for each journey that holds any.
    """
    going = {one.journey_id for one in parts.registry.live if not one.stands_still}
    found = parts.store.value("SELECT min(journey_id) FROM run WHERE held_due IS NOT NULL")
    while found is not None:
        if found in going:
            release(parts, found)
        found = parts.store.value(
            "SELECT min(journey_id) FROM run WHERE held_due IS NOT NULL AND journey_id > :last", last=found
        )


def retry_stuck(parts: Parts, who: str, now: int) -> int:
    """Lets every run that was set aside try again, in batches; returns how many."""
    count = 0
    while True:
        with parts.write() as tx:
            tx.temporary("retrying", "run_id BIGINT")
            found = tx.run("INSERT INTO retrying SELECT run_id FROM stuck LIMIT :batch",
                           batch=parts.settings.engine.batch)  # fmt: skip
            count += tx.run(
                "UPDATE run SET due = run.held_due, held_due = NULL FROM retrying"
                f" WHERE run.id = retrying.run_id AND run.state = {RunState.INSIDE}"
            )
            tx.run("DELETE FROM stuck WHERE run_id IN (SELECT run_id FROM retrying)")
        if not found:
            break
    if count:
        with parts.store.write() as tx:
            audit.record(tx, now, who, "stuck runs retried", runs=count)
    return count


def _order(parts: Parts, name: str, paused: bool, who: str, now: int) -> int:
    number = overview.number(parts.store, name)
    with parts.store.write() as tx:
        if bool(tx.value("SELECT paused FROM journey WHERE id = :id", id=number)) == paused:
            raise errors.Refused(f"{name} is {'already paused' if paused else 'not paused'}")
        tx.run("UPDATE journey SET paused = :paused WHERE id = :id", paused=int(paused), id=number)
        if not paused:
            opening.note_resumed(tx, number, now)
        audit.record(tx, now, who, "journey paused" if paused else "journey resumed", journey=name)
    parts.replace_journeys(parts.project, registry.load(parts.store, parts.names, parts.project))
    return number
