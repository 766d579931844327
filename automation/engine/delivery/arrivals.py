"""What follows for messages from reports about them: they arrived, were sent after all, or came back. In sets.

Whatever the order of the reports, the end is the same: what was seen to arrive was sent, and stays so.
"""

from __future__ import annotations

from collections.abc import Sequence

from automation.engine.parts import Parts
from automation.policy.verdicts import Word
from automation.store.database import Transaction
from automation.store.states import AttemptState, MessageState

from . import awaiting, marks

SEEN = ("delivered", "opened", "clicked")  # each shows that the message arrived
LEFT = f"{MessageState.AMBIGUOUS}, {MessageState.DISPATCHING}"  # perhaps
# Of these none is known to have been sent. One that waits for another try, or another way, needs none any more.
UNSURE = f"{LEFT}, {MessageState.AWAITING}, {MessageState.QUEUED}, {MessageState.CLAIMED}"
CAME_BACK = (
    f"message.state = {MessageState.FAILED}"
    f" AND (message.reason LIKE '{Word.BOUNCED}%' OR message.reason LIKE '{Word.NOT_CONFIRMED}%')"
)
GIVEN_UP = f"message.state = {MessageState.FAILED} AND message.reason = '{Word.NOT_CONFIRMED}'"  # by us, not by them
EARLIEST = "CASE WHEN message.{name} < arrived.at THEN message.{name} ELSE arrived.at END"
TO_SENT = (
    f"UPDATE message SET state = {MessageState.SENT}, sent_at = coalesce(message.sent_at, arrived.at),"
    " done_at = coalesce(message.done_at, arrived.at), counted_at = coalesce(message.counted_at, arrived.at),"
    " reason = NULL, lease_until = NULL, due = NULL FROM arrived WHERE message.id = arrived.id AND ({states})"
    " RETURNING message.id, message.sent_at"
)


def seen(parts: Parts, tx: Transaction, kind: str, found: Sequence[tuple[int, int | None, int]], now: int) -> None:
    """`kind`: of SEEN; `found`: message id, attempt id where it is known, UTC seconds. The earliest report counts."""
    if found:
        marks.tell(parts, tx, kind, _note(parts, tx, kind, found, now), now)


def clicked(parts: Parts, tx: Transaction, found: Sequence[tuple[int, int, str]], now: int) -> None:
    """Clicks on links of ours: message id, UTC seconds, what the link is called. Each link of a message is told once,
    so that a journey can wait for a certain one."""
    if found:
        _note(parts, tx, "clicked", [(message, None, at) for message, at, _ in found], now)
        marks.tell_clicks(parts, tx, found, now)


def _note(
    parts: Parts, tx: Transaction, kind: str, found: Sequence[tuple[int, int | None, int]], now: int
) -> list[tuple[int, int]]:
    """Writes it down; returns what nobody knew: message id, UTC seconds."""
    attempts = _fill(tx, found)
    then, name = tx.dialect.join_in_order, f"{kind}_at"
    fresh = tx.rows(f"SELECT a.id, a.at FROM arrived a {then} message m ON m.id = a.id WHERE m.{name} IS NULL")
    tx.run(
        f"UPDATE message SET {name} = {EARLIEST.format(name=name)} FROM arrived WHERE message.id = arrived.id"
        f" AND (message.{name} IS NULL OR message.{name} > arrived.at)"
    )
    healed = _to_sent(parts, tx, f"message.state IN ({UNSURE}) OR ({CAME_BACK})", now)
    _proven(tx, [attempts[number] for number in healed], now)
    return [(row[0], row[1]) for row in fresh]


def sent(parts: Parts, tx: Transaction, found: Sequence[tuple[int, int | None, int]], now: int) -> None:
    """It left after all: confirmed by the employee, or reported by a provider whose answer was lost. What came back
    stays so: being sent is no sign of having arrived."""
    if not found:
        return
    attempts = _fill(tx, found)
    healed = _to_sent(parts, tx, f"message.state IN ({UNSURE}) OR ({GIVEN_UP})", now)
    _proven(tx, [attempts[number] for number in healed], now)
    tx.run(
        f"UPDATE message SET sent_at = {EARLIEST.format(name='sent_at')} FROM arrived WHERE message.id = arrived.id"
        f" AND message.state IN ({MessageState.SENT}, {MessageState.FAILED})"
        " AND (message.sent_at IS NULL OR message.sent_at > arrived.at)"
    )


def bounced(parts: Parts, tx: Transaction, found: Sequence[tuple[int, int, str]], now: int) -> None:
    """Accepted, then not delivered; `found`: message id, attempt id, the provider's code. What arrived stays sent. A
    task that ends so never left: whoever awaited it is told."""
    if not found:
        return
    tx.temporary("returned", "id BIGINT, attempt BIGINT, code TEXT")
    tx.many(
        "INSERT INTO returned VALUES (:id, :attempt, :code)",
        [
            {"id": message, "attempt": attempt, "code": f": {code}" if code else ""}
            for message, attempt, code in sorted(found)
        ],
    )
    unseen = " AND ".join(f"message.{kind}_at IS NULL" for kind in SEEN)
    awaiting.refused(tx, "returned", unseen, now)
    changed = tx.rows(
        f"UPDATE message SET state = {MessageState.FAILED}, reason = '{Word.BOUNCED}' || returned.code, done_at = :now,"
        " lease_until = NULL FROM returned WHERE message.id = returned.id"
        f" AND message.state IN ({MessageState.SENT}, {LEFT}) AND {unseen} RETURNING message.id",
        now=now,
    )
    if not changed:
        return
    tx.run(
        f"UPDATE attempt SET code = '{Word.BOUNCED}' || returned.code FROM returned WHERE attempt.id = returned.attempt"
        f" AND attempt.state IN ({AttemptState.ACCEPTED}, {AttemptState.UNKNOWN})"
    )
    if marks.heard(parts, "failed"):
        marks.tell(parts, tx, "failed", [(row[0], now) for row in changed], now)


def _fill(tx: Transaction, found: Sequence[tuple[int, int | None, int]]) -> dict[int, int | None]:
    """One row a message, the earliest; returns the attempt it is about."""
    earliest: dict[int, tuple[int, int | None]] = {}
    for message, attempt, at in found:
        if message not in earliest or at < earliest[message][0]:
            earliest[message] = (at, attempt)
    tx.temporary("arrived", "id BIGINT, at BIGINT")
    tx.many(
        "INSERT INTO arrived VALUES (:id, :at)",
        [{"id": message, "at": at} for message, (at, _) in sorted(earliest.items())],
    )
    return {message: attempt for message, (_, attempt) in earliest.items()}


def _to_sent(parts: Parts, tx: Transaction, states: str, now: int) -> list[int]:
    """Whatever we believed, it was sent: an unclear answer, a crash, a task, a bounce reported out of order."""
    healed = [(row[0], row[1]) for row in tx.rows(TO_SENT.format(states=states))]
    if healed and marks.heard(parts, "sent"):
        marks.tell(parts, tx, "sent", healed, now)
    return [number for number, _ in healed]


def _proven(tx: Transaction, attempts: Sequence[int | None], now: int) -> None:
    tx.many(
        f"UPDATE attempt SET state = {AttemptState.ACCEPTED}, done_at = coalesce(done_at, :now) WHERE id = :id"
        f" AND state <> {AttemptState.ACCEPTED}",
        [{"id": attempt, "now": now} for attempt in attempts if attempt is not None],
    )
