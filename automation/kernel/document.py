"""A file that has been read: its data, and the position of every key and value in it.

Apart from the reader (source.py, which passes these names on), so that whoever only asks for positions needs no parser.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from automation.kernel.errors import Problem

Loc: TypeAlias = tuple[str | int, ...]  # keys and list positions from the root


LIKELY: Final = 0.66  # how alike two words are of which one was meant to be the other: two letters of three
POSSIBLE: Final = 0.6  # where they begin alike: a slip seldom hits the first letter


@dataclass(frozen=True, slots=True)
class Mark:
    """A position, line and column from 1."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Document:
    """One file: its path as shown to people, its data (JSON-like), where each part stands, and the text itself."""

    path: str
    data: Any
    marks: Mapping[Loc, tuple[Mark, Mark]] = field(default_factory=dict, repr=False)  # of key or item, of value
    text: str = field(default="", repr=False, compare=False)

    def mark(self, loc: Loc, key: bool = False) -> Mark:
        """Where the value (or its key) at `loc` stands; the nearest known ancestor's value when nothing is there."""
        if loc in self.marks:
            return self.marks[loc][0 if key else 1]
        while loc:
            loc = loc[:-1]
            if loc in self.marks:
                return self.marks[loc][1]
        return Mark(1, 1)

    def problem(self, loc: Loc, code: str, message: str, hint: str = "", key: bool = False) -> Problem:
        mark = self.mark(loc, key)
        return Problem(self.path, mark.line, mark.column, code, message, hint)


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word this one was probably meant to be: for "did you mean"."""
    if len(word) > 60:
        return None
    lower = word.lower()
    by_lower = {candidate.lower(): candidate for candidate in known}
    alike = [candidate for candidate in by_lower if candidate[:1] == lower[:1]]
    close = difflib.get_close_matches(lower, by_lower, n=1, cutoff=LIKELY)
    close = close or difflib.get_close_matches(lower, alike, n=1, cutoff=POSSIBLE)
    return by_lower[close[0]] if close else None
