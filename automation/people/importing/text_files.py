"""CSV as offices export it: UTF-8 with or without mark, GB18030, UTF-16; commas, semicolons or tabs; open quotes."""

from __future__ import annotations

import codecs
import csv
import hashlib
import io
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TextIO, TypeAlias

from automation.kernel import errors

BLOCK = 256 * 1024
LONGEST_LINE = 1024 * 1024
SPAN = 20  # lines one row may take; more is a quotation mark that nobody closed
DELIMITERS = ",;\t|"
MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
# What may be named, and as what it is read: a mark or a newer character does no harm. Of Python's other encodings some
# are no texts (base64, zlib, rot13), some make halves of characters (utf-7, raw_unicode_escape).
ENCODINGS: Final = {
    "utf-8": "utf-8-sig", "gb18030": "gb18030", "gbk": "gb18030", "gb2312": "gb18030", "big5": "big5",
    "big5hkscs": "big5hkscs", "cp950": "cp950", "utf-16": "utf-16", "utf-16-le": "utf-16-le", "utf-16-be": "utf-16-be",
}  # fmt: skip
UNDECODED = "\ufffd"
UNCLOSED = "a quotation mark is not closed on this line"
TOO_LONG = f"a cell of more than {csv.field_size_limit():,} characters"
DAMAGED = "characters that are not of the file's encoding"

Row: TypeAlias = tuple[int, list[str], str | None]  # line from 1, cells, what is wrong with the row as such


@dataclass(frozen=True, slots=True)
class Survey:
    """What one reading of the whole file tells: its encoding, SHA-256, and about how many lines it has."""

    encoding: str
    digest: str
    lines: int


def named(encoding: str) -> str:
    """What a file is read as for which somebody names this encoding, under any of its names. Refused where none is."""
    try:
        known = codecs.lookup(encoding).name
    except (LookupError, ValueError):
        known = ""
    known = "utf-8" if known == "utf-8-sig" else known
    if known not in ENCODINGS:
        raise errors.Refused(
            f"a table cannot be in the encoding '{encoding[:40]}': write one of {', '.join(ENCODINGS)}"
        )
    return ENCODINGS[known]


def survey(path: Path, encoding: str | None = None) -> Survey:
    """Reads the file once in blocks. The encoding is the one named, else the mark's, else UTF-8 if it is that."""
    digest, lines = hashlib.sha256(), 0
    marked = named(encoding) if encoding else None
    strict = {name: codecs.getincrementaldecoder(name)("strict") for name in ("utf-8", "gb18030")}
    with path.open("rb") as file:
        for number, block in enumerate(iter(lambda: file.read(BLOCK), b"")):
            if number == 0 and marked is None:
                marked = next((name for mark, name in MARKS if block.startswith(mark)), None)
            elif number == 0 and marked == "utf-16" and not block.startswith(UTF_16):
                marked = "utf-16-le"  # as Windows writes it
            digest.update(block)
            lines += block.count(b"\n")
            for name in list(strict) if marked is None else ():
                try:
                    strict[name].decode(block)
                except UnicodeDecodeError:
                    del strict[name]
    found = marked or next(iter(strict), None) or _least_wrong(path)
    return Survey(found, digest.hexdigest(), lines)


def _least_wrong(path: Path) -> str:
    """For a file with damaged places: the encoding in which fewer are wrong."""
    wrong = {}
    for name in ("utf-8", "gb18030"):
        with path.open(encoding=name, errors="replace", newline="") as file:
            wrong[name] = sum(block.count(UNDECODED) for block in iter(lambda file=file: file.read(BLOCK), ""))  # type: ignore[misc]
    return min(wrong, key=lambda name: wrong[name])


def rows(path: Path, encoding: str, delimiter: str | None) -> Iterator[Row]:
    """Every row with the line it begins on. A damaged row comes with a reason, and never hides the ones after it."""
    with path.open(encoding=encoding, errors="replace", newline="") as file:
        sign = delimiter or _delimiter(file)
        line = 1
        while block := file.read(BLOCK):
            block += file.readline(LONGEST_LINE)
            plain = _plain(block, sign)
            if plain is not None:
                for cells in plain:
                    yield line, cells, None
                    line += 1
                continue
            for row in _records(_Lines(file, block), sign, line):
                line, cells, problem, taken = row
                yield line, cells, problem
                line += taken


def _plain(block: str, delimiter: str) -> list[list[str]] | None:
    """The rows of a block in which each line is a row; None where it must be looked at line by line."""
    if '"' in block or _damaged(block):
        return None
    try:
        return list(csv.reader(io.StringIO(block, newline=""), delimiter=delimiter))
    except csv.Error:  # a cell beyond all measure
        return None


def _delimiter(file: TextIO) -> str:
    head = [file.readline(LONGEST_LINE) for _ in range(5)]
    file.seek(0)
    return max(DELIMITERS, key=lambda sign: max(line.count(sign) for line in head))


class _Lines:
    """The lines of a block, remembering those of the row at hand; beyond the block only to finish a row."""

    def __init__(self, file: TextIO, block: str) -> None:
        self._read = file.readline
        self.back = deque(io.StringIO(block, newline=""))
        self.taken: list[str] = []
        self.overrun = False

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        if len(self.taken) >= SPAN:
            self.overrun = True
            raise StopIteration
        if not self.back and not self.taken:
            raise StopIteration
        line = self.back.popleft() if self.back else self._read(LONGEST_LINE)
        if not line:
            raise StopIteration
        self.taken.append(line)
        return line


def _records(lines: _Lines, delimiter: str, line: int) -> Iterator[tuple[int, list[str], str | None, int]]:
    """Rows, each with the line it begins on and the number of lines it takes."""
    reader = csv.reader(lines, delimiter=delimiter)
    taken = lines.taken
    while True:
        try:
            cells = next(reader, None)
            broken = UNCLOSED if lines.overrun or (len(taken) > 1 and _open_quote(taken)) else None
        except csv.Error:
            cells, broken = [], UNCLOSED if _open_quote(taken) else TOO_LONG
        if not taken:
            return
        size = 1 if broken else len(taken)
        if broken:
            # Only the line where it began is lost: the lines it swallowed are read again.
            yield line, [taken[0].rstrip("\r\n")[:1000]], broken, size
            lines.back.extendleft(reversed(taken[1:]))
            lines.overrun = False
            reader = csv.reader(lines, delimiter=delimiter)
        else:
            yield line, cells or [], DAMAGED if any(map(_damaged, taken)) else None, size
        line += size
        taken.clear()


def _damaged(text: str) -> bool:
    """Whether it has what is no character: a place that could not be read, or half of a pair."""
    if UNDECODED in text:
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


def _open_quote(taken: list[str]) -> bool:
    """A row that ends with the file while a quotation is open has an odd number of marks."""
    return sum(line.count('"') for line in taken) % 2 == 1
