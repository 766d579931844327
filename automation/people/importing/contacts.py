"""Good rows of a table of customers by column, as they are stored: what a plan makes of cells and groups.py takes on.

By column, because most chunks have nothing to refuse: then a column is converted in one go.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias

Values: TypeAlias = list[Any]  # of each row, None where it says nothing


class Identities(NamedTuple):
    """A column of identities of one kind, normalised. `account`: whose openids these are."""

    kind: str
    account: str
    texts: list[str | None]


class Consents(NamedTuple):
    """A column of consent: who granted (True) and who refused."""

    purpose: str
    channels: Sequence[str]
    granted: list[bool | None]


@dataclass(slots=True)
class Contacts:
    """Good rows. `columns`: of the table person, by name; `days`: YearDay, `attrs`: members, by name of the field.

    `tags`: tuples of words, `created`: UTC seconds; None where the table has no such column.
    `proofs`: of the consents, by columns.PROOFS.
    """

    size: int
    identities: list[Identities] = field(default_factory=list)
    columns: dict[str, Values] = field(default_factory=dict)
    days: dict[str, Values] = field(default_factory=dict)
    attrs: dict[str, Values] = field(default_factory=dict)
    tags: Values | None = None
    created: Values | None = None
    consents: list[Consents] = field(default_factory=list)
    proofs: dict[str, Values] = field(default_factory=dict)

    def part(self, rows: Sequence[int]) -> Contacts:
        """A copy of these rows."""

        def picked(values: Values) -> Values:
            return list(map(values.__getitem__, rows))

        def named(columns: dict[str, Values]) -> dict[str, Values]:
            return {name: picked(values) for name, values in columns.items()}

        return Contacts(
            len(rows),
            [known._replace(texts=picked(known.texts)) for known in self.identities],
            named(self.columns), named(self.days), named(self.attrs),
            None if self.tags is None else picked(self.tags),
            None if self.created is None else picked(self.created),
            [word._replace(granted=picked(word.granted)) for word in self.consents],
            named(self.proofs),
        )  # fmt: skip

    def join(self, rows: Sequence[int]) -> None:
        """Makes the last of these rows, of one person and in the order of the file, say what they say together.

        Of two values the later row's holds. Identities and consents stay with the rows they are of.
        """
        last = rows[-1]
        if self.created is not None:
            self.created[last] = min((time for row in rows if (time := self.created[row]) is not None), default=None)
        for values in (*self.columns.values(), *self.days.values(), *self.attrs.values()):
            values[last] = next((values[row] for row in reversed(rows) if values[row] is not None), None)
        if self.tags is not None:
            self.tags[last] = tuple(dict.fromkeys(tag for row in rows for tag in self.tags[row] or ()))
