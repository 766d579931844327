"""A test as its file says it: who the customer is, what happens, and what is expected of the journey."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from automation.kernel.document import Document, Loc


@dataclass(frozen=True, slots=True)
class Span:
    """From the first to the last second of a written minute, or of a written day. UTC seconds."""

    first: int
    last: int

    def holds(self, at: int) -> bool:
        return self.first <= at <= self.last


@dataclass(frozen=True, slots=True)
class Customer:
    """`fields`: raw values by name, as written. `can`: kinds of channels that reach them. `agreed`: kinds of channels
    they agreed to get marketing on, `*` for all."""

    fields: Mapping[str, Any]
    without: frozenset[str]
    can: frozenset[str]
    agreed: frozenset[str]
    tags: tuple[str, ...]


class What(StrEnum):
    """Kinds of happenings, by the key they are written with."""

    EVENT = "event"
    DELIVERED = "delivered"
    OPENED = "opened"
    CLICKED = "clicked"
    TAG = "tag"
    UNTAG = "untag"
    SET = "set"


@dataclass(frozen=True, slots=True)
class Happening:
    """`word`: the event, step or tag. `values`: of an event or `set`, as written; `{from: coupon.code}` among them."""

    at: int
    what: What
    word: str
    values: Mapping[str, Any]
    loc: Loc


class Sort(StrEnum):
    """Sorts of things that come of a journey, by the key they are expected with."""

    SEND = "send"
    SKIPPED = "skipped"
    COUPON = "coupon"
    TAG = "tag"
    POINTS = "points"
    NOTIFY = "notify"
    WEBHOOK = "webhook"


@dataclass(frozen=True, slots=True)
class Expected:
    """`word`: of a message the step's id or its text, else the pool, tag, number, role or name. What is None may be
    anything."""

    sort: Sort
    word: str
    at: Span | None
    via: str | None
    text: str | None
    reason: str | None
    loc: Loc


@dataclass(frozen=True, slots=True)
class Ends:
    """How the last run ends."""

    at: Span | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class Case:
    """`at`: when it begins. `downs`: from when to when no engine runs. `paths`: split -> the path that is dealt.
    `empty`: pools of coupons without a code. `zone`: in which the file's times are written. `until`: the last moment it
    speaks of."""

    document: Document
    title: str
    journey: str
    at: int
    zone: ZoneInfo
    customer: Customer
    holdout: bool
    paths: Mapping[str, str]
    empty: frozenset[str]
    happens: Sequence[Happening]
    downs: Sequence[tuple[int, int]]
    expect: Sequence[Expected]
    never: Sequence[tuple[str, Loc]]
    ends: Ends | None
    until: int
