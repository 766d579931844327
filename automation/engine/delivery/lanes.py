"""How each channel and its lanes stand now, for operators' screens: rests, budgets, what is on its way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from automation.kernel.ports import Channel
from automation.settings import Settings
from automation.store.database import Statements
from automation.store.states import MessageState

from . import budgets
from .budgets import Budget

ON_ITS_WAY = f"SELECT channel, count(*) FROM message WHERE state = {MessageState.DISPATCHING} GROUP BY channel"


@dataclass(frozen=True, slots=True)
class LaneState:
    """`rests_until`: UTC seconds, None where it works; `why` then says what the provider answered."""

    name: str
    rests_until: int | None
    why: str
    budget: Budget | None


@dataclass(frozen=True, slots=True)
class ChannelState:
    """`resting`: after failures in a row, or until `rests_until`; `error` is the last one."""

    name: str
    kind: str
    resting: bool
    rests_until: int | None
    failures: int
    error: str
    on_its_way: int
    budget: Budget | None
    lanes: tuple[LaneState, ...]


def of(statements: Statements, settings: Settings, channels: Mapping[str, Channel], now: int) -> list[ChannelState]:
    """In the order of the settings."""
    rows = {row[0]: row[1:] for row in statements.rows("SELECT channel, failures, open_until, last_error FROM"
                                                       " channel_state")}  # fmt: skip
    rests = {
        (row[0], row[1]): (row[2], row[3])
        for row in statements.rows(
            "SELECT channel, lane, closed_until, why FROM lane_state WHERE closed_until > :now", now=now
        )
    }
    known = {(one.channel, one.lane): one for one in budgets.of(statements, settings, channels, now)}
    leaving: dict[str, int] = dict(statements.rows(ON_ITS_WAY))
    found = []
    for name, channel in channels.items():
        failures, until, error = rows.get(name, (0, None, None))
        until = until if until is not None and until > now else None
        lanes = tuple(_lane(lane.name, rests.get((name, lane.name)), known.get((name, lane.name)))
                      for lane in channel.lanes)  # fmt: skip
        resting = until is not None or failures >= settings.channels[name].breaker.failures
        found.append(ChannelState(name, channel.kind, resting, until, failures, error or "", leaving.get(name, 0),
                                  known.get((name, "")), lanes))  # fmt: skip
    return found


def _lane(name: str, rest: tuple[int, str | None] | None, budget: Budget | None) -> LaneState:
    return LaneState(name, rest[0] if rest else None, (rest[1] or "") if rest else "", budget)
