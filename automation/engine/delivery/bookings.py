"""What a claim takes from accounts: the day of a channel and lane, answers of a window, messages a person allowed.

It is given back in the transaction that says a message did not leave, and never twice: a booking stands exactly as
long as the message has its `counted_at`. What nobody knows about keeps it. One that was withdrawn while its process was
killed or stopped loses it: our count is then the greater one, which is the safe side.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from automation.kernel.ports import Lane
from automation.policy import grants, periods, windows
from automation.policy.claimed import Asked, Door
from automation.store.database import Transaction
from automation.store.states import MessageState

from . import budgets
from .gates import Gates
from .prepared import Prepared
from .routes import Routes

ON_THE_WAY = f"{MessageState.CLAIMED}, {MessageState.DISPATCHING}, {MessageState.AMBIGUOUS}"
BOOKED = (
    "SELECT m.channel, m.lane, m.counted_at, m.identity_id, m.version_id, m.step, m.variant FROM {table} t {then}"
    " message m ON m.id = t.id WHERE m.token = t.token AND m.counted_at IS NOT NULL AND m.state IN ({states}){more}"
)


class Booked(NamedTuple):
    """One message's booking. `at`: when it was claimed. `grant`: the template that had to be allowed, or ""."""

    channel: str
    lane: str
    at: int
    identity_id: int | None
    grant: str


class Bookings:
    """For one process. Costs nothing where no channel has a quota and no lane a day, window or grant."""

    def __init__(self, routes: Routes, gates: Gates) -> None:
        self._routes, self._gates = routes, gates
        lanes: Mapping[tuple[str, str], Lane] = gates.lanes
        quotas = any(channel.daily_quota is not None for channel in gates.settings.channels.values())
        self.any = quotas or any(lane.daily is not None or lane.window or lane.grant for lane in lanes.values())
        self.personal = [
            door.number
            for door, lane in zip(routes.doors, routes.lanes, strict=True)
            if door.address and (lane.window or lane.grant)
        ]

    def take(self, asked: Asked, doors: Sequence[Door], counts: Mapping[Door, int]) -> None:
        """Books what the open claim lets go; `counts`: messages by door."""
        self._gates.took(asked.tx, counts, asked.now)
        if self.personal:
            going = [door for door in doors if counts.get(door)]
            windows.take(asked.tx, [door for door in going if door.window])
            grants.take(asked, [door for door in going if self._routes.lanes[door.number].grant])

    def give_back(self, tx: Transaction, table: str, more: str = "", states: str = ON_THE_WAY) -> None:
        """For the messages of a temporary table (id, token) that did not leave; before their rows say so. `more`: SQL
        about the alias `t`."""
        if not self.any:
            return
        sql = BOOKED.format(table=table, then=tx.dialect.join_in_order, states=states, more=more)
        found = []
        for channel, lane, at, identity, version, step, variant in tx.rows(sql):
            door = self._routes.door(channel, lane or "")
            template = self._routes.grant((version, step, variant), door) if door is not None else ""
            found.append(Booked(channel, lane or "", at, identity, template))
        self._return(tx, found)

    def give_back_lost(self, tx: Transaction, lost: Sequence[Prepared], now: int) -> None:
        """For messages that were withdrawn between claim and dispatch: their rows know nothing any more."""
        if self.any and lost:
            self._return(tx, [Booked(one.door.channel, one.door.lane, now, one.identity_id, one.grant) for one in lost])

    def _return(self, tx: Transaction, found: Sequence[Booked]) -> None:
        if not found:
            return
        zone = self._gates.settings.shop.zone
        channels = Counter((one.channel, budgets.day(zone, one.at)) for one in found if self._has_quota(one.channel))
        lanes = Counter(
            (one.channel, one.lane, periods.day(one.at)) for one in found if self._lane(one).daily is not None
        )
        less = f"used = {tx.dialect.greatest('used - :count', '0')}"
        tx.many(
            f"UPDATE channel_state SET {less} WHERE channel = :channel AND day = :day",
            [{"channel": name, "day": at, "count": count} for (name, at), count in sorted(channels.items())],
        )
        tx.many(
            f"UPDATE lane_state SET {less} WHERE channel = :channel AND lane = :lane AND day = :day",
            [
                {"channel": name, "lane": lane, "day": at, "count": count}
                for (name, lane, at), count in sorted(lanes.items())
            ],
        )
        persons = [(one, one.identity_id) for one in found if one.identity_id is not None]
        windows.give_back(tx, sorted((one.channel, identity) for one, identity in persons if self._lane(one).window))
        grants.give_back(tx, sorted((one.channel, identity, one.grant) for one, identity in persons if one.grant))

    def _has_quota(self, name: str) -> bool:
        known = self._gates.settings.channels.get(name)
        return known is not None and known.daily_quota is not None

    def _lane(self, one: Booked) -> Lane:
        return self._gates.lanes.get((one.channel, one.lane)) or Lane(one.lane, "", frozenset())
