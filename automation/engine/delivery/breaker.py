"""The breaker of a channel: after failures in a row it rests, then one message tells whether it is back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from automation.kernel.ports import Accepted, Denied, Outcome, Reason, Unknown
from automation.settings import Channel
from automation.store.database import Transaction

COUNTED = {Reason.UNAVAILABLE}
LONGEST = 3600  # seconds a channel rests because it said to slow down


class State(NamedTuple):
    """Of a channel: `failures` in a row, closed `until` (UTC seconds), the last error."""

    failures: int = 0
    until: int | None = None
    error: str | None = None


def learn(
    tx: Transaction, outcomes: Mapping[str, Sequence[Outcome]], settings: Mapping[str, Channel], now: int
) -> dict[str, State]:
    """Takes the answers of each channel, in order, into its row of channel_state; writes only what changed. Returns how
    these channels stand now."""
    found: dict[str, State] = {}
    for channel, answers in sorted(outcomes.items()):  # one order in all processes: their locks never cross
        row = tx.row("SELECT failures, open_until, last_error FROM channel_state WHERE channel = :c", c=channel)
        before = State(row[0], row[1], row[2]) if row else State()
        after = before
        for answer in answers:
            after = _after(after, answer, settings[channel], now)
        if after != before:
            tx.run(
                "INSERT INTO channel_state (channel, failures, open_until, last_error)"
                " VALUES (:channel, :failures, :until, :error) ON CONFLICT (channel) DO UPDATE SET"
                " failures = excluded.failures, open_until = excluded.open_until, last_error = excluded.last_error",
                channel=channel, failures=after.failures, until=after.until, error=after.error,
            )  # fmt: skip
        found[channel] = after
    return found


def _after(state: State, answer: Outcome, known: Channel, now: int) -> State:
    if isinstance(answer, Accepted):
        return State()
    if isinstance(answer, Unknown):
        return _failed(state, f"unknown {answer.code}".rstrip(), known, now)
    return _denied(state, answer, known, now)


def _denied(state: State, answer: Denied, known: Channel, now: int) -> State:
    said = f"{answer.reason} {answer.code}".rstrip()
    if answer.reason in COUNTED:
        return _failed(state, said, known, now)
    if answer.reason is Reason.RATE_LIMITED:
        wait = min(LONGEST, answer.retry_after or 1)
        return State(state.failures, max(state.until or 0, now + wait), said)
    return State()  # it answered, about this recipient, text or lane: the channel works


def _failed(state: State, said: str, known: Channel, now: int) -> State:
    failures = state.failures + 1
    return State(failures, now + known.breaker.pause if failures >= known.breaker.failures else state.until, said)
