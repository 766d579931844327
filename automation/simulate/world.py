"""What a simulation works on: the engine of a shop with a database, a clock and pretend providers of its own."""

from __future__ import annotations

from dataclasses import dataclass

from automation.audience import lifecycle, rfm
from automation.engine.delivery.facade import Delivery
from automation.engine.parts import Parts
from automation.kernel.clock import FixedClock
from automation.people.registry import Registry


@dataclass(frozen=True, slots=True)
class World:
    """`clock` is the one that `delivery` looks at."""

    parts: Parts
    people: Registry
    delivery: Delivery
    clock: FixedClock

    def upkeep(self, now: int) -> None:
        """What a live engine does at night: sliding windows, stages, scores, the log copied into the database."""
        parts = self.parts
        parts.store.checkpoint("RESTART")
        parts.computed.refresh_windows(parts.store, now)
        lifecycle.refresh(parts.store, parts.names, parts.settings.lifecycle, now)
        rfm.refresh(parts.store, parts.names, (parts.settings.lifecycle, parts.settings.rfm), now)
