"""Sending a campaign: published like a version of a journey, and its people put in line before the engine's door."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from automation.audience import slices
from automation.engine import install, queue
from automation.engine.parts import Parts
from automation.kernel import errors
from automation.store import audit
from automation.store.states import MessageState

from . import draft as drafts
from .draft import Draft

SOURCE = "campaign"
SENT = "campaign sent"  # in the audit, which keeps what was asked for
SLICE = 2_000
STOPPED = "operator: the campaign was stopped"
IN_LINE = (
    "SELECT i.id AS person_id, '' AS key, CAST(:at AS BIGINT) AS at, CAST(NULL AS BIGINT) AS event_id,"
    " CAST(NULL AS TEXT) AS data FROM {} i"
)
WITHDRAW = f"""
    UPDATE message SET state = {MessageState.CANCELLED}, reason = '{STOPPED}', due = NULL, done_at = :now
    WHERE id IN (SELECT m.id FROM run r JOIN message m ON m.run_id = r.id
        WHERE r.journey_id = :journey AND m.state = {MessageState.QUEUED} LIMIT :slice)"""


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


def stop(parts: Parts, name: str, who: str, now: int) -> int:
    """Nobody enters any more, what has not left is withdrawn; how many messages that were. Refused for no campaign."""
    with parts.store.write() as tx:
        found = tx.row(
            "SELECT id, status FROM journey WHERE name = :name AND source = :source", name=name, source=SOURCE
        )
        if found is None:
            raise errors.Refused(f"there is no campaign '{name}'; `run.py campaign list` shows them")
        tx.run("UPDATE journey SET status = 'stopped' WHERE id = :id", id=found[0])
        audit.record(tx, now, who, "campaign stopped", campaign=name)
    install.take_up(parts)
    while _forget(parts, found[0]):
        pass
    install.send_home(parts, found[0], "stopped", now)
    count = 0
    while True:
        with parts.store.write() as tx:
            withdrawn = tx.run(WITHDRAW, journey=found[0], now=now, slice=SLICE)
        if not withdrawn:
            return count
        count += withdrawn


def _forget(parts: Parts, journey: int) -> int:
    """A slice of those who still stand in line."""
    with parts.store.write() as tx:
        return tx.run(
            "DELETE FROM entrant WHERE journey_id = :journey AND person_id IN (SELECT person_id FROM entrant"
            " WHERE journey_id = :journey ORDER BY person_id LIMIT :slice)",
            journey=journey, slice=SLICE,
        )  # fmt: skip
