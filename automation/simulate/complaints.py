"""Complaints about made-up orders: which order leads to one, what about, and how it goes on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from . import chance

OFTEN: Final = 0.035  # of orders
LEVELS: Final = (("low", 0.35), ("middle", 0.45), ("high", 0.2))
TOPICS: Final = ("物流", "尺码", "色差", "线头", "客服", "包装")


@dataclass(frozen=True, slots=True)
class Complaint:
    """`opened`, `resolved`: whole hours after the order was paid. `reopened`: what was done did not help."""

    number: str
    level: str
    topic: str
    opened: int
    resolved: int
    reopened: bool = False

    def course(self) -> Iterator[tuple[str, int]]:
        """Event names and hours after the order."""
        yield "complaint.opened", self.opened
        yield "complaint.resolved", self.resolved
        if self.reopened:
            yield "complaint.reopened", self.resolved + 27
            yield "complaint.resolved", self.resolved + 75

    @property
    def props(self) -> dict[str, str]:
        return {"complaint_id": self.number, "level": self.level, "topic": self.topic}


def about(key: str, order: str) -> Complaint | None:
    """The complaint that a customer makes about an order; most make none."""
    if not chance.happens(OFTEN, key, order, "complains"):
        return None
    opened = 24 * int(chance.between(2, 7, key, order, "opened"))
    lasts = 24 * int(chance.between(1, 5, key, order, "resolved")) + 3
    return Complaint(
        f"C{order[1:]}",
        chance.weighted(LEVELS, key, order, "level"),
        chance.one_of(TOPICS, key, order, "topic"),
        opened,
        opened + lasts,
        chance.happens(0.08, key, order, "reopened"),
    )
