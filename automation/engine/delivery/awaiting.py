"""Messages of which the platform made a task that an employee has to confirm: not sent, and not forgotten.

A receipt `sent` ends the waiting. One that says `failed` is the platform's word that nobody can confirm any more: then
the message takes the next way of its `via`, asked of policy like any other, or fails where there is none. Without any
word it fails after a week, and takes no other way: the task may still stand in an employee's list, and to write in
another way would be to write twice. (WeCom, customer messages.)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from automation.engine.parts import Parts
from automation.policy.verdicts import Word
from automation.store.database import Transaction
from automation.store.states import AttemptState, MessageState

from . import marks
from .routes import Routes

PATIENCE: Final = 7 * 86_400  # seconds
SLICE: Final = 500
OVERDUE: Final = (
    "SELECT id, version_id, step, variant, via_ix, channel, lane, reason FROM message WHERE lease_until <= :now"
    f" AND state = {MessageState.AWAITING} ORDER BY lease_until LIMIT {SLICE}"
)
STILL: Final = f"message.lease_until <= :now AND message.state = {MessageState.AWAITING}"


class _Over(NamedTuple):
    """One whose waiting is over. `reason`: the platform's word, None where it gave none."""

    id: int
    version_id: int
    step: int
    variant: str | None
    option: int
    channel: str
    lane: str
    reason: str | None


def begin(tx: Transaction, tasks: Sequence[tuple[int, int]], now: int) -> None:
    """Message id and token of what a channel accepted as a task."""
    tx.many(
        f"UPDATE message SET state = {MessageState.AWAITING}, lease_until = :until, reason = NULL WHERE id = :id"
        f" AND token = :token AND state IN ({MessageState.DISPATCHING}, {MessageState.AMBIGUOUS})",
        [{"id": number, "token": token, "until": now + PATIENCE} for number, token in tasks],
    )


def refused(tx: Transaction, table: str, where: str, now: int) -> None:
    """Notes the platform's word for the messages of a temporary table (id, attempt, code); `where`: SQL about them."""
    said = f"'{Word.NOT_CONFIRMED}' || {table}.code"
    tx.run(
        f"UPDATE message SET reason = {said}, lease_until = :now FROM {table} WHERE message.id = {table}.id"
        f" AND message.state = {MessageState.AWAITING} AND {where}",
        now=now,
    )
    tx.run(
        f"UPDATE attempt SET code = {said} FROM {table} WHERE attempt.id = {table}.attempt AND EXISTS"
        f" (SELECT 1 FROM message m WHERE m.id = {table}.id AND m.state = {MessageState.AWAITING})"
    )


def settle(parts: Parts, routes: Routes, now: int) -> int:
    """Ends the waiting of a slice of those whose time is over; returns how many. Writes nothing where there are
    none."""
    over = [_Over(*row) for row in parts.store.rows(OVERDUE, now=now)]
    if not over:
        return 0
    onward = [one for one in over if one.reason is not None and _may_go_on(routes, one)]
    going = {one.id for one in onward}
    with parts.store.write() as tx:
        _go_on(tx, routes, onward, now)
        _end(parts, tx, [one for one in over if one.id not in going], now)
    return len(over)


def _may_go_on(routes: Routes, one: _Over) -> bool:
    """Whether another channel is open. Where the files cannot be read the message waits for them, as any other does."""
    case = (one.version_id, one.step, one.variant)
    route = routes.of([case])[case]
    rest = route.options[one.option + 1 :]
    return not route.readable or any(not why and door.channel != one.channel for door, why in rest)


def _go_on(tx: Transaction, routes: Routes, onward: Sequence[_Over], now: int) -> None:
    """Back to policy, before the next way: it knows whether the message has expired and what the customer said."""
    if not onward:
        return
    tx.temporary("onward", "id BIGINT, reason TEXT")
    told = [{"id": one.id, "reason": f"{Word.NO_CHANNEL}: {_kind(routes, one)} {one.reason}"} for one in onward]
    tx.many("INSERT INTO onward VALUES (:id, :reason)", told)
    tx.run(
        f"UPDATE attempt SET state = {AttemptState.DENIED} FROM onward WHERE attempt.message_id = onward.id"
        f" AND attempt.state = {AttemptState.ACCEPTED} AND EXISTS (SELECT 1 FROM message WHERE message.id = onward.id"
        f" AND {STILL})",
        now=now,
    )
    tx.run(
        f"UPDATE message SET state = {MessageState.QUEUED}, due = :now, via_ix = message.via_ix + 1,"
        " reason = onward.reason, counted_at = NULL, lease_until = NULL, token = NULL FROM onward"
        f" WHERE message.id = onward.id AND {STILL}",
        now=now,
    )


def _kind(routes: Routes, one: _Over) -> str:
    door = routes.door(one.channel, one.lane)
    return door.kind if door is not None else one.channel


def _end(parts: Parts, tx: Transaction, over: Sequence[_Over], now: int) -> None:
    if not over:
        return
    tx.temporary("ended", "id BIGINT")
    tx.many("INSERT INTO ended VALUES (:id)", [{"id": one.id} for one in over])
    rows = tx.rows(
        f"UPDATE message SET state = {MessageState.FAILED}, reason = coalesce(message.reason, '{Word.NOT_CONFIRMED}'),"
        f" done_at = :now, lease_until = NULL, counted_at = NULL FROM ended WHERE message.id = ended.id AND {STILL}"
        " RETURNING message.id",
        now=now,
    )
    if marks.heard(parts, "failed"):
        marks.tell(parts, tx, "failed", [(row[0], now) for row in rows], now)
