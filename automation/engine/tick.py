"""One round of the engine, in an order that loses nothing: events, entries by the clock, waits that are over."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

from . import due, events, halving, orders, queue
from .entries import checks, days, settling
from .parts import Parts
from .registry import Loaded

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Moved:
    """What a tick did."""

    events: int = 0
    entered: int = 0
    advanced: int = 0

    @property
    def anything(self) -> bool:
        return bool(self.events or self.entered or self.advanced)


def tick(parts: Parts, now: int, stop: Callable[[], bool] = lambda: False) -> Moved:
    """Works until nothing is due at `now`, or until asked to stop. Every batch is a transaction of its own."""
    moved = Moved()
    orders.release_held(parts)
    for one in parts.registry.live:
        moved.entered += _enter(parts, one, now)
    while not stop():
        step = round_(parts, now, stop)
        moved.events += step.events
        moved.entered += step.entered
        moved.advanced += step.advanced
        if not step.anything:
            break
    return moved


def round_(parts: Parts, now: int, stop: Callable[[], bool]) -> Moved:
    """The events that are queued, then a batch of each kind, so that no time-out overtakes the answer it waited for."""
    batch = parts.settings.engine.batch
    return Moved(
        events.drain(parts, now, stop),
        settling.enter_rested(parts, now, batch) + queue.admit(parts, now, batch),
        due.advance(parts, now, batch),
    )


def _enter(parts: Parts, loaded: Loaded, now: int) -> int:
    """Entries by the clock. A journey whose entry fails stops only itself."""
    try:
        return checks.run(parts, loaded, now) + days.run(parts, loaded, now)
    except Exception as error:
        if not halving.is_of_data(error):
            raise
        log.error("nobody could enter %s: %s", loaded.name, type(error).__name__)
        return 0
