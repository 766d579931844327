"""Claimed messages that wait to leave by one channel: service before marketing, each in the order of its claims.

Thousands of a campaign may be in hand when an order's confirmation is claimed; it must not wait for them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator

from .prepared import Prepared


class Line:
    """Used under the lock of who has it."""

    def __init__(self) -> None:
        self._service: deque[Prepared] = deque()
        self._marketing: deque[Prepared] = deque()

    def __len__(self) -> int:
        return len(self._service) + len(self._marketing)

    def __iter__(self) -> Iterator[Prepared]:
        yield from self._service
        yield from self._marketing

    @property
    def marketing(self) -> int:
        return len(self._marketing)

    def add(self, one: Prepared) -> None:
        (self._marketing if one.marketing else self._service).append(one)

    def take(self, most: int) -> list[Prepared]:
        return [
            self._service.popleft() if self._service else self._marketing.popleft() for _ in range(min(most, len(self)))
        ]

    def put_back(self, group: Iterable[Prepared]) -> None:
        """What was taken last, in the same order."""
        for one in reversed(list(group)):
            (self._marketing if one.marketing else self._service).appendleft(one)

    def clear(self) -> None:
        self._service.clear()
        self._marketing.clear()
