"""What a journey compiles to: the places where people stand and the crossings between them.

All steps between two standing places are fused: a crossing decides each person's leaf in one expression, a leaf lists
what happens (its effects, in order) and where the person stands afterwards. The engine turns a crossing into one batch
of set statements. A fence is a standing place with nothing to wait for: it cuts a crossing where a later condition
reads what an earlier effect writes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias

from automation.conditions.tree import Condition, Happened, Marked, Value
from automation.festivals.durations import Duration
from automation.festivals.moments import Limit, Moment

START = "start"  # the key of the node every run begins at


@dataclass(frozen=True, slots=True)
class Send:
    """Queue a message. `via`: names or kinds of channels in order. `at`: the planned moment; None means at once."""

    key: str
    text: str
    via: tuple[str, ...]
    expires: Limit
    purpose: str
    at: Moment | None = None
    ignore_quiet: bool = False


@dataclass(frozen=True, slots=True)
class GiveCoupon:
    """Give a code of the pool; run data gets `as_name`: {code, amount, expires}, or null when the pool is empty."""

    key: str
    pool: str
    as_name: str


@dataclass(frozen=True, slots=True)
class AddTag:
    key: str
    tag: str
    lasts: Duration | None = None


@dataclass(frozen=True, slots=True)
class RemoveTag:
    key: str
    tag: str


@dataclass(frozen=True, slots=True)
class SetFields:
    key: str
    values: tuple[tuple[str, Value], ...]


@dataclass(frozen=True, slots=True)
class BookPoints:
    key: str
    points: int
    reason: str


@dataclass(frozen=True, slots=True)
class StartJourney:
    key: str
    journey: str
    values: tuple[tuple[str, Value], ...] = ()


@dataclass(frozen=True, slots=True)
class Notify:
    """A line for the staff; those of one role within `digest` become one message with a list."""

    key: str
    role: str
    text: str
    digest: Duration


@dataclass(frozen=True, slots=True)
class CallWebhook:
    key: str
    name: str
    values: tuple[tuple[str, Value], ...] = ()


Effect: TypeAlias = (
    Send | GiveCoupon | AddTag | RemoveTag | SetFields | BookPoints | StartJourney | Notify | CallWebhook
)


@dataclass(frozen=True, slots=True)
class Stand:
    """Go to a node and wait there. `due`: how long or until when; None: go on at once (a fence)."""

    node: str
    due: Duration | Moment | None = None


@dataclass(frozen=True, slots=True)
class Leave:
    """The run ends. `reason` is shown to people: finished, or the word of a `stop` step."""

    reason: str


@dataclass(frozen=True, slots=True)
class Leaf:
    """The end of one way through a crossing. Numbered from 0 within its crossing."""

    number: int
    effects: tuple[Effect, ...]
    end: Stand | Leave


Range: TypeAlias = tuple[int, int]
"""[low, high) of the numbers at a choice point, of 2**31 - 1."""


@dataclass(frozen=True, slots=True)
class Share:
    """A path of a split: persons whose number at the point lies in [low, high), of 2**31 - 1."""

    point: str
    low: int
    high: int


@dataclass(frozen=True, slots=True)
class HasCoupon:
    """Whether the coupon step gave a code in this run."""

    as_name: str


Test: TypeAlias = Condition | Share | HasCoupon


@dataclass(frozen=True, slots=True)
class Choice:
    """The first branch whose test holds; else `otherwise`."""

    branches: tuple[tuple[Test, Decision], ...]
    otherwise: Decision


Decision: TypeAlias = Leaf | Choice


@dataclass(frozen=True, slots=True)
class Crossing:
    """From a node to the leaves. `leaves[n].number == n`; every Leaf in `decision` is one of them."""

    decision: Decision
    leaves: tuple[Leaf, ...]


class NodeKind(StrEnum):
    START = "start"
    WAIT = "wait"
    WAIT_FOR = "wait_for"
    FENCE = "fence"


@dataclass(frozen=True, slots=True)
class Awaited:
    """What a `wait_for` waits for; the event's properties are kept in the run's data under `as_name`."""

    happening: Happened | Marked
    as_name: str | None
    answered: Crossing


@dataclass(frozen=True, slots=True)
class Node:
    """A standing place. `go` is crossed when it is due: for a wait_for that is the time-out (`else`).

    `forward_to`: the key of the next node on the way, for those who stand here when a later version lacks this one; see
    nodes.map_node. `line`: where the step stands in the file. The limit of a wait_for is the `due` of those who stand.
    """

    key: str
    kind: NodeKind
    go: Crossing
    awaited: Awaited | None = None
    forward_to: str | None = None
    line: int = 0


@dataclass(frozen=True, slots=True)
class Goal:
    event: Happened
    up_to: Duration
    value: str | None  # a money property of the event, in fen


class Again(StrEnum):
    NEVER = "never"
    FINISHED = "finished"
    AFTER = "after"
    EACH_OCCASION = "each_occasion"


class OnChange(StrEnum):
    PIN = "pin"
    FOLLOW = "follow"
    RECOUNT = "recount"
    RESTART = "restart"


class Status(StrEnum):
    DRAFT = "draft"
    LIVE = "live"
    PAUSED = "paused"
    CLOSING = "closing"
    STOPPED = "stopped"


STILL = (Status.PAUSED, Status.DRAFT)
"""Nobody inside moves; `draft` comes after `live` here."""


@dataclass(frozen=True, slots=True)
class EventEntry:
    """`event` may carry a `where`; `settle`: rest this long, the newest event is the entry."""

    event: Happened
    settle: Duration | None = None


@dataclass(frozen=True, slots=True)
class SegmentEntry:
    """`check`: a schedule text (`daily 09:00`). `existing`: whether those already in at go-live enter."""

    segment: str
    condition: Condition
    check: str
    existing: bool


@dataclass(frozen=True, slots=True)
class DateEntry:
    """A date of the person, every year, or only the years listed since the date."""

    field: str
    offset: Duration | None
    at: str  # HH:MM
    years: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class FestivalEntry:
    festivals: tuple[str, ...]
    offset: Duration | None
    at: str


@dataclass(frozen=True, slots=True)
class ScheduleEntry:
    """`schedule`: `2026-06-18 10:00` or `every month on 1 10:00`; people of the segment."""

    schedule: str
    segment: str
    condition: Condition


@dataclass(frozen=True, slots=True)
class ManualEntry:
    """By campaign, by command or by another journey's `start`."""


Entry: TypeAlias = EventEntry | SegmentEntry | DateEntry | FestivalEntry | ScheduleEntry | ManualEntry


@dataclass(frozen=True, slots=True)
class Journey:
    """A journey, checked and compiled.

    `key`: property of the entry. `catch_up`: who comes later than this does not enter. `again_after` belongs to
    Again.AFTER. `holdout` in per cent. `kind`: marketing or service, what the purpose is by law. `source`: the YAML
    text it was read from; the `hash` of it names the version.
    """

    name: str
    title: str
    owner: str | None
    purpose: str
    kind: str
    status: Status
    on_change: OnChange
    active: tuple[str, str] | None
    shop_clock: bool
    entry: Entry
    entry_if: Condition
    key: str | None
    again: Again
    again_after: Duration | None
    catch_up: Duration
    restart_inside: bool
    holdout: float
    goal: Goal | None
    exit: tuple[Condition, ...]
    exit_on_goal: bool
    unless: Condition | None
    pace: int | None
    nodes: Mapping[str, Node]
    path: str
    source: str
    hash: str
    sends: Mapping[str, Send] = field(default_factory=dict)  # every send step by key
    splits: Mapping[str, Mapping[str, Range]] = field(default_factory=dict)  # by point, then by the name of the path

    @property
    def crossings(self) -> list[Crossing]:
        """Every way out of every standing place."""
        ways = []
        for node in self.nodes.values():
            ways += [node.go] if node.awaited is None else [node.go, node.awaited.answered]
        return ways
