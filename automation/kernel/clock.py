"""The only place that asks the machine for the time. Engine verbs take `now` as an argument instead."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """Where the edges of the system get `now` from: whole UTC seconds."""

    def now(self) -> int: ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> int:
        return int(time.time())


class FixedClock:
    """A clock that stands until it is set: simulation, the demo and tests."""

    def __init__(self, now: int) -> None:
        self._now = now

    def now(self) -> int:
        return self._now

    def set(self, now: int) -> None:
        self._now = now


def monotonic() -> float:
    """Seconds for measuring durations: rates, leases, progress. Never stored, never compared across processes."""
    return time.monotonic()
