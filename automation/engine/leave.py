"""Leaving a journey before its end: the run is closed and what it has not sent yet is withdrawn."""

from __future__ import annotations

from automation.store.database import Transaction
from automation.store.states import OPEN_MESSAGES, MessageState, RunState

LEAVING = "run_id BIGINT, reason TEXT"
LEFT = "left"
OPEN = ", ".join(str(int(state)) for state in OPEN_MESSAGES)
UNSENT = f"{MessageState.QUEUED}, {MessageState.CLAIMED}"
WITHDRAWN = (
    f"state = {MessageState.CANCELLED}, due = NULL, done_at = :now, lease_until = NULL, token = NULL, counted_at = NULL"
)


def leave(tx: Transaction, now: int) -> int:
    """Closes the runs in the temporary table `leaving` that are still open; returns how many.

    One that had finished keeps its reason, and ends now where a message of it may still come back to the queue: policy
    then knows that it left.
    """
    count = tx.run(
        f"UPDATE run SET state = {RunState.ENDED}, due = NULL, held_due = NULL, ended_at = :now,"
        " reason = leaving.reason"
        f" FROM leaving WHERE run.id = leaving.run_id AND run.state = {RunState.INSIDE}",
        now=now,
    )
    withdraw(tx, "leaving", now)
    tx.run(
        f"UPDATE run SET ended_at = :now FROM leaving WHERE run.id = leaving.run_id AND run.ended_at < :now"
        f" AND EXISTS (SELECT 1 FROM message m WHERE m.run_id = run.id AND m.state IN ({OPEN}))",
        now=now,
    )
    return count


def give_way(tx: Transaction, now: int) -> int:
    """The same for runs that a new one takes the place of. What is reached from now on is the new one's."""
    tx.run("UPDATE run SET goal_until = NULL FROM leaving WHERE run.id = leaving.run_id")
    return leave(tx, now)


def withdraw(tx: Transaction, table: str, now: int) -> int:
    """Takes back the messages of the runs in a temporary table, queued or claimed; what is on its way stays."""
    return tx.run(
        f"UPDATE message SET {WITHDRAWN}, reason = '{LEFT}' FROM {table} WHERE message.run_id = {table}.run_id"
        f" AND message.state IN ({UNSENT})",
        now=now,
    )
