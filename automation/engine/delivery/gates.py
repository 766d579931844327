"""How much each channel can take now: its rate, daily quota, breaker, and what already waits in this process for it."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

from automation.festivals import walltime
from automation.policy.capacity import Room
from automation.settings import Settings
from automation.store.database import Statements, Transaction

SLOWEST = 20.0  # messages a second a busy channel is expected to do where nothing is known yet
LOOK_BACK = 10  # seconds
DAY = 86_400


@dataclass(slots=True)
class _Bucket:
    """A rate as a bucket of one second's messages, so that a pause is never made up for in a burst."""

    rate: float
    tokens: float = 0.0
    at: int = -1

    def left(self, now: int) -> int:
        if now != self.at:
            passed = max(0, now - self.at) if self.at >= 0 else 1
            self.tokens = min(max(1.0, self.rate), self.tokens + passed * self.rate)
            self.at = now
        return int(self.tokens)


@dataclass(slots=True)
class Gates:
    """One for each process. `waiting`: messages claimed and not yet dispatched, by channel."""

    settings: Settings
    most_waiting: int
    waiting: dict[str, int] = field(default_factory=dict)
    _buckets: dict[str, _Bucket] = field(default_factory=dict)
    _done: dict[str, deque[tuple[int, int]]] = field(default_factory=dict)

    def rooms(self, statements: Statements, now: int) -> dict[str, Room]:
        """By channel; one that is not there has no limit now."""
        states = {
            name: (failures, until, day, used)
            for name, failures, until, day, used in statements.rows(
                "SELECT channel, failures, open_until, day, used FROM channel_state"
            )
        }
        found = {}
        for name in self.settings.channels:
            room = self._room(name, states.get(name, (0, None, 0, 0)), now)
            if room is not None:
                found[name] = room
        return found

    def _room(self, name: str, state: tuple[int, int | None, int, int], now: int) -> Room | None:
        known = self.settings.channels[name]
        failures, open_until, day, used = state
        pace = known.rate or self._pace(name, now)
        if open_until is not None and open_until > now:
            return Room(0, open_until, pace, "rests")
        if failures >= known.breaker.failures:  # half open: one message tells whether it is back
            return Room(0 if self.waiting.get(name) else 1, now + 1, pace, "rests")
        rooms = []
        if known.daily_quota is not None:
            left = known.daily_quota - (used if day == self.day(now) else 0)
            rooms.append(Room(max(0, left), self.midnight(now), pace, "quota of the day is used up"))
        if known.rate is not None:
            bucket = self._buckets.setdefault(name, _Bucket(known.rate))
            rooms.append(Room(bucket.left(now), now + 1, pace, "rate"))
        waiting = self.waiting.get(name, 0)
        if waiting:
            rooms.append(Room(max(0, self.most_waiting - waiting), now + 1, pace, "busy"))
        return min(rooms, key=lambda room: room.left or 0, default=None)

    def took(self, tx: Transaction, counts: Mapping[str, int], now: int) -> None:
        """Books messages against rate and quota, in the transaction that claims them."""
        for name, count in counts.items():
            known = self.settings.channels.get(name)
            if known is not None and name in self._buckets:
                self._buckets[name].tokens -= count
            if known is not None and known.daily_quota is not None:
                tx.run(
                    "INSERT INTO channel_state (channel, day, used) VALUES (:channel, :day, :count)"
                    " ON CONFLICT (channel) DO UPDATE SET used = excluded.used + CASE WHEN channel_state.day ="
                    " excluded.day"
                    " THEN channel_state.used ELSE 0 END, day = excluded.day",
                    channel=name, day=self.day(now), count=count,
                )  # fmt: skip

    def give_back(self, tx: Transaction, counts: Mapping[str, int], now: int) -> None:
        """Messages that were booked against the quota and did not leave."""
        for name, count in counts.items():
            if self.settings.channels[name].daily_quota is not None:
                tx.run(
                    f"UPDATE channel_state SET used = {tx.dialect.greatest('used - :count', '0')}"
                    " WHERE channel = :channel AND day = :day",
                    channel=name, count=count, day=self.day(now),
                )  # fmt: skip

    def done(self, name: str, count: int, now: int) -> None:
        """Answers a channel gave, to know its pace."""
        recent = self._done.setdefault(name, deque(maxlen=LOOK_BACK))
        if recent and recent[-1][0] == now:
            recent[-1] = (now, recent[-1][1] + count)
        else:
            recent.append((now, count))

    def day(self, now: int) -> int:
        """The shop's local day as a number, YYYYMMDD."""
        return int(walltime.local(now, self.settings.shop.zone).strftime("%Y%m%d"))

    def midnight(self, now: int) -> int:
        """The first second of the shop's next day."""
        zone = self.settings.shop.zone
        today = walltime.midnight(walltime.local(now, zone).date(), zone)
        return walltime.midnight(walltime.local(today + DAY + DAY // 4, zone).date(), zone)

    def _pace(self, name: str, now: int) -> float:
        recent = [(at, count) for at, count in self._done.get(name, ()) if at > now - LOOK_BACK]
        if not recent:
            return SLOWEST
        return max(SLOWEST, sum(count for _, count in recent) / max(1, now - recent[0][0]))
