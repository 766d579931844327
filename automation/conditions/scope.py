"""What a condition may speak of where it stands: fields, events, segments, steps and names, as plain values.

Apart from the catalog, which stands a floor above and produces these; whoever parses a condition fills a Scope.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from automation.conditions.tree import Condition, FieldType

_NOTHING: Final[Mapping[str, FieldInfo]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class FieldInfo:
    """What is known of one value. `order`: an ordered choice from low to high; `choices`: all that a choice may be.

    `hidden`: stored sealed, or an identity: it can only be asked whether it exists. `of`: the members of a record or
    of a list's items.
    """

    kind: FieldType
    order: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()
    hidden: bool = False
    of: Mapping[str, FieldInfo] = field(default_factory=lambda: _NOTHING)


@dataclass(frozen=True, slots=True)
class EventInfo:
    """An event's own key (a property, or None) and its properties."""

    key: str | None
    properties: Mapping[str, FieldInfo]


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What exists in a shop: the person's fields (built in, declared, computed) by bare name, and events by name."""

    fields: Mapping[str, FieldInfo]
    events: Mapping[str, EventInfo]


class Inside(StrEnum):
    """Where a condition stands: it decides the default span of events and what may be referred to."""

    JOURNEY = "journey"  # in steps and exits: events count since entry
    ENTRY = "entry"  # in `enter`: a span is required; `entry` is known
    SEGMENT = "segment"  # in segments, policy and texts' variants: a span is required
    WHERE = "where"  # about an event's own properties


@dataclass(frozen=True, slots=True)
class Scope:
    """All that names are looked up in.

    `segments`: name -> its condition. `steps`: step id -> kind of step (`send`, `wait_for`, ...). `names`: each `as`
    name -> its members, such as coupon -> code, amount, expires. `entry`: members of `entry`, None where there is none.
    `key`: the journey's `key`. `journeys`: every journey's name; None leaves `in_journey` unchecked. `unsent`: steps
    whose text is not there, which are not offered.
    """

    catalog: Vocabulary
    inside: Inside = Inside.SEGMENT
    segments: Mapping[str, Condition] = field(default_factory=dict)
    steps: Mapping[str, str] = field(default_factory=dict)
    names: Mapping[str, Mapping[str, FieldInfo]] = field(default_factory=dict)
    entry: Mapping[str, FieldInfo] | None = None
    key: str | None = None
    journeys: frozenset[str] | None = None
    unsent: Collection[str] = ()

    def find(self, path: str) -> FieldInfo | None:
        """What a path means here: `tier`, `customer.tier`, `entry.total`, `coupon.code`; None where it is unknown."""
        head, dot, rest = path.partition(".")
        if not dot or self.inside is Inside.WHERE:
            return self.catalog.fields.get(path)
        if head == "customer":
            return self.catalog.fields.get(rest)
        if head == "entry":
            return (self.entry or {}).get(rest)
        return self.names.get(head, {}).get(rest)

    def paths(self) -> list[str]:
        """Every path that `find` knows, for hints: the person's fields by their bare names."""
        found = list(self.catalog.fields)
        found += [f"entry.{name}" for name in self.entry or ()]
        found += [f"{name}.{member}" for name, members in self.names.items() for member in members]
        return found
