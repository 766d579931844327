"""What providers report later: sent, delivered, opened, clicked, failed; in whatever order, the end is the same.

Reports are taken in sets. One that comes before the answer of its own request waits in `receipt`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import NamedTuple

from automation.engine.parts import Parts
from automation.kernel.hooks import Receipt
from automation.people import suppression
from automation.store.database import Transaction

from . import arrivals, reactions

KEPT = 7 * 86_400  # seconds for which a report may come before the answer of its own request
TAKEN = "mass message taken "  # rows of `control`: channel and our key; the value is the provider's id
KINDS = ("sent", "delivered", "opened", "clicked", "failed")
REPORTED = "n BIGINT, channel TEXT, provider_id TEXT"
FIND = (
    "SELECT r.n, a.id, a.message_id, CASE WHEN m.channel = a.channel AND coalesce(m.lane, a.lane) = a.lane THEN 1"
    " ELSE 0 END FROM reported r {then} attempt a ON {on} {then} message m ON m.id = a.message_id"
)
BY_PROVIDER = "a.channel = r.channel AND a.provider_id = r.provider_id"
BY_KEY = "a.idem_key = r.provider_id AND a.channel = r.channel"
EARLY = (
    "SELECT r.channel, r.provider_id, r.kind, r.at, r.raw FROM {answers} x {then} receipt r ON r.channel = x.channel"
    " AND r.provider_id = x.provider_id ORDER BY r.at, r.kind"
)


class _Found(NamedTuple):
    """A report and one message it is about. `current`: nothing was tried on another lane since."""

    receipt: Receipt
    attempt: int
    message: int
    current: bool


def record(parts: Parts, tx: Transaction, channel: str, provider_id: str, kind: str, at: int, now: int) -> bool:
    """One report; see `record_many`. Whether the message is known."""
    return bool(record_many(parts, tx, [(channel, Receipt(provider_id, kind, at))], now))


def record_many(parts: Parts, tx: Transaction, reports: Sequence[tuple[str, Receipt]], now: int) -> int:
    """Reports with the names of their channels. Returns how many are about messages we know; the others wait.

    `provider_id` may also be our own key, which some providers return, and may be shared by the messages of one
    request: then the report is about each of them. A provider's clock that is ahead of ours counts as ours. Raises
    ValueError for a kind that there is not.
    """
    for _, receipt in reports:
        if receipt.kind not in KINDS:
            raise ValueError(f"no kind of receipt: {receipt.kind}")
    reports = [(channel, replace(receipt, at=min(receipt.at, now))) for channel, receipt in reports]
    halfway = _halfway(tx)
    ready = [report for report in reports if (report[0], report[1].provider_id) not in halfway]
    found, known = _find(tx, ready)
    early = [report for report in reports if (report[0], report[1].provider_id) in halfway]
    early += [report for number, report in enumerate(ready) if number not in known and report[1].provider_id]
    if early:
        _keep(tx, early)
    _apply(parts, tx, found, now)
    return len(known)


def prune(tx: Transaction, now: int, limit: int = 5000) -> int:
    """Forgets reports about messages that are not ours, such as those of another system that shares the account; how
    many. At most `limit`."""
    return tx.run(
        "DELETE FROM receipt WHERE (channel, provider_id, kind) IN"
        " (SELECT channel, provider_id, kind FROM receipt WHERE at < :before LIMIT :limit)",
        before=now - KEPT, limit=limit,
    )  # fmt: skip


def catch_up(parts: Parts, tx: Transaction, answers: str, now: int) -> int:
    """Applies reports that came before what is now in a temporary table: `accepted`, `settled` or `named`; how many."""
    if tx.row("SELECT 1 FROM receipt LIMIT 1") is None:
        return 0
    waiting = tx.rows(EARLY.format(answers=answers, then=tx.dialect.join_in_order))
    reports = [(row[0], _read(row[1], row[2], row[3], row[4])) for row in dict.fromkeys(map(tuple, waiting))]
    if not reports:
        return 0
    _apply(parts, tx, _find(tx, reports)[0], now)
    tx.many(
        "DELETE FROM receipt WHERE channel = :channel AND provider_id = :id AND kind = :kind",
        [{"channel": channel, "id": one.provider_id, "kind": one.kind} for channel, one in reports],
    )
    return len(reports)


def _find(tx: Transaction, reports: Sequence[tuple[str, Receipt]]) -> tuple[list[_Found], set[int]]:
    """What is about known messages, and the places of those reports in `reports`."""
    tx.temporary("reported", REPORTED)
    tx.many(
        "INSERT INTO reported VALUES (:n, :channel, :id)",
        [
            {"n": number, "channel": channel, "id": one.provider_id}
            for number, (channel, one) in enumerate(reports)
            if one.provider_id
        ],
    )
    then = tx.dialect.join_in_order
    rows = [*tx.rows(FIND.format(then=then, on=BY_PROVIDER)), *tx.rows(FIND.format(then=then, on=BY_KEY))]
    found = [
        _Found(reports[number][1], attempt, message, bool(current))
        for number, attempt, message, current in sorted(set(map(tuple, rows)))
    ]
    return found, {row[0] for row in rows}


def _halfway(tx: Transaction) -> set[tuple[str, str]]:
    """Channel and provider id of mass messages that not all of their people have yet. Touched, not only read: whoever
    ends that waits for this transaction, and finds what it keeps (PostgreSQL)."""
    rows = tx.rows("UPDATE control SET at = at WHERE name LIKE :like RETURNING name, value", like=f"{TAKEN}%")
    return {(str(name).removeprefix(TAKEN).partition(" ")[0], value) for name, value in rows}


def _keep(tx: Transaction, reports: Iterable[tuple[str, Receipt]]) -> None:
    """Several of one kind become one: the earliest, with all that any of them said."""
    for channel, one in reports:
        before = tx.row(
            "SELECT at, raw FROM receipt WHERE channel = :channel AND provider_id = :id AND kind = :kind",
            channel=channel, id=one.provider_id, kind=one.kind,
        )  # fmt: skip
        joined = one if before is None else _joined(_read(one.provider_id, one.kind, *before), one)
        tx.run(
            "INSERT INTO receipt (channel, provider_id, kind, at, raw) VALUES (:channel, :id, :kind, :at, :raw)"
            " ON CONFLICT (channel, provider_id, kind) DO UPDATE SET at = excluded.at, raw = excluded.raw",
            channel=channel, id=one.provider_id, kind=one.kind, at=joined.at, raw=_rest(joined),
        )  # fmt: skip


def _joined(one: Receipt, other: Receipt) -> Receipt:
    first, second = sorted((one, other), key=lambda report: report.at)
    return replace(
        first,
        code=first.code or second.code,
        dead=first.dead or second.dead,
        complaint=first.complaint or second.complaint,
    )


def _rest(receipt: Receipt) -> str | None:
    if not (receipt.code or receipt.dead or receipt.complaint):
        return None
    return json.dumps({"code": receipt.code, "dead": receipt.dead, "complaint": receipt.complaint})


def _read(provider_id: str, kind: str, at: int, raw: str | None) -> Receipt:
    rest = json.loads(raw) if raw else {}
    return Receipt(provider_id, kind, at, **rest)


def _apply(parts: Parts, tx: Transaction, found: Sequence[_Found], now: int) -> None:
    if not found:
        return
    for kind in arrivals.SEEN:
        seen = [(one.message, one.attempt, one.receipt.at) for one in found if one.receipt.kind == kind]
        arrivals.seen(parts, tx, kind, seen, now)
    sent = [(one.message, one.attempt, one.receipt.at) for one in found if one.receipt.kind == "sent"]
    arrivals.sent(parts, tx, sent, now)
    failed = {(one.message, one.attempt): one.receipt.code for one in found
              if one.receipt.kind == "failed" and one.current}  # fmt: skip
    arrivals.bounced(parts, tx, [(message, attempt, code) for (message, attempt), code in failed.items()], now)
    dead = [one.attempt for one in found if one.receipt.dead]
    complaints = [(one.attempt, one.receipt.at) for one in found if one.receipt.complaint]
    reactions.suppress_attempts(tx, dead, suppression.BAD_ADDRESS, now)
    reactions.suppress_attempts(tx, [attempt for attempt, _ in complaints], suppression.COMPLAINT, now)
    reactions.refuse(parts, tx, complaints)
