"""From values of a YAML file to fields that know their place in it, and the version of what was read."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from automation.kernel import document
from automation.rendering.fields import Field


def field_of(name: str, value: str, about: document.Document, loc: document.Loc, lines: list[str]) -> Field:
    """A YAML value as a field: a block text begins on the line below its `|`, a quoted one behind its quote."""
    mark = about.mark(loc)
    sign = lines[mark.line - 1][mark.column - 1 : mark.column] if mark.line <= len(lines) else ""
    if sign == "|":
        first = next((line for line in lines[mark.line :] if line.strip()), "")
        return Field(name, value, about.path, mark.line + 1, len(first) - len(first.lstrip()) + 1)
    column = mark.column + 1 if sign in ("'", '"') else mark.column
    return Field(name, value, about.path, mark.line, column, exact="\n" not in value)


def leaves(value: Any, loc: document.Loc = ()) -> Iterator[tuple[document.Loc, str]]:
    """The texts in nested mappings and lists, each with its place."""
    if isinstance(value, str):
        yield loc, value
        return
    for step, inner in value.items() if isinstance(value, dict) else enumerate(value):
        yield from leaves(inner, (*loc, step))


def read_lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError):
        return []


def digest(*parts: str | Field) -> str:
    """The version of a template: the same content in the same place is compiled once."""
    pieces: Iterator[str] = (
        part if isinstance(part, str) else f"{part.name}\x00{part.path}\x00{part.line}\x00{part.source}"
        for part in parts
    )
    return hashlib.sha256("\x01".join(pieces).encode("utf-8", "surrogatepass")).hexdigest()


def shown(path: Path) -> str:
    """The path as people see it: below the shop's folder, `templates/wish/sms.yaml`."""
    try:
        return path.relative_to(Path.cwd()).as_posix()
    except ValueError:
        return path.as_posix()
