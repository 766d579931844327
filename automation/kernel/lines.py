"""A light scanner that cuts the lines of a YAML file into keys, values and what is between, even where YAML gives up.

It stands apart because it has no opinion: slips.py judges the pieces. It follows block texts, quoted texts and
brackets over lines, in time proportional to the text.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    KEY = "key"
    VALUE = "value"  # a text after a key or between brackets
    ITEM = "item"  # a text right after a dash
    LOOSE = "loose"  # a line without key or dash: a continued text, or a mistake
    COMMENT = "comment"  # a # that follows something on its line
    SPACE = "space"  # indentation or a gap that is not made of plain spaces
    AFTER = "after"  # text behind a closing bracket or quotation mark


@dataclass(frozen=True, slots=True)
class Piece:
    """One unquoted stretch of one line; line and column from 0. `within`: "[" or "{" inside brackets, else ""."""

    role: Role
    line: int
    column: int
    text: str
    within: str = ""
    item: bool = False  # a key right after a dash
    quoted: bool = False  # a key in quotation marks
    bare: bool = False  # a key with nothing after it on its line


GAP = re.compile(r"[ \t\u3000\u00a0]*")
KEY = re.compile(r"((?:[^:#\s]|:(?=\S)|(?<=\S)#|\s(?!#))*?):(?=\s|$)")
QUOTED = {'"': re.compile(r'"(?:[^"\\]|\\.)*"'), "'": re.compile(r"'(?:[^']|'')*'")}
CLOSING = {'"': re.compile(r'(?:[^"\\]|\\.)*"'), "'": re.compile(r"(?:[^']|'')*'(?!')")}
HEADER = re.compile(r"(?:\||>(?!\d))[+-]?\d?[+-]?[ \t]*(?:#.*)?$")
PLAIN = re.compile(r"(?:[^#]|(?<=\S)#)*")
FLOW_PLAIN = re.compile(r"(?:[^,\[\]{}:#]|:(?![\s,\[\]{}]|$)|(?<=[^\s,\[\]{}])#)+")
TEMPLATE = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{[{%].*")


class Scanner:
    """Where we stand between two lines: in a block text, in a quotation, or within brackets."""

    def __init__(self) -> None:
        self.block: int | None = None  # a block text lasts while lines are indented deeper than this
        self.quote = ""
        self.flow: list[str] = []
        self.at_value = False  # within {}: a key and its colon have been seen
        self.number = 0

    def scan(self, text: str) -> Iterator[Piece]:
        for self.number, line in enumerate(text.split("\n")):
            if self.block is not None:
                if not line.strip() or len(line) - len(line.lstrip(" ")) > self.block:
                    continue
                self.block = None
            start = 0
            if self.quote:
                end = CLOSING[self.quote].match(line)
                if not end:
                    continue
                self.quote, start = "", end.end()
                if not self.flow:
                    yield from self._rest(line, start)
                    continue
            yield from self._flow(line, start) if self.flow else self._line(line)

    def _piece(self, role: Role, column: int, text: str, **more: bool) -> Piece:
        text = text if role is Role.SPACE else text.rstrip(" \t")
        return Piece(role, self.number, column, text, self.flow[-1] if self.flow else "", **more)

    def _line(self, line: str) -> Iterator[Piece]:
        gap = GAP.match(line)
        position = gap.end() if gap else 0
        if line[:position].strip(" ") and line.strip():
            yield self._piece(Role.SPACE, 0, line[:position])
        if position == len(line) or line[position] == "#" or line.startswith(("---", "...", "%")):
            return
        parent, item = -1, False
        while line[position : position + 1] == "-" and line[position + 1 : position + 2] in ("", " ", "\t"):
            parent, item = position, True
            position = yield from self._gap(line, position + 1)
        key = self._key(line, position)
        if key is None:
            yield from self._value(line, position, parent, Role.ITEM if item else Role.LOOSE)
            return
        after = yield from self._gap(line, key[1] + 1)
        bare = after == len(line) or line[after] == "#"
        quoted = line[position] in QUOTED
        yield self._piece(Role.KEY, position, key[0], item=item, bare=bare, quoted=quoted)
        yield from self._value(line, after, position, Role.VALUE)

    def _gap(self, line: str, start: int) -> Generator[Piece, None, int]:
        gap = GAP.match(line, start)
        end = gap.end() if gap else start
        if line[start:end].strip(" ") and end < len(line):
            yield self._piece(Role.SPACE, start, line[start:end].strip(" "))
        return end

    def _key(self, line: str, start: int) -> tuple[str, int] | None:
        """The key that begins here and the position of its colon."""
        first = line[start : start + 1]
        if first in QUOTED:
            quoted = QUOTED[first].match(line, start)
            colon = re.compile(r"[ \t]*:(?=\s|$)").match(line, quoted.end()) if quoted else None
            return (line[start + 1 : quoted.end() - 1], colon.end() - 1) if quoted and colon else None
        if first in ("", "#", "[", "{", "|", ">", "&", "*", "!"):
            return None
        found = KEY.match(line, start)
        return (found[1].rstrip(), found.end() - 1) if found else None

    def _value(self, line: str, start: int, parent: int, role: Role) -> Iterator[Piece]:
        first = line[start : start + 1]
        if first == "#":
            yield self._piece(Role.COMMENT, start, line[start:])
        elif first in QUOTED:
            quoted = QUOTED[first].match(line, start)
            if quoted:
                yield from self._rest(line, quoted.end())
            else:
                self.quote = first
        elif first and HEADER.match(line, start):
            self.block = parent
        elif first == "[" or (first == "{" and line[start + 1 : start + 2] not in ("{", "%")):
            yield from self._flow(line, start)
        elif first:
            plain = PLAIN.match(line, start)
            end = plain.end() if plain else len(line)
            yield self._piece(role, start, line[start:end])
            if end < len(line):
                yield self._piece(Role.COMMENT, end, line[end:])

    def _rest(self, line: str, start: int) -> Iterator[Piece]:
        """What follows a closed quotation or bracket outside brackets: nothing or a comment, if all is well."""
        gap = GAP.match(line, start)
        end = gap.end() if gap else start
        if end < len(line) and line[end] != "#":
            yield self._piece(Role.AFTER, end, line[end:])

    def _flow(self, line: str, position: int) -> Iterator[Piece]:
        while position < len(line):
            sign = line[position]
            if sign in "]}":
                if self.flow:
                    self.flow.pop()
                self.at_value = True
                if not self.flow:
                    yield from self._rest(line, position + 1)
                    return
            elif sign in QUOTED:
                quoted = QUOTED[sign].match(line, position)
                if not quoted:
                    self.quote = sign
                    return
                position = quoted.end() - 1
            elif sign == "," or (sign == ":" and line[position + 1 : position + 2] in ("", " ", ",", "]", "}")):
                self.at_value = sign == ":"
            elif sign == "#":
                yield self._piece(Role.COMMENT, position, line[position:])
                return
            elif sign in "[{" or not sign.isspace() or sign in "\t\u3000\u00a0":
                position = yield from self._flow_piece(line, position)
                continue
            position += 1

    def _flow_piece(self, line: str, start: int) -> Generator[Piece, None, int]:
        """An opening bracket, a template expression, a stray gap or an unquoted text within brackets."""
        template = TEMPLATE.match(line, start) if self.flow else None
        if template:
            yield self._piece(Role.VALUE, start, template[0])
            return template.end()
        if line[start] in "[{":
            self.flow.append(line[start])
            self.at_value = False
            return start + 1
        gap = GAP.match(line, start)
        if gap and gap.end() > start:
            yield self._piece(Role.SPACE, start, gap[0].strip(" "))
            return gap.end()
        plain = FLOW_PLAIN.match(line, start)
        end = plain.end() if plain else start + 1
        text = line[start:end]
        if text.endswith("$") and line[end : end + 1] == "{":
            reference = line.find("}", end)
            end = reference + 1 if reference >= 0 else len(line)
            yield self._piece(Role.VALUE, start, line[start:end])
            return end
        colon = line[end : end + 1] == ":"
        role = Role.KEY if colon and not self.at_value and self.flow[-1] == "{" else Role.VALUE
        yield self._piece(role, start, text + ": " if colon and role is Role.VALUE and self.at_value else text)
        return end
