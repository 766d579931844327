"""Sending a campaign: published like a version of a journey, and its people put in line before the engine's door."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

from automation.audience import slices
from automation.engine import install, leave, overview, queue
from automation.engine.parts import Parts
from automation.journey import graph
from automation.kernel import errors
from automation.store import audit
from automation.store.database import Transaction
from automation.store.states import MessageState

from . import draft as drafts
from .draft import Draft

SOURCE = "campaign"
SENT = "campaign sent"  # in the audit, which keeps what was asked for
SLICE = 2_000
STOPPED = "operator: the campaign was stopped"
IN_LINE = (
    "SELECT i.id AS person_id, '' AS key, CAST(:at AS BIGINT) AS at, CAST(NULL AS BIGINT) AS event_id,"
    " CAST(NULL AS TEXT) AS data, 0 AS depth FROM {} i"
)
WAITING = ", ".join(str(int(state)) for state in (MessageState.QUEUED, *overview.ON_THE_WAY))
OPEN = f"""
    SELECT 1 WHERE EXISTS (SELECT 1 FROM entrant WHERE journey_id = :journey)
        OR EXISTS (SELECT 1 FROM run r JOIN message m ON m.run_id = r.id
                   WHERE r.journey_id = :journey AND m.state IN ({WAITING}))"""
WITHDRAW = f"""
    UPDATE message SET {leave.WITHDRAWN}, reason = '{STOPPED}'
    WHERE state IN ({leave.UNSENT}) AND id IN (SELECT m.id FROM run r JOIN message m ON m.run_id = r.id
        WHERE r.journey_id = :journey AND m.state IN ({leave.UNSENT}) LIMIT :slice)"""


def send(
    parts: Parts,
    draft: Draft,
    ids: Sequence[int],
    who: str,
    now: int,
    progress: Callable[[int, int], None] = lambda *_: None,
) -> str:
    """Publishes the campaign and puts everybody in line for `draft.at`; its name. The engine lets them in from then.

    A killed command leaves a campaign with part of its people in line; `stop` ends it.
    """
    if not ids:
        raise errors.Refused("nobody would get it: the segment or file is empty")
    taken = [row[0] for row in parts.store.rows("SELECT name FROM journey")]
    name = drafts.name_of(draft, parts.zones.shop, [*taken, *parts.project.journeys])
    journey = drafts.compiled(parts.project, draft, name)
    with parts.store.write() as tx:
        install.publish(tx, journey, now, SOURCE, who)
        audit.record(tx, now, who, SENT, campaign=name, people=len(ids), at=draft.at, text=draft.text,
                     audience=draft.audience)  # fmt: skip
    install.take_up(parts)
    loaded = parts.registry.by_name(name)
    if loaded is None:
        raise errors.Refused(f"{name} could not be read back; nothing was sent")
    done = 0
    for chunk in slices.chunks(ids, SLICE):
        given = parts.store.dialect.each("ids", {"id": "bigint"})
        with parts.store.write() as tx:
            queue.wait_turn(
                tx,
                loaded,
                IN_LINE.format(given),
                {"ids": slices.bound(chunk), "at": max(draft.at, now)},
            )
        done += len(chunk)
        progress(done, len(ids))
    return name


class Stopped(NamedTuple):
    """People who stood in line and do not enter, and messages that do not leave."""

    people: int
    messages: int


def stop(parts: Parts, name: str, who: str, now: int) -> Stopped:
    """Nobody enters any more, and what has not left is withdrawn. Again, it finishes what a killed command left.

    Refused for no campaign, and for one of which nothing is left to stop.
    """
    with parts.store.write() as tx:
        journey, status = _known(tx, name)
        if status != graph.Status.STOPPED:
            if not tx.value(OPEN, journey=journey):
                raise errors.Refused(f"nothing of {name} is left to stop: nobody is in line and no message waits")
            tx.run("UPDATE journey SET status = 'stopped' WHERE id = :id", id=journey)
            audit.record(tx, now, who, "campaign stopped", campaign=name)
    install.take_up(parts)
    people = install.clear_line(parts, journey)
    install.send_home(parts, journey, "stopped", now)
    stopped = Stopped(people, sum(iter(partial(_withdraw, parts, journey, now), 0)))
    if status == graph.Status.STOPPED and not any(stopped):
        raise errors.Refused(f"{name} is stopped already")
    return stopped


def _known(tx: Transaction, name: str) -> tuple[int, str]:
    found = tx.row("SELECT id, status FROM journey WHERE name = :name AND source = :source", name=name, source=SOURCE)
    if found is None:
        raise errors.Refused(f"there is no campaign '{name}'; `run.py campaign list` shows them")
    return int(found[0]), found[1]


def _withdraw(parts: Parts, journey: int, now: int) -> int:
    """A slice of the messages that have not left."""
    with parts.store.write() as tx:
        return tx.run(WITHDRAW, journey=journey, now=now, slice=SLICE)
