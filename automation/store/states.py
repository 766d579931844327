"""The numbers that stand in `state` columns, by name."""

from __future__ import annotations

from enum import IntEnum


class RunState(IntEnum):
    """`run.state`."""

    INSIDE = 0
    ENDED = 1


class MessageState(IntEnum):
    """`message.state`. Up to DISPATCHING a message can still be withdrawn; from FAILED on it is over."""

    QUEUED = 0
    CLAIMED = 1
    DISPATCHING = 2
    SENT = 3
    AMBIGUOUS = 4  # nobody knows whether it went out; held for the operator
    FAILED = 5  # no channel could
    SUPPRESSED = 6  # policy said no; `reason` says which rule
    EXPIRED = 7
    CANCELLED = 8  # the run left, or an operator took it back
    AWAITING = 9  # the platform made a task of it that an employee has to confirm; never counted as sent


OPEN_MESSAGES = (
    MessageState.QUEUED, MessageState.CLAIMED, MessageState.DISPATCHING, MessageState.AMBIGUOUS, MessageState.AWAITING,
)  # fmt: skip
"""What is not over: it may still leave, or somebody still has to say what became of it."""


class AttemptState(IntEnum):
    """`attempt.state`: one try on one lane."""

    PREPARED = 0
    DISPATCHING = 1
    ACCEPTED = 2
    DENIED = 3
    UNKNOWN = 4


class EffectState(IntEnum):
    """`effect.state`."""

    WAITING = 0
    DONE = 1
    FAILED = 2
