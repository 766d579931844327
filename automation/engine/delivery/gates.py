"""How much each channel and lane can take now: rate, quota of the day, breaker, rest, and what already waits for it.

Rates and quotas are booked in the rows of channel_state and lane_state by the transaction that claims, and claims take
turns: so they are exact over all processes of a shop.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from automation.kernel.ports import Lane
from automation.policy import periods
from automation.policy.capacity import Room, Rooms
from automation.policy.claimed import Door
from automation.settings import Settings
from automation.store.database import Statements, Transaction

from . import budgets
from .breaker import State

SLOWEST = 20.0  # messages a second a busy channel is expected to do where nothing is known yet
LOOK_BACK = 10  # seconds
SECOND = 1_000_000  # rates are booked in microseconds, so that thirds do not add up to a lost message
CHANNELS = "SELECT channel, failures, open_until, day, used, paced_to FROM channel_state"
LANES = "SELECT channel, lane, day, used, closed_until, why FROM lane_state"
UNUSED = (0, None, 0, 0, 0)  # of a channel that has no row yet
FREE = (0, 0, None, None)  # of a lane that has none
USED = (
    "INSERT INTO {table} ({key}, day, used) VALUES ({values}, :day, :count) ON CONFLICT ({key}) DO UPDATE SET"
    " used = excluded.used + CASE WHEN {table}.day = excluded.day THEN {table}.used ELSE 0 END, day = excluded.day"
)


class Books(NamedTuple):
    """What the database says of channels, and of lanes by channel and lane: the rows, without their keys."""

    channels: Mapping[str, tuple[int, int | None, int, int, int]]
    lanes: Mapping[tuple[str, str], tuple[int, int, int | None, str | None]]

    @classmethod
    def read(cls, statements: Statements) -> Books:
        return cls(
            {row[0]: row[1:] for row in statements.rows(CHANNELS)},
            {(row[0], row[1]): row[2:] for row in statements.rows(LANES)},
        )


@dataclass(slots=True)
class Gates:
    """One for each process. By channel: `waiting`, messages claimed and not yet answered; `ready`, of these not yet
    dispatched; `marketing`, of these by law."""

    settings: Settings
    most_waiting: int
    lanes: Mapping[tuple[str, str], Lane] = field(default_factory=dict)
    waiting: dict[str, int] = field(default_factory=dict)
    ready: dict[str, int] = field(default_factory=dict)
    marketing: dict[str, int] = field(default_factory=dict)
    _states: dict[str, State] = field(default_factory=dict)
    _rests: dict[tuple[str, str], int] = field(default_factory=dict)
    _paced: dict[str, int] = field(default_factory=dict)
    _sent: dict[str, tuple[int, int]] = field(default_factory=dict)
    _done: dict[str, deque[tuple[int, int]]] = field(default_factory=dict)

    def rooms(self, books: Books, now: int) -> Rooms:
        """What each takes at this moment."""
        channels = {name: self._rooms(name, books.channels.get(name, UNUSED), now) for name in self.settings.channels}
        found = {}
        for key, lane in self.lanes.items():
            room = _of_lane(lane, books.lanes.get(key, FREE), now)
            if room is not None:
                found[key] = room
        return Rooms({name: rooms for name, rooms in channels.items() if rooms}, found)

    def go_by(self, books: Books, now: int) -> None:
        """For dispatching and booking until the next claim. Read in the transaction that claims: older ones would
        forget what this process has learned since."""
        for name in self.settings.channels:
            failures, open_until, _, _, self._paced[name] = books.channels.get(name, UNUSED)
            self._states[name] = State(failures, open_until)
        closed = {key: until for key, (_, _, until, _) in books.lanes.items()}
        self._rests.clear()
        self._rests.update({key: until for key, until in closed.items() if until is not None and until > now})

    def _rooms(self, name: str, row: tuple[int, int | None, int, int, int], now: int) -> list[Room]:
        known = self.settings.channels[name]
        failures, open_until, day, used, paced_to = row
        pace = known.rate or self._pace(name, now)
        if open_until is not None and open_until > now:
            return [Room(0, open_until, pace, "rests")]
        if failures >= known.breaker.failures:  # half open: one message tells whether it is back
            return [Room(0 if self.waiting.get(name) else 1, now + 1, pace, "rests")]
        rooms = []
        if known.daily_quota is not None:
            left = known.daily_quota - (used if day == budgets.day(self.settings.shop.zone, now) else 0)
            rooms.append(
                Room(max(0, left), budgets.midnight(self.settings.shop.zone, now), pace, "quota of the day is used up")
            )
        if known.rate is not None:
            rooms.append(Room(_turns(known.rate, paced_to, now), max(now + 1, paced_to // SECOND), pace, "rate"))
        return rooms + self._busy(name, known.rate, pace, now)

    def _busy(self, name: str, rate: float | None, pace: float, now: int) -> list[Room]:
        """What is claimed for a channel and waits in this process. Marketing that waits leaves room for service; for a
        channel with a rate no more than one second's messages wait."""
        ready = self.ready.get(name, 0)
        if not ready:
            return []
        most = self.most_waiting if rate is None else min(self.most_waiting, max(1, int(rate)))
        held = self.marketing.get(name, 0)
        return [
            Room(max(0, most - held), now + 1, pace, "busy", marketing=True),
            Room(max(0, 2 * most - ready), now + 1, pace, "busy"),
        ]

    def took(self, tx: Transaction, counts: Mapping[Door, int], now: int) -> None:
        """Books messages against rates and quotas, in the transaction that claims them."""
        by_channel: Counter[str] = Counter()
        for door, count in counts.items():
            by_channel[door.channel] += count
            lane = self.lanes.get((door.channel, door.lane))
            if lane is not None and lane.daily is not None:
                sql = USED.format(table="lane_state", key="channel, lane", values=":channel, :lane")
                tx.run(sql, channel=door.channel, lane=door.lane, day=periods.day(now), count=count)
        for name, count in by_channel.items():
            known = self.settings.channels.get(name)
            if known is not None and known.rate is not None:
                turn = int(count * SECOND / known.rate)
                self._paced[name] = max(self._paced.get(name, 0), now * SECOND) + turn
                tx.run(
                    "INSERT INTO channel_state (channel, paced_to) VALUES (:channel, :to) ON CONFLICT (channel)"
                    " DO UPDATE SET paced_to = excluded.paced_to",
                    channel=name, to=self._paced[name],
                )  # fmt: skip
            if known is not None and known.daily_quota is not None:
                sql = USED.format(table="channel_state", key="channel", values=":channel")
                tx.run(sql, channel=name, day=budgets.day(self.settings.shop.zone, now), count=count)

    def learned(self, states: Mapping[str, State], rests: Mapping[tuple[str, str], int]) -> None:
        """What the books of this process just wrote about channels and lanes."""
        self._states.update(states)
        self._rests.update(rests)

    def rests_until(self, door: Door, now: int) -> int | None:
        """Until when nothing more should be dispatched there; None where it works, as far as this process knows."""
        until = max(self._states.get(door.channel, State()).until or 0, self._rests.get((door.channel, door.lane), 0))
        return until if until > now else None

    def trust(self, name: str) -> int:
        """How many may be on their way at once: fewer while the channel fails, so that the breaker's count holds."""
        known, failures = self.settings.channels[name], self._states.get(name, State()).failures
        if not failures:
            return known.in_flight
        return min(known.in_flight, max(1, known.breaker.failures - failures))

    def leaving(self, name: str, most: int, now: int) -> int:
        """How many of `most` may leave in this second by the channel's rate; they count as leaving."""
        rate = self.settings.channels[name].rate
        if rate is None:
            return most
        second, gone = self._sent.get(name, (now, 0))
        gone = gone if second == now else 0
        count = max(0, min(most, max(1, int(rate)) - gone))
        self._sent[name] = (now, gone + count)
        return count

    def done(self, name: str, count: int, now: int) -> None:
        """Answers a channel gave, to know its pace."""
        recent = self._done.setdefault(name, deque(maxlen=LOOK_BACK))
        if recent and recent[-1][0] == now:
            recent[-1] = (now, recent[-1][1] + count)
        else:
            recent.append((now, count))

    def _pace(self, name: str, now: int) -> float:
        recent = [(at, count) for at, count in self._done.get(name, ()) if at > now - LOOK_BACK]
        if not recent:
            return SLOWEST
        return max(SLOWEST, sum(count for _, count in recent) / max(1, now - recent[0][0]))


def _turns(rate: float, paced_to: int, now: int) -> int:
    """How many turns begin in this second: a pause is never made up for, and slow rates go on where they stopped."""
    begin, end = max(paced_to, now * SECOND), (now + 1) * SECOND
    if begin >= end:
        return 0
    return max(1, int((end - begin) * rate / SECOND + 0.001))


def _of_lane(lane: Lane, row: tuple[int, int, int | None, str | None], now: int) -> Room | None:
    day, used, closed_until, why = row
    if closed_until is not None and closed_until > now:
        return Room(0, closed_until, SLOWEST, f"rests ({why})")
    if lane.daily is None:
        return None
    left = max(0, lane.daily - (used if day == periods.day(now) else 0))
    if not left:
        return Room(0, periods.midnight(now), SLOWEST, "quota of the day is used up")
    return Room(left, now + 1, 100 * SLOWEST, "quota of the day is used up")
