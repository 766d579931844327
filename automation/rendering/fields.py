"""Pieces of template source with their place in a file, so that every mistake can be shown where it was written."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from automation.kernel import document, errors


@dataclass(frozen=True, slots=True)
class Field:
    """One piece of template source: where it begins in its file. `exact`: its lines are lines of the file."""

    name: str
    source: str
    path: str
    line: int = 1
    column: int = 1
    exact: bool = True


@dataclass(frozen=True, slots=True)
class Use:
    """One variable a text uses, dotted; `[]` is one item of a list. `optional`: the text copes when it is missing."""

    name: str
    path: str
    line: int
    column: int
    optional: bool


def problem(field: Field, line: int, code: str, message: str, hint: str = "", near: str = "") -> errors.Problem:
    """A mistake at a line of the field (from 1), the column where `near` stands in it."""
    at_line, at_column = place(field, line, near)
    return errors.Problem(field.path, at_line, at_column, code, message, hint)


def place(field: Field, line: int, near: str = "") -> tuple[int, int]:
    """Line and column in the file of `near` in a line of the field; without it, of its first expression."""
    lines = field.source.splitlines() or [""]
    text = lines[min(line, len(lines)) - 1]
    if near:  # a whole word first; in Chinese words stand without a gap
        found = re.search(re.escape(near) + r"(?!\w)", text) or re.search(re.escape(near), text)
    else:
        found = re.search(r"\{[{%]", text)
    column = found.start() if found else 0
    if not field.exact:
        return field.line, field.column
    return field.line + line - 1, column + field.column


def did_you_mean(word: str, known: Iterable[str]) -> str:
    words = sorted(known)
    close = document.nearest(word, words)
    return f"did you mean {close}?" if close else f"known: {' '.join(words)}"
