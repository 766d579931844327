"""Messages of which the platform made a task that an employee has to confirm: not sent, and not forgotten.

A receipt `sent` or `failed` ends the waiting. Without one the message fails after a week: a greeting that an employee
sends later than that is no greeting. (WeCom, customer messages: the task itself stays in the employee's list.)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from automation.engine.parts import Parts
from automation.policy.verdicts import Word
from automation.store.database import Transaction
from automation.store.states import MessageState

from . import marks

PATIENCE: Final = 7 * 86_400  # seconds
SLICE: Final = 500
OVERDUE: Final = (
    f"SELECT id FROM message WHERE lease_until <= :now AND state = {MessageState.AWAITING} ORDER BY lease_until LIMIT"
    f" {SLICE}"
)


def begin(tx: Transaction, tasks: Sequence[tuple[int, int]], now: int) -> None:
    """Message id and token of what a channel accepted as a task."""
    tx.many(
        f"UPDATE message SET state = {MessageState.AWAITING}, lease_until = :until, reason = NULL WHERE id = :id"
        f" AND token = :token AND state IN ({MessageState.DISPATCHING}, {MessageState.AMBIGUOUS})",
        [{"id": number, "token": token, "until": now + PATIENCE} for number, token in tasks],
    )


def give_up(parts: Parts, now: int) -> int:
    """Fails a slice of those that nobody confirmed in time; returns how many. Writes nothing where there are none."""
    if parts.store.row(OVERDUE.replace(str(SLICE), "1"), now=now) is None:
        return 0
    with parts.store.write() as tx:
        rows = tx.rows(
            f"UPDATE message SET state = {MessageState.FAILED}, reason = '{Word.NOT_CONFIRMED}', done_at = :now,"
            f" lease_until = NULL, counted_at = NULL WHERE id IN ({OVERDUE}) RETURNING id",
            now=now,
        )
        if marks.heard(parts, "failed"):
            marks.tell(parts, tx, "failed", [(row[0], now) for row in rows], now)
    return len(rows)
