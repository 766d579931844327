"""What a shop's catalog holds once it is checked: fields of people, events and computed values, frozen.

Apart from catalog.py, which reads the file and passes these names on, so that built-in entries can be made of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from automation.conditions.scope import EventInfo, FieldInfo, Vocabulary
from automation.conditions.tree import FieldType
from automation.festivals.durations import Duration


class Home(StrEnum):
    """Where a field of a person is stored."""

    COLUMN = "column"  # a column of person
    IDENTITY = "identity"  # rows of identity of this kind
    DATE = "date"  # a row of person_date: every declared field of type date
    ATTRS = "attrs"  # a member of person.attrs: money in fen, times in UTC seconds


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a person. `order`: an ordered choice from low to high. `choices`: every value a choice may have.

    `sealed`: stored encrypted, usable in texts, not in conditions. `example` as the file says it (money in yuan).
    `indexed`: asked for so often that conditions over everybody find it by an index; only of attrs.
    `kept`: nobody sets it, and who does instead, as a hint; "" for all that can be set.
    """

    name: str
    kind: FieldType
    title: str
    order: tuple[str, ...] = ()
    sealed: bool = False
    example: Any = None
    choices: tuple[str, ...] = ()
    home: Home = Home.ATTRS
    indexed: bool = False
    kept: str = ""

    @property
    def is_plain_text(self) -> bool:
        """A text of the shop's own, no address of anybody and not sealed."""
        return self.kind is FieldType.TEXT and self.home is Home.ATTRS and not self.sealed

    def info(self) -> FieldInfo:
        hidden = self.sealed or self.home is Home.IDENTITY
        return FieldInfo(self.kind, self.order, self.choices, hidden)


@dataclass(frozen=True, slots=True)
class Property:
    """A property of an event. `unit`: how money arrives, "fen" or "yuan"; it is stored in fen either way.

    `example` as the event would carry it on arrival, in its unit. `of`: the properties of a list's items.
    """

    name: str
    kind: FieldType
    unit: str | None = None
    example: Any = None
    of: Mapping[str, Property] | None = None
    order: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()
    title: str = ""

    def info(self) -> FieldInfo:
        members = {name: member.info() for name, member in (self.of or {}).items()}
        return FieldInfo(self.kind, self.order, self.choices, of=members)


@dataclass(frozen=True, slots=True)
class EventType:
    """A kind of event. `key`: the property that says which order, complaint, ... it is about."""

    name: str
    title: str
    key: str | None
    properties: Mapping[str, Property]
    about: str | None = None
    built_in: bool = False

    def info(self) -> EventInfo:
        return EventInfo(self.key, {name: known.info() for name, known in self.properties.items()})


@dataclass(frozen=True, slots=True)
class Computed:
    """A value kept fresh from a person's events: `how` is latest, sum, count or most_frequent of event `of`.

    `take`: the property it takes, `at` for the time of the event, None for the whole event (kind RECORD) or a count.
    `within`: only events of this long. `cleared_by`: events after which there is no value.
    """

    name: str
    kind: FieldType
    how: str
    of: str
    take: str | None = None
    within: Duration | None = None
    cleared_by: tuple[str, ...] = ()
    title: str = ""
    order: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()

    def info(self) -> FieldInfo:
        return FieldInfo(self.kind, self.order, self.choices)


@dataclass(frozen=True, slots=True)
class Catalog:
    """All that exists in a shop. `fields` and `events` include the built-in ones."""

    fields: Mapping[str, Field]
    events: Mapping[str, EventType]
    computed: Mapping[str, Computed]
    vocabulary: Vocabulary = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        fields = {name: known.info() for name, known in self.fields.items()}
        fields |= {name: value.info() for name, value in self.computed.items()}
        events = {name: known.info() for name, known in self.events.items()}
        object.__setattr__(self, "vocabulary", Vocabulary(fields, events))
