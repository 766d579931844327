"""What a simulation works on: the engine of a shop with a database, a clock and pretend providers of its own."""

from __future__ import annotations

from dataclasses import dataclass

from automation.audience import lifecycle, rfm
from automation.engine.delivery.facade import Delivery
from automation.engine.parts import Parts
from automation.inbound.inbox import Inbox
from automation.kernel.clock import FixedClock
from automation.people.registry import Registry


@dataclass(frozen=True, slots=True)
class World:
    """`clock` is the one that `delivery` looks at; `inbox` takes in what comes back."""

    parts: Parts
    people: Registry
    delivery: Delivery
    inbox: Inbox
    clock: FixedClock

    def channel(self, medium: str) -> str | None:
        """The shop's first channel of wechat, sms, ..."""
        return next((name for name, one in self.delivery.channels.items() if one.kind == medium), None)

    def upkeep(self, now: int) -> None:
        """What a live engine does at night: sliding windows, stages, scores, the log copied into the database."""
        parts = self.parts
        parts.store.checkpoint("RESTART")
        parts.computed.refresh_windows(parts.store, now)
        lifecycle.refresh(parts.store, parts.names, parts.settings.lifecycle, now)
        rfm.refresh(parts.store, parts.names, (parts.settings.lifecycle, parts.settings.rfm), now)
