"""What the way of every import and the two kinds of import ask of each other."""

from __future__ import annotations

import marshal
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from automation.store.database import Transaction

from .rejects import Reject

Prepared = TypeVar("Prepared")


@dataclass(slots=True)
class Outcome:
    """What a worker did with its rows. `refused`: positions in the good rows, and why."""

    created: int = 0
    merged: int = 0
    refused: list[tuple[int, str]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Taken(Generic[Prepared]):
    """What a worker made of rows. `good`: the places of those it took, in order; `refused`: place -> why.

    The others are blank.
    """

    prepared: Prepared
    good: list[int]
    refused: dict[int, str]


class Worker(Protocol[Prepared]):
    """What is done with the rows of one kind of import. `notes`: what the headings mean for all rows."""

    kind: str
    notes: tuple[str, ...]

    def understands(self, headings: Sequence[str]) -> bool:
        """Whether this row can be the headings."""
        ...

    def settle(self, headings: Sequence[str]) -> Sequence[str]:
        """Takes the headings; returns the unknown ones with hints."""
        ...

    def prepare(self, rows: Sequence[list[str]]) -> Taken[Prepared]:
        """What can be done without the database. It may run in another process, and its result is pickled then."""
        ...

    def named(self, prepared: Prepared) -> bool:
        """Whether all words that the rows use have their numbers."""
        ...

    def name(self, prepared: Prepared) -> None:
        """Numbers the words the rows use, before the transaction."""
        ...

    def tables(self, tx: Transaction) -> None:
        """Makes the temporary tables, touched(person_id) among them: outside the savepoint that may be rolled back."""
        ...

    def write(self, tx: Transaction, now: int, prepared: Prepared) -> Outcome: ...


@dataclass(frozen=True, slots=True)
class Raw:
    """A chunk as it was read. `rows`: its rows and which of them are good, packed, for few are asked for again."""

    rows: bytes
    size: int
    good: int
    blank: int
    rejects: list[Reject]

    def good_rows(self) -> list[tuple[int, list[str]]]:
        """Line and cells."""
        rows, good = marshal.loads(self.rows)  # noqa: S302 - our own bytes
        return [rows[place][:2] for place in good]


@dataclass(frozen=True, slots=True)
class Ready(Generic[Prepared]):
    """A chunk ready to be written."""

    raw: Raw
    prepared: Prepared
