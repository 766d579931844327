"""What every part of the compiler works with: the target, the aliases of the statement, the way to rows of a person."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from zoneinfo import ZoneInfo

from automation.conditions import tree
from automation.festivals import keys
from automation.festivals.workdays import Workdays
from automation.journey.catalog_values import Catalog
from automation.store.dialect import Dialect
from automation.store.names import Names

from .parameters import Parameters

FALSE, TRUE = "(1 = 0)", "(1 = 1)"


class Target(StrEnum):
    """How many people a statement is about: it decides how their other rows are reached."""

    BASE = "base"  # everybody: p.id IN (SELECT ...), read once
    BATCH = "batch"  # some thousands: EXISTS for each
    ONE = "one"


@dataclass(frozen=True, slots=True)
class ShopCalendar:
    """The shop's zone, in which the moments of conditions are meant, its workdays, and how it keeps missing days."""

    zone: ZoneInfo
    workdays: Workdays = field(default_factory=Workdays)
    days: keys.Rules = keys.DEFAULT_RULES


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What does not change from statement to statement."""

    dialect: Dialect
    names: Names
    catalog: Catalog
    calendar: ShopCalendar


@dataclass(frozen=True, slots=True)
class Context:
    """Where a condition stands. `event`: set inside a `where`, the alias whose properties bare names are.

    `key`: the journey's key, where the statement belongs to a journey.
    """

    around: Surroundings
    target: Target
    parameters: Parameters
    person: str
    run: str
    key: str | None = None
    event: str | None = None

    @property
    def dialect(self) -> Dialect:
        return self.around.dialect

    def bind(self, value: object) -> str:
        return self.parameters.add(value)

    def name_id(self, kind: str, word: str) -> str:
        """The id of an interned word, looked up at execution: a word that nobody has used yet matches nothing."""
        names = self.around.names
        return self.parameters.add(lambda now: names.find(kind, word) or -1)

    def name_ids(self, kind: str, words: tuple[str, ...]) -> str:
        return ", ".join(self.name_id(kind, word) for word in words)

    def inside(self, event: str) -> Context:
        """The context of a `where` about this alias of event."""
        return replace(self, event=event)

    def has(self, rows: str, alias: str, test: str) -> str:
        """Whether the person has such a row: `rows` is what stands in FROM, `alias` the one with person_id."""
        if self.target is Target.BASE:
            return f"{self.person}.id IN (SELECT {alias}.person_id FROM {rows} WHERE {test}{self.dialect.in_order})"
        return f"EXISTS (SELECT 1 FROM {rows} WHERE {alias}.person_id = {self.person}.id AND {test})"


def complement(test: str) -> str:
    """True where the test is false or unknown."""
    return f"(({test}) IS NOT TRUE)"


def asks_outside(condition: tree.Condition) -> bool:
    """Whether a `where` compares with something that is not of the event: then it cannot be read once for everybody."""
    match condition:
        case tree.All(parts) | tree.AnyOf(parts):
            return any(asks_outside(part) for part in parts)
        case tree.Not(part):
            return asks_outside(part)
        case tree.Compare(value=tree.Ref()):
            return True
    return False
