"""Coupon codes from CSV and XLSX: which column has them, and which rows have none that could be given to anybody.

Apart from the imports of people: such a file often has no headings, and a heading taken for a code reaches a customer.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Final, NamedTuple

from automation.kernel import errors
from automation.people.normalise import SCIENTIFIC

from . import tables
from .cells import cleaned
from .columns import first_row, plain
from .options import Options
from .rejects import Reject, RejectsFile, rejects_path
from .text_files import Row

# The first of these that is a heading: a file may have a running number beside its codes.
WORDS: Final = (
    ("券码", "优惠码", "优惠券码", "兑换码", "核销码", "激活码", "券号", "优惠券号", "卡密", "couponcode",
     "vouchercode", "code", "codes", "coupon", "voucher"),
    ("卡号", "序列号", "编号", "编码", "号码", "serialnumber", "serial", "sn", "number", "no", "no."),
)  # fmt: skip
HEAD: Final = 10  # rows among which the headings are looked for
SLICE: Final = 1_000  # rejected rows written at once
CHINESE: Final = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]")
DIGIT: Final = re.compile(r"[0-9]")
SAY: Final = "say it with --column HEADING, or with --column NUMBER where the file has no headings"


class _Start(NamedTuple):
    """`place`: the column of the codes. `skipped`: rows above the first code. `headings`: of the rejects file."""

    place: int
    skipped: int
    headings: list[str]


class CodeFile:
    """The codes of a file, in its order; read once. `rejected`: rows without one, which are in `rejects_path`."""

    def __init__(self, path: Path, options: Options, column: str | None, longest: int) -> None:
        """`column`: a heading, or a number from 1 for a file without. Refused where nobody can tell what is a code."""
        rows, _, digest = tables.opened(path, options)
        head = list(islice(rows, HEAD))
        start = _start(path.name, [cleaned(cells) for _, cells, _ in head], column)
        self._rows: Iterator[Row] = chain(head[start.skipped :], rows)
        self._place, self._longest = start.place, longest
        self._rejects = RejectsFile(rejects_path(path, digest), start.headings)
        self._chinese = any(_chinese(cells) for _, cells, _ in head[start.skipped :][:1])
        self._written = 0
        self.rejected = 0

    @property
    def rejects_path(self) -> Path | None:
        return self._rejects.path if self.rejected else None

    def __iter__(self) -> Iterator[str]:
        found: list[Reject] = []
        for line, raw, problem in self._rows:
            cells = cleaned(raw)
            if not any(cells):
                continue
            code = cells[self._place] if len(cells) > self._place else ""
            wrong = problem or self._wrong(code)
            if wrong is None:
                yield code
                continue
            found.append(Reject(line, wrong, raw))
            if len(found) == SLICE:
                self._refuse(found)
                found = []
        self._refuse(found)
        self._rejects.close()

    def _wrong(self, code: str) -> str | None:
        if not code:
            return "no code in this row"
        if len(code) > self._longest:
            return f"a code has at most {self._longest} characters"
        if not code.isprintable():
            return "a code has no line breaks or control characters"
        if "." in code and SCIENTIFIC.fullmatch(code):
            return "a spreadsheet turned it into a rounded number: format the column as text and export again"
        if not self._chinese and CHINESE.search(code):
            return "Chinese characters, which the first code has not: this row seems to be no code"
        return None

    def _refuse(self, rows: Sequence[Reject]) -> None:
        if rows:
            self._written = self._rejects.write(rows, self._written)
            self.rejected += len(rows)


def _start(name: str, head: Sequence[list[str]], column: str | None) -> _Start:
    if column is not None:
        return _chosen(name, head, column)
    for words in WORDS:
        for number, cells in enumerate(head):
            place = next((place for place, cell in enumerate(cells) if plain(cell) in words), None)
            if place is not None:
                return _Start(place, number + 1, cells)
    return _without_headings(name, [(number, cells) for number, cells in enumerate(head) if any(cells)])


def _chosen(name: str, head: Sequence[list[str]], column: str) -> _Start:
    wanted = plain(column)
    for number, cells in enumerate(head):
        places = [place for place, cell in enumerate(cells) if plain(cell) == wanted]
        if places:
            return _Start(places[0], number + 1, cells)
    if column.isascii() and column.isdigit() and int(column):
        return _Start(int(column) - 1, 0, [""] * (int(column) - 1) + [WORDS[0][0]])
    raise errors.Refused(f"{name}: none of the first {HEAD} rows has the heading {column[:40]} ({first_row(head)})")


def _without_headings(name: str, head: Sequence[tuple[int, list[str]]]) -> _Start:
    """Of a file whose only column has nothing but codes, perhaps below words in Chinese. Refused in doubt."""
    rows = [cells for _, cells in head]
    if not rows or any(sum(map(bool, cells)) > 1 or not cells[0] for cells in rows):
        raise errors.Refused(f"{name}: no heading says which column has the codes ({first_row(rows)}): {SAY}")
    first = next((at for at, cells in enumerate(rows) if not _chinese(cells)), 0)
    number, cells = head[first]
    if not DIGIT.search(cells[0]) and all(DIGIT.search(row[0]) for row in rows[first + 1 :]):
        raise errors.Refused(f"{name}: row {number + 1} may be a heading or a code: {SAY}")
    return _Start(0, number, [WORDS[0][0]])


def _chinese(cells: Sequence[str]) -> bool:
    return any(map(CHINESE.search, cells))
