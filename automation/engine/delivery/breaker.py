"""The breaker of a channel: after failures in a row it rests, then one message tells whether it is back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from automation.kernel.ports import Accepted, Denied, Outcome, Reason, Unknown
from automation.settings import Channel
from automation.store.database import Transaction

AT_ONCE = {Reason.NOT_ALLOWED, Reason.QUOTA}  # the next message would be refused for the same reason
COUNTED = {Reason.UNAVAILABLE}


def learn(
    tx: Transaction, outcomes: Mapping[str, Sequence[Outcome]], settings: Mapping[str, Channel], now: int
) -> None:
    """Takes the answers of each channel, in order, into its row of channel_state; writes only what changed."""
    for channel, answers in outcomes.items():
        row = tx.row("SELECT failures, open_until, last_error FROM channel_state WHERE channel = :c", c=channel)
        before = (row[0], row[1], row[2]) if row else (0, None, None)
        after = before
        for answer in answers:
            after = _after(after, answer, settings[channel], now)
        if after != before:
            tx.run(
                "INSERT INTO channel_state (channel, failures, open_until, last_error)"
                " VALUES (:channel, :failures, :until, :error) ON CONFLICT (channel) DO UPDATE SET"
                " failures = excluded.failures, open_until = excluded.open_until, last_error = excluded.last_error",
                channel=channel, failures=after[0], until=after[1], error=after[2],
            )  # fmt: skip


State = tuple[int, int | None, str | None]
"""failures in a row, closed until (UTC seconds), the last error"""


def _after(state: State, answer: Outcome, known: Channel, now: int) -> State:
    failures, until, _ = state
    if isinstance(answer, Accepted):
        return (0, None, None)
    if isinstance(answer, Unknown):
        return _failed(failures + 1, until, f"unknown {answer.code}".rstrip(), known, now)
    return _denied(state, answer, known, now)


def _denied(state: State, answer: Denied, known: Channel, now: int) -> State:
    failures, until, _ = state
    said = f"{answer.reason} {answer.code}".rstrip()
    wait = answer.retry_after
    if answer.reason in AT_ONCE:
        return (max(failures + 1, known.breaker.failures), now + max(wait or 0, known.breaker.pause), said)
    if answer.reason in COUNTED:
        return _failed(failures + 1, until, said, known, now)
    if answer.reason is Reason.RATE_LIMITED:
        return (failures, max(until or 0, now + (wait or 1)), said)
    return (0, None, None)  # it answered about this recipient or text: the channel works


def _failed(failures: int, until: int | None, said: str, known: Channel, now: int) -> State:
    return (failures, now + known.breaker.pause if failures >= known.breaker.failures else until, said)
