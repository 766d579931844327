"""What callbacks say, on its way into the database: recorded by the writer, answered with what the customer is told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from automation.kernel.hooks import Happening, Reply
from automation.store.database import Transaction

from .writer import Write


@dataclass(frozen=True, slots=True)
class Arrived:
    """What one verified request says. `body` and `why`: of one that could not be read, kept for whoever looks."""

    channel: str
    happened: tuple[Happening, ...]
    body: bytes = field(default=b"", repr=False)
    why: str = ""


class Inbound(Protocol):
    """Who records it."""

    def record(self, tx: Transaction, now: int, arrived: Sequence[Arrived]) -> Sequence[Reply | None]: ...


class InboundKind:
    """Records a group of requests in one transaction; a result is the reply to each."""

    def __init__(self, inbound: Inbound) -> None:
        self._inbound = inbound

    def prepare(self, now: int, items: Sequence[Arrived]) -> Write:
        return lambda tx: self._inbound.record(tx, now, items)
