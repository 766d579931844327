"""The tree of a condition. It holds no names that the catalog does not know and no text that still has to be parsed."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from automation.festivals.durations import Duration
from automation.festivals.moments import Moment


class Op(StrEnum):
    """How a field is compared. A missing value makes every one of them false, but for EXISTS with False."""

    IS = "is"  # value: a scalar or a tuple of them (one of)
    NOT = "not"  # the exact complement of IS: true where the value is missing
    ABOVE = "above"
    AT_LEAST = "at_least"
    BELOW = "below"
    AT_MOST = "at_most"
    BETWEEN = "between"  # value: (low, high), both inclusive
    CONTAINS = "contains"
    STARTS_WITH = "starts_with"
    EXISTS = "exists"  # value: bool
    BEFORE = "before"  # value: Moment or Ref
    AFTER = "after"
    WITHIN = "within"  # value: Duration back from now
    OLDER_THAN = "older_than"  # value: Duration back from now
    IN_NEXT = "in_next"  # value: Duration ahead; for dates of the year the next observed one


class FieldType(StrEnum):
    """Types of the catalog. Money is an integer of fen in the store and yuan in files; a `date` may be of the year."""

    TEXT = "text"
    NUMBER = "number"
    MONEY = "money"
    BOOL = "bool"
    CHOICE = "choice"
    DATE = "date"
    TIME = "time"
    LIST = "list"
    RECORD = "record"  # a whole event, as a computed `latest` without `take` keeps it: only `exists` can be asked


class Span(StrEnum):
    """Since when an event counts."""

    ENTRY = "entry"  # since the run entered
    WITHIN = "within"  # value: Duration back from now
    SINCE = "since"  # value: Moment, or Shifted
    BETWEEN = "between"  # value: (Moment, Moment)
    EVER = "ever"


@dataclass(frozen=True, slots=True)
class Ref:
    """`{from: path}`: the value stands in the run's data, the person's fields or the event that is looked at."""

    path: str


@dataclass(frozen=True, slots=True)
class Shifted:
    """A time of the run or of the person, moved by seconds: `entry.at -30d`. A day has 24 hours here."""

    ref: Ref
    seconds: int


Scalar: TypeAlias = str | int | float | bool
Value: TypeAlias = Scalar | tuple[Scalar, ...] | Ref | Shifted | Duration | Moment | tuple[Moment, Moment]


@dataclass(frozen=True, slots=True)
class Always:
    """True for everybody."""


@dataclass(frozen=True, slots=True)
class All:
    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The exact complement: true where the part is false or unknown."""

    part: Condition


@dataclass(frozen=True, slots=True)
class Compare:
    """A field against a value.

    `path`: a person's field by its bare name (`tier`), else `entry.x`, or `<as name>.x`. Inside the `where` of an event
    it is the event's own property by its bare name. `kind` is the catalog's type; for CHOICE with an order, `order`.
    """

    path: str
    op: Op
    value: Value
    kind: FieldType
    order: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Tagged:
    tags: tuple[str, ...]  # one of them


@dataclass(frozen=True, slots=True)
class InSegment:
    """Expanded from segments.yaml when parsed: `condition` is the segment's own."""

    name: str
    condition: Condition


@dataclass(frozen=True, slots=True)
class InStage:
    stages: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Consented:
    """A granted, unrevoked consent for the purpose, on any channel or the one named."""

    purpose: str
    channel: str | None = None


@dataclass(frozen=True, slots=True)
class InJourney:
    journeys: tuple[str, ...]


class MarkKind(StrEnum):
    """What can be known of a message that was sent."""

    SENT = "sent"
    DELIVERED = "delivered"
    OPENED = "opened"
    CLICKED = "clicked"
    FAILED = "failed"
    ANSWERED = "answered"


@dataclass(frozen=True, slots=True)
class Marked:
    """`clicked: hello`: a message of this run, by the key of the step that sent it."""

    kind: MarkKind
    step: str


@dataclass(frozen=True, slots=True)
class Happened:
    """Events of the person. `count` is a comparison with the number of them; without it, at least one.

    `where` looks at the event's own properties. `same`: this property equals that of the run's entry; the run's key is
    compared when it is the journey's `key`. `value` belongs to `span`.
    """

    names: tuple[str, ...]
    where: Condition = Always()
    count: tuple[Op, Value] | None = None
    span: Span = Span.ENTRY
    value: Value | None = None
    same: str | None = None


Condition: TypeAlias = (
    Always | All | AnyOf | Not | Compare | Tagged | InSegment | InStage | Consented | InJourney | Marked | Happened
)
