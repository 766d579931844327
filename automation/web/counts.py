"""What the web edge counts since it started: requests by route and status, forged and unreadable ones by channel."""

from __future__ import annotations

from collections import Counter
from typing import Final

KEYS: Final = 500  # of one table: what a request says never becomes a key, and still


class Counts:
    """Written by the loop's thread, read by any."""

    def __init__(self) -> None:
        self.requests: Counter[tuple[str, int]] = Counter()
        self.forged: Counter[tuple[str, str]] = Counter()
        self.unreadable: Counter[str] = Counter()

    def request(self, route: str, status: int) -> None:
        self.requests[route, status] += 1

    def forgery(self, channel: str, code: str) -> None:
        """`code`: the hook's own word for what was wrong."""
        if (channel, code) in self.forged or len(self.forged) < KEYS:
            self.forged[channel, code] += 1

    def cannot_read(self, channel: str) -> None:
        self.unreadable[channel] += 1
