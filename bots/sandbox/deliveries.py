"""What the pretend provider knows: keys it has seen, counts by channel, and the last messages of each recipient."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from automation.kernel import clock
from bots.sandbox.ledger import Entry, LedgerWriter
from bots.sandbox.options import KEY_WINDOW

_RECIPIENTS = 200  # shown on the page
_PER_RECIPIENT = 20


@dataclass(slots=True)
class Tally:
    """Counts of one channel. Un-keyed channels deliver what they accept."""

    accepted: int = 0
    delivered: int = 0
    first_ids: dict[str, tuple[str, int]] = field(default_factory=dict)  # key -> (provider id, seconds)
    twice: dict[str, int] = field(default_factory=dict)  # key -> deliveries, where more than one

    def count(self, entry: Entry) -> None:
        self.accepted += 1
        if entry.repeat:
            return
        self.delivered += 1
        if entry.key in self.first_ids:
            self.twice[entry.key] = self.twice.get(entry.key, 1) + 1
        self.first_ids[entry.key] = (entry.id, entry.at)


class Deliveries:
    """Takes messages: into the ledger first, then into the counts and inboxes. Lives in one asyncio loop."""

    def __init__(self, writer: LedgerWriter, now: clock.Clock) -> None:
        self._writer = writer
        self._clock = now
        self._tallies: dict[str, Tally] = {}
        self._number = 0
        self.inboxes: OrderedDict[tuple[str, str], deque[Entry]] = OrderedDict()

    @property
    def now(self) -> int:
        """UTC seconds."""
        return self._clock.now()

    def restore(self, entry: Entry) -> None:
        """Count an entry of an earlier life of this server."""
        self._number += 1
        self._tallies.setdefault(entry.channel, Tally()).count(entry)
        self._show(entry)

    async def take(self, channel: str, plays: str, keyed: bool, messages: Sequence[Mapping[str, Any]]) -> list[str]:
        """Accept messages with key, lane, address and body; their provider ids, when they are on disk.

        Counted before the disk is awaited, so that the same key in two requests at once is still one delivery.
        """
        tally = self._tallies.setdefault(channel, Tally())
        now = self._clock.now()
        batch: list[Entry] = []
        for message in messages:
            self._number += 1
            entry = Entry(now, channel, plays, id=f"sb{self._number}", **message)
            known = tally.first_ids.get(entry.key) if keyed else None
            if known is not None and now - known[1] < KEY_WINDOW:
                entry = replace(entry, id=known[0], repeat=True)
            tally.count(entry)
            self._show(entry)
            batch.append(entry)
        await self._writer.write(batch)
        return [entry.id for entry in batch]

    def summary(self) -> dict[str, dict[str, object]]:
        """Counts by channel; `twice` names the keys delivered more than once. No addresses."""
        return {
            name: {
                "accepted": tally.accepted,
                "delivered": tally.delivered,
                "keys": len(tally.first_ids),
                "twice": dict(tally.twice),
            }
            for name, tally in sorted(self._tallies.items())
        }

    def _show(self, entry: Entry) -> None:
        if entry.repeat:
            return
        who = (entry.plays, entry.address)
        self.inboxes.setdefault(who, deque(maxlen=_PER_RECIPIENT)).append(entry)
        self.inboxes.move_to_end(who)
        if len(self.inboxes) > _RECIPIENTS:
            self.inboxes.popitem(last=False)
