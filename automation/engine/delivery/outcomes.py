"""What follows from a channel's answer, as values: done, tried again later, on to the next way, or nobody knows."""

from __future__ import annotations

import hashlib
from typing import NamedTuple

from automation.kernel.ports import Accepted, Denied, Outcome, Unknown
from automation.policy.verdicts import Word
from automation.settings import Ambiguous, Channel
from automation.store.states import AttemptState, MessageState

from . import reactions
from .prepared import Prepared

FIRST_WAIT, LONGEST_WAIT = 30, 3600  # seconds
SAFE = 0.8  # of a provider's window in which a key may be used again: clocks and queues are not ours


class Settled(NamedTuple):
    """New states of message and attempt. `due`, `lease`: UTC seconds. `counted`: it still counts for caps."""

    state: MessageState
    attempt: AttemptState
    due: int | None = None
    lease: int | None = None
    reason: str | None = None
    option: int = 0
    counted: bool = False
    code: str = ""
    provider_id: str = ""


def settle(one: Prepared, outcome: Outcome, known: Channel, now: int) -> Settled:
    """`known`: the settings of the channel that answered."""
    if isinstance(outcome, Accepted):
        return Settled(MessageState.SENT, AttemptState.ACCEPTED, counted=True, option=one.option,
                       provider_id=outcome.provider_id)  # fmt: skip
    if isinstance(outcome, Denied):
        return _denied(one, outcome, now)
    return _unknown(one, outcome, known, now)


def _denied(one: Prepared, outcome: Denied, now: int) -> Settled:
    code = outcome.code or str(outcome.reason)
    said = str(outcome.reason) if code == outcome.reason else f"{outcome.reason} {code}"
    if outcome.reason in reactions.OF_THE_LANE:
        # Nothing is wrong with the message: the lane rests now, and policy looks for another way or waits for it.
        reason = f"{Word.RETRY}: {one.door.channel} {said}"
        return Settled(MessageState.QUEUED, AttemptState.DENIED, now, reason=reason, option=one.option, code=code)
    if not outcome.permanent:
        wait = outcome.retry_after if outcome.retry_after is not None else back_off(one.id, one.attempts)
        # What would be tried after its end is looked at when it ends: policy then says so.
        due = min(now + max(1, wait), max(now + 1, one.expires_at))
        reason = f"{Word.RETRY}: {one.door.channel} {said}"
        return Settled(MessageState.QUEUED, AttemptState.DENIED, due, reason=reason, option=one.option, code=code)
    trail = f"{one.trail}, " if one.trail else ""
    reason = f"{Word.NO_CHANNEL}: {trail}{one.door.kind} {said}"
    if one.last:
        return Settled(MessageState.FAILED, AttemptState.DENIED, reason=reason, option=one.option, code=code)
    return Settled(MessageState.QUEUED, AttemptState.DENIED, now, reason=reason, option=one.option + 1, code=code)


def _unknown(one: Prepared, outcome: Unknown, known: Channel, now: int) -> Settled:
    reason = f"{Word.UNKNOWN}: {one.door.channel} {outcome.code}".rstrip()
    again = now + back_off(one.id, one.attempts)
    if may_ask_again(one, again):
        # The row stays as it is: when the lease is over, recovery asks with the same key and the same bytes.
        return Settled(MessageState.DISPATCHING, AttemptState.UNKNOWN, lease=again, reason=reason, option=one.option,
                       counted=True, code=outcome.code, provider_id=outcome.provider_id)  # fmt: skip
    choice = known.on_ambiguous.marketing if one.marketing else known.on_ambiguous.service
    if choice is Ambiguous.RESEND:
        due = min(again, max(now + 1, one.expires_at))
        return Settled(
            MessageState.QUEUED, AttemptState.UNKNOWN, due, reason=reason, option=one.option, code=outcome.code,
            provider_id=outcome.provider_id,
        )  # fmt: skip
    state = MessageState.FAILED if choice is Ambiguous.DROP else MessageState.AMBIGUOUS
    return Settled(state, AttemptState.UNKNOWN, reason=reason, option=one.option, counted=True, code=outcome.code,
                   provider_id=outcome.provider_id)  # fmt: skip


def may_ask_again(one: Prepared, at: int) -> bool:
    """Whether the provider will still know the key at that time, and the message still be worth sending."""
    if not one.lane.dedupe_window:  # also within the second in which it was first sent
        return False
    return at <= one.first_at + one.lane.dedupe_window * SAFE and at < one.expires_at


def back_off(number: int, attempts: int) -> int:
    """Seconds until the next try: doubled each time up to an hour, and up to a quarter more by a hash."""
    wait = min(LONGEST_WAIT, FIRST_WAIT << min(attempts, 10))
    spread = int.from_bytes(hashlib.sha256(f"{number} {attempts}".encode()).digest()[:4])
    return min(LONGEST_WAIT, wait + spread % (wait // 4 + 1))
