"""What providers report later: delivered, opened, clicked, failed; in whatever order, the end is the same."""

from __future__ import annotations

from collections.abc import Sequence

from automation.engine.parts import Parts
from automation.policy.verdicts import Word
from automation.store.database import Transaction
from automation.store.states import AttemptState, MessageState

from . import marks

KINDS = ("delivered", "opened", "clicked", "failed")
SEEN = ("delivered", "opened", "clicked")  # each shows that the message arrived
FIND = (
    "SELECT a.message_id FROM attempt a WHERE a.channel = :channel AND a.provider_id = :id"
    " UNION SELECT a.message_id FROM attempt a WHERE a.idem_key = :id AND a.channel = :channel"
)


def record(parts: Parts, tx: Transaction, channel: str, provider_id: str, kind: str, at: int, now: int) -> bool:
    """One report. `provider_id` may also be our own key, which some providers return. Whether the message is known;
    one that is not waits in `receipt` until it is."""
    if kind not in KINDS:
        raise ValueError(f"no kind of receipt: {kind}")
    found = tx.value(FIND, channel=channel, id=provider_id)
    if found is None:
        earlier = tx.dialect.least("receipt.at", "excluded.at")
        tx.run(
            "INSERT INTO receipt (channel, provider_id, kind, at) VALUES (:channel, :id, :kind, :at)"
            f" ON CONFLICT (channel, provider_id, kind) DO UPDATE SET at = {earlier}",
            channel=channel, id=provider_id, kind=kind, at=at,
        )  # fmt: skip
        return False
    _apply(parts, tx, [(found, kind, at)], now)
    return True


def catch_up(parts: Parts, tx: Transaction, now: int) -> int:
    """Applies receipts that came before the answer of their request; returns how many."""
    if tx.row("SELECT 1 FROM receipt LIMIT 1") is None:
        return 0
    waiting = tx.rows(
        "SELECT a.message_id, r.kind, r.at, r.channel, r.provider_id FROM receipt r JOIN attempt a"
        " ON a.channel = r.channel AND a.provider_id = r.provider_id ORDER BY r.at, r.kind LIMIT 1000"
    )
    for message, kind, at, channel, provider_id in waiting:
        _apply(parts, tx, [(message, kind, at)], now)
        tx.run(
            "DELETE FROM receipt WHERE channel = :channel AND provider_id = :id AND kind = :kind",
            channel=channel, id=provider_id, kind=kind,
        )  # fmt: skip
    return len(waiting)


def _apply(parts: Parts, tx: Transaction, reports: Sequence[tuple[int, str, int]], now: int) -> None:
    for message, kind, at in reports:
        if kind == "failed":
            _bounce(parts, tx, message, now)
            continue
        before = tx.value(f"SELECT {kind}_at FROM message WHERE id = :id", id=message)
        if before is None or at < before:
            tx.run(f"UPDATE message SET {kind}_at = :at WHERE id = :id", at=at, id=message)
        _heal(tx, message, at)
        if before is None:
            marks.tell(parts, tx, kind, [(message, at)], now)


def _heal(tx: Transaction, message: int, at: int) -> None:
    """What arrived was sent, whatever we believed: an unclear answer, a crash, a bounce reported out of order."""
    unsure = f"{MessageState.AMBIGUOUS}, {MessageState.DISPATCHING}"
    tx.run(
        f"UPDATE message SET state = {MessageState.SENT}, sent_at = coalesce(sent_at, :at), done_at ="
        f" coalesce(done_at, :at),"
        f" reason = NULL, lease_until = NULL, due = NULL WHERE id = :id AND (state IN ({unsure})"
        f" OR (state = {MessageState.FAILED} AND reason = '{Word.BOUNCED}'))",
        id=message, at=at,
    )  # fmt: skip


def _bounce(parts: Parts, tx: Transaction, message: int, now: int) -> None:
    """Accepted, then not delivered. One that was seen to arrive stays sent: both orders end alike."""
    seen = " AND ".join(f"{kind}_at IS NULL" for kind in SEEN)
    states = f"{MessageState.SENT}, {MessageState.AMBIGUOUS}, {MessageState.DISPATCHING}"
    changed = tx.run(
        f"UPDATE message SET state = {MessageState.FAILED}, reason = '{Word.BOUNCED}', done_at = :now, lease_until ="
        f" NULL"
        f" WHERE id = :id AND state IN ({states}) AND {seen}",
        id=message, now=now,
    )  # fmt: skip
    if changed:
        tx.run(
            "UPDATE attempt SET code = 'bounced' WHERE message_id = :id"
            f" AND state IN ({AttemptState.ACCEPTED}, {AttemptState.UNKNOWN})",
            id=message,
        )
        if marks.heard(parts, "failed"):
            marks.tell(parts, tx, "failed", [(message, now)], now)
