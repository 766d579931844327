"""The one place where answers become rows: in groups, each in one transaction, only under the token that sent."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from automation.engine.parts import Parts
from automation.kernel.ports import Accepted, Denied, Outcome
from automation.store.database import Transaction
from automation.store.states import AttemptState, MessageState

from . import awaiting, breaker, marks, outcomes, reactions, receipts
from .bookings import Bookings
from .gates import Gates
from .outcomes import Settled
from .prepared import Prepared, Unfit

ACCEPTED = {"id": "BIGINT", "token": "BIGINT", "channel": "TEXT", "lane": "TEXT", "provider_id": "TEXT"}
SETTLED = {
    "id": "BIGINT", "token": "BIGINT", "channel": "TEXT", "lane": "TEXT", "state": "BIGINT", "attempt": "BIGINT",
    "due": "BIGINT", "lease": "BIGINT", "reason": "TEXT", "option_ix": "BIGINT", "counted": "BIGINT", "code": "TEXT",
    "provider_id": "TEXT",
}  # fmt: skip
DOUBTED = f"{MessageState.DISPATCHING}, {MessageState.AMBIGUOUS}"
OURS = f"message.state IN ({DOUBTED})"
ATTEMPT_OF = "attempt.message_id = {t}.id AND attempt.channel = {t}.channel AND attempt.lane = {t}.lane"
OVER = f"{MessageState.FAILED}, {MessageState.AMBIGUOUS}"


class Result(NamedTuple):
    """One message and what its channel said."""

    message: Prepared
    outcome: Outcome


class Recorder:
    """Writes answers for one process."""

    def __init__(self, parts: Parts, gates: Gates, bookings: Bookings) -> None:
        self._parts, self._gates, self._bookings = parts, gates, bookings

    def write(self, tx: Transaction, results: Sequence[Result], now: int) -> Counter[str]:
        """Records the answers; returns how many messages got each new state, by its name in small letters."""
        accepted: list[Result] = []
        settled: list[tuple[Prepared, Settled]] = []
        by_channel: dict[str, list[Outcome]] = {}
        for result in results:
            one, outcome = result
            by_channel.setdefault(one.door.channel, []).append(outcome)
            if isinstance(outcome, Accepted):
                accepted.append(result)
            else:
                known = self._parts.settings.channels[one.door.channel]
                settled.append((one, outcomes.settle(one, outcome, known, now)))
        tasks = self._accept(tx, accepted, now) if accepted else 0
        if settled:
            self._settle(tx, settled, now)
        self._learn(tx, results, by_channel, now)
        counts = Counter(_name(answer.state) for _, answer in settled)
        counts["sent"] += len(accepted) - tasks
        if tasks:
            counts["awaiting"] += tasks
        return counts

    def found(self, tx: Transaction, results: Sequence[Result], now: int) -> set[int]:
        """Messages in doubt that their provider knows after all. Nothing is learned from them about the channel.

        Returns which it is written of: of those that a report or an operator settled meanwhile, nothing is.
        """
        if not results:
            return set()
        _fill(tx, "doubted", {"id": "BIGINT", "token": "BIGINT"}, [(one.id, one.token) for one, _ in results])
        rows = tx.rows(
            "UPDATE message SET lease_until = NULL FROM doubted WHERE message.id = doubted.id"
            f" AND message.token = doubted.token AND message.state = {MessageState.AMBIGUOUS} RETURNING message.id"
        )
        still = {row[0] for row in rows}
        if still:
            self._accept(tx, [one for one in results if one.message.id in still], now)
        return still

    def _learn(
        self, tx: Transaction, results: Sequence[Result], by_channel: Mapping[str, Sequence[Outcome]], now: int
    ) -> None:
        states = breaker.learn(tx, by_channel, self._parts.settings.channels, now)
        denied = [(one, outcome) for one, outcome in results if isinstance(outcome, Denied)]
        self._gates.learned(states, reactions.react(tx, denied, now) if denied else {})
        for channel, answers in by_channel.items():
            self._gates.done(channel, len(answers), now)

    def unfit(self, tx: Transaction, found: Sequence[Unfit], now: int) -> None:
        """Messages that could not be made ready: over, with the reason; the operator is told once a text and batch."""
        _fill(tx, "unfit", {"id": "BIGINT", "token": "BIGINT", "reason": "TEXT"},
              [(one.id, one.token, one.reason) for one in found])  # fmt: skip
        self._bookings.give_back(tx, "unfit", states=str(int(MessageState.CLAIMED)))
        tx.run(
            f"UPDATE message SET state = {MessageState.FAILED}, reason = unfit.reason, done_at = :now,"
            " counted_at = NULL, lease_until = NULL FROM unfit WHERE message.id = unfit.id"
            f" AND message.token = unfit.token AND message.state = {MessageState.CLAIMED}",
            now=now,
        )
        if marks.heard(self._parts, "failed"):
            marks.tell(self._parts, tx, "failed", [(one.id, now) for one in found], now)
        first = {(one.step, one.where): one for one in reversed(found)}
        for one in first.values():
            _tell_operator(tx, one, now)

    def _accept(self, tx: Transaction, accepted: Sequence[Result], now: int) -> int:
        """Returns how many of them are tasks that an employee has to confirm."""
        rows = [
            (m.id, m.token, m.door.channel, m.door.lane, outcome.provider_id)
            for m, outcome in accepted
            if isinstance(outcome, Accepted)
        ]
        _fill(tx, "accepted", ACCEPTED, rows)
        tasks = {m.id: m.token for m, outcome in accepted if isinstance(outcome, Accepted) and outcome.awaiting}
        if tasks:
            awaiting.begin(tx, list(tasks.items()), now)
        if len(tasks) < len(rows):  # those that await are in another state by now
            tx.run(
                f"UPDATE message SET state = {MessageState.SENT}, sent_at = :now, done_at = :now, lease_until = NULL,"
                " reason = NULL FROM accepted WHERE message.id = accepted.id AND message.token = accepted.token"
                f" AND {OURS}",
                now=now,
            )
        tx.run(
            f"UPDATE attempt SET state = {AttemptState.ACCEPTED}, provider_id = NULLIF(accepted.provider_id, ''),"
            f" done_at = :now, code = NULL FROM accepted WHERE {ATTEMPT_OF.format(t='accepted')}",
            now=now,
        )
        if marks.heard(self._parts, "sent"):
            marks.tell(self._parts, tx, "sent", [(m.id, now) for m, _ in accepted if m.id not in tasks], now)
        receipts.catch_up(self._parts, tx, "accepted", now)
        return len(tasks)

    def _settle(self, tx: Transaction, settled: Sequence[tuple[Prepared, Settled]], now: int) -> None:
        _fill(tx, "settled", SETTLED, [_row(one, answer) for one, answer in settled])
        self._bookings.give_back(tx, "settled", " AND t.counted = 0", DOUBTED)
        tx.run(
            "UPDATE message SET state = settled.state, due = settled.due, reason = settled.reason,"
            " via_ix = settled.option_ix, lease_until = settled.lease,"
            " counted_at = CASE WHEN settled.counted = 1 THEN message.counted_at END,"
            f" done_at = CASE WHEN settled.state IN ({OVER}) THEN :now END"
            f" FROM settled WHERE message.id = settled.id AND message.token = settled.token AND {OURS}",
            now=now,
        )
        tx.run(
            "UPDATE attempt SET state = settled.attempt, code = settled.code, done_at = :now,"
            " provider_id = coalesce(NULLIF(settled.provider_id, ''), attempt.provider_id) FROM settled"
            f" WHERE {ATTEMPT_OF.format(t='settled')}",
            now=now,
        )
        if any(answer.provider_id for _, answer in settled):  # a report may have come before we gave up waiting
            receipts.catch_up(self._parts, tx, "settled", now)
        failed = [(one.id, now) for one, answer in settled if answer.state is MessageState.FAILED]
        if failed and marks.heard(self._parts, "failed"):
            marks.tell(self._parts, tx, "failed", failed, now)


def _row(one: Prepared, answer: Settled) -> tuple[object, ...]:
    return (
        one.id, one.token, one.door.channel, one.door.lane, int(answer.state), int(answer.attempt), answer.due,
        answer.lease, answer.reason, answer.option, int(answer.counted), answer.code,
        answer.provider_id,
    )  # fmt: skip


def _name(state: MessageState) -> str:
    return state.name.lower()


def _fill(tx: Transaction, table: str, columns: dict[str, str], rows: Sequence[tuple[object, ...]]) -> None:
    tx.temporary(table, ", ".join(f"{name} {kind}" for name, kind in columns.items()))
    tx.insert(table, list(columns), rows)  # bound row by row: half the time of handing them over as one JSON text


def _tell_operator(tx: Transaction, one: Unfit, now: int) -> None:
    """A line for the operator's digest, with the message's run: one for each text that fails in a batch."""
    payload = json.dumps({"text": f"{one.reason} ({one.where})" if one.where else one.reason}, ensure_ascii=False)
    tx.run(
        "INSERT INTO effect (kind, ref, run_id, step, visit, person_id, at, due, payload) SELECT 'notify', 'operator',"
        " m.run_id, m.step, m.visit, m.person_id, :now, :now, :payload FROM message m WHERE m.id = :id"
        " ON CONFLICT DO NOTHING",
        now=now, payload=payload, id=one.id,
    )  # fmt: skip
