"""The breaker of a channel: after failures in a row it rests, then one message tells whether it is back.

Each probe that fails doubles the rest, up to a cap. A hash adds up to a quarter to it, so that the channels of one
provider, which failed together, do not all knock at the same moment.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from automation.kernel.ports import Accepted, Denied, Outcome, Reason, Unknown
from automation.settings import Breaker, Channel
from automation.store.database import Transaction

COUNTED = {Reason.UNAVAILABLE}
LONGEST = 3600  # seconds a channel rests because it said to slow down
LONGEST_PAUSE = 600  # seconds between probes, unless the settings say a longer pause themselves


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
        stands = after(before, answers, (channel, settings[channel].breaker), now)
        if stands != before:
            tx.run(
                "INSERT INTO channel_state (channel, failures, open_until, last_error)"
                " VALUES (:channel, :failures, :until, :error) ON CONFLICT (channel) DO UPDATE SET"
                " failures = excluded.failures, open_until = excluded.open_until, last_error = excluded.last_error",
                channel=channel, failures=stands.failures, until=stands.until, error=stands.error,
            )  # fmt: skip
        found[channel] = stands
    return found


Rule = tuple[str, Breaker]
"""a channel and when it rests"""


def after(state: State, answers: Sequence[Outcome], rule: Rule, now: int) -> State:
    """How a channel stands after these answers. What came before the last good one is forgotten."""
    bad: list[Denied | Unknown] = []
    for answer in reversed(answers):
        if isinstance(answer, Accepted):
            state = State()
            break
        bad.append(answer)
    for failed in reversed(bad):
        state = _after(state, failed, rule, now)
    return state


def _after(state: State, answer: Denied | Unknown, rule: Rule, now: int) -> State:
    if isinstance(answer, Unknown):
        return _failed(state, f"unknown {answer.code}".rstrip(), rule, now)
    said = f"{answer.reason} {answer.code}".rstrip()
    if answer.reason in COUNTED:
        return _failed(state, said, rule, now)
    if answer.reason is Reason.RATE_LIMITED:
        wait = min(LONGEST, answer.retry_after or 1)
        return State(state.failures, max(state.until or 0, now + wait), said)
    return State()  # it answered, about this recipient, text or lane: the channel works


def _failed(state: State, said: str, rule: Rule, now: int) -> State:
    channel, settings = rule
    tripped = state.failures >= settings.failures
    if tripped and state.until is not None and state.until > now:
        return state  # it was on its way when the channel began to rest: no news
    failures = state.failures + 1
    if failures < settings.failures:
        return State(failures, state.until, said)
    return State(failures, now + pause(channel, settings, failures - settings.failures), said)


def pause(channel: str, settings: Breaker, probes: int) -> int:
    """Seconds a channel rests after so many probes failed: doubled by each, up to a quarter more by a stable hash."""
    cap = max(settings.pause, LONGEST_PAUSE)
    wait = min(cap, settings.pause << min(probes, 20))
    spread = int.from_bytes(hashlib.sha256(f"{channel} {probes}".encode()).digest()[:4])
    return min(cap, wait + (spread % (wait // 4 + 1) if probes else 0))
