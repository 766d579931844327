"""XLSX, read as a stream, after a look at what it would unpack to: a few kilobytes can hold gigabytes."""

from __future__ import annotations

import hashlib
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import closing
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

from automation.kernel import errors

from .options import MB, Limits
from .text_files import BLOCK, Row

FORBIDDEN = ("vbaProject.bin", "externalLink")
DAMAGED = (KeyError, IndexError, ValueError, EOFError, SyntaxError, zipfile.BadZipFile, zlib.error)
PROLOGUE = 4096  # bytes in which an XML file declares entities, if it does


def digest(path: Path) -> str:
    found = hashlib.sha256()
    with path.open("rb") as file:
        for block in iter(lambda: file.read(BLOCK), b""):
            found.update(block)
    return found.hexdigest()


def check(path: Path, limits: Limits) -> None:
    """Refused where the file is no workbook, is made to exhaust memory, or carries macros or links to other files."""
    try:
        with zipfile.ZipFile(path) as archive:
            _check_parts(archive, limits)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError) as error:
        raise errors.Refused("not an .xlsx workbook that can be read: save it as .xlsx or CSV UTF-8 again") from error


def _check_parts(archive: zipfile.ZipFile, limits: Limits) -> None:
    parts = archive.infolist()
    if len(parts) > limits.parts:
        raise errors.Refused(f"the workbook has {len(parts)} parts, more than {limits.parts}")
    if sum(part.file_size for part in parts) > limits.unpacked:
        raise errors.Refused(f"the workbook unpacks to more than {limits.unpacked // MB} MB: save it as CSV UTF-8")
    for part in parts:
        if any(word in part.filename for word in FORBIDDEN):
            raise errors.Refused("the workbook has macros or links to other files: save it as CSV UTF-8")
        if part.file_size > MB and part.file_size > limits.ratio * max(1, part.compress_size):
            raise errors.Refused("the workbook unpacks to far more than it holds: it was made to do harm")
        if part.filename.endswith("sharedStrings.xml") and part.file_size > limits.shared_texts:
            raise errors.Refused("the workbook has too many texts to hold in memory: save it as CSV UTF-8")
        if part.filename.endswith((".xml", ".rels")):
            with archive.open(part) as file:
                head = file.read(PROLOGUE)
                if b"<!DOCTYPE" in head or b"<!ENTITY" in head:
                    raise errors.Refused("the workbook declares entities: save it as CSV UTF-8")


def rows(path: Path, sheet: str | None, limits: Limits) -> Iterator[Row]:
    """Every row of a sheet (the first one unless named), cells as text. Formulas come as what they last showed."""
    line = 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # openpyxl on styles and validations that do not concern the values
        try:
            for line, cells in _cells(path, sheet, limits):
                yield line, _texts(cells), None
        except DAMAGED as error:
            raise errors.Refused(f"the workbook is damaged after row {line}: save it as CSV UTF-8") from error


def _cells(path: Path, sheet: str | None, limits: Limits) -> Iterator[tuple[int, tuple[Any, ...]]]:
    import openpyxl  # 0.2 s: only for those who have a workbook

    # By its name openpyxl would refuse one that is not called .xlsx.
    with (
        path.open("rb") as file,
        closing(openpyxl.load_workbook(file, read_only=True, data_only=True, keep_links=False)) as book,
    ):
        if sheet is not None and sheet not in book.sheetnames:
            raise errors.Refused(f"there is no sheet {sheet}; there are {', '.join(book.sheetnames)}")
        table = book[sheet] if sheet is not None else book.worksheets[0]
        table.reset_dimensions()  # some writers state a wrong size, and rows beyond it would be lost
        for line, cells in enumerate(table.iter_rows(values_only=True, max_col=limits.columns), 1):
            if line > limits.rows:
                raise errors.Refused(f"the sheet has more than {limits.rows} rows: save it as CSV UTF-8")
            yield line, cells


def _texts(cells: tuple[Any, ...]) -> list[str]:
    texts = [_text(cell) for cell in cells]
    while texts and not texts[-1]:
        texts.pop()
    return texts


def _text(cell: Any) -> str:
    if cell is None:
        return ""
    if isinstance(cell, str):
        return cell
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() else repr(cell)
    if isinstance(cell, datetime):
        return cell.strftime("%Y-%m-%d" if cell.time() == time() else "%Y-%m-%d %H:%M:%S")
    if isinstance(cell, date):
        return cell.isoformat()
    return str(cell)
