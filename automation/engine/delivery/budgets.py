"""Budgets of the day: what a channel may send by the settings and a lane by its platform, and what is left of it.

Booked by the transaction that claims, given back where a message did not leave. A channel's day is the shop's, a lane's
is the platform's, which is China's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from automation.festivals import walltime
from automation.kernel.ports import Channel
from automation.policy import periods
from automation.settings import Settings
from automation.store.database import Statements

DAY = 86_400


@dataclass(frozen=True, slots=True)
class Budget:
    """`lane` "" for the channel as a whole. `resets`: UTC seconds."""

    channel: str
    lane: str
    limit: int
    used: int
    resets: int

    @property
    def left(self) -> int:
        return max(0, self.limit - self.used)


@dataclass(frozen=True, slots=True)
class Over:
    """More messages than a budget has left."""

    budget: Budget
    messages: int

    @property
    def days(self) -> int | None:
        """How many days it takes, the first one included; None where it never ends."""
        if not self.budget.limit:
            return None
        return 1 + -(-(self.messages - self.budget.left) // self.budget.limit)


def of(statements: Statements, settings: Settings, channels: Mapping[str, Channel], now: int) -> Iterator[Budget]:
    """Every budget there is, with what is used on the day of `now`."""
    used = {row[0]: row[1:] for row in statements.rows("SELECT channel, day, used FROM channel_state")}
    lanes = {(row[0], row[1]): row[2:] for row in statements.rows("SELECT channel, lane, day, used FROM lane_state")}
    zone = settings.shop.zone
    for name, channel in channels.items():
        quota = settings.channels[name].daily_quota
        if quota is not None:
            yield Budget(name, "", quota, _today(used.get(name), day(zone, now)), midnight(zone, now))
        for lane in channel.lanes:
            if lane.daily is not None:
                taken = _today(lanes.get((name, lane.name)), periods.day(now))
                yield Budget(name, lane.name, lane.daily, taken, periods.midnight(now))


def over(
    statements: Statements, settings: Settings, channels: Mapping[str, Channel],
    messages: Mapping[tuple[str, str], int], now: int,
) -> list[Over]:  # fmt: skip
    """The budgets that do not hold what is to leave by them; `messages`: by (channel, lane)."""
    found = []
    for budget in of(statements, settings, channels, now):
        wanted = sum(
            count
            for (channel, lane), count in messages.items()
            if channel == budget.channel and budget.lane in ("", lane)
        )
        if wanted > budget.left:
            found.append(Over(budget, wanted))
    return found


def day(zone: ZoneInfo, now: int) -> int:
    """The local day as a number, YYYYMMDD."""
    return int(walltime.local(now, zone).strftime("%Y%m%d"))


def midnight(zone: ZoneInfo, now: int) -> int:
    """The first second of the next local day."""
    today = walltime.midnight(walltime.local(now, zone).date(), zone)
    return walltime.midnight(walltime.local(today + DAY + DAY // 4, zone).date(), zone)


def _today(row: tuple[int, int] | None, today: int) -> int:
    return row[1] if row is not None and row[0] == today else 0
