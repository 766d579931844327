"""Opening a table of any kind that offices save: the rows of a CSV or XLSX file, about how many, and its SHA-256."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias

from automation.kernel import errors

from . import text_files, workbooks
from .options import Options
from .text_files import Row

OTHERS = (".xls", ".xlsm", ".xlsb", ".et", ".numbers")
WORKBOOK = b"PK\x03\x04"  # whatever the file is called: an XLSX is a ZIP
OLD_WORKBOOK = bytes.fromhex("d0cf11e0a1b11ae1")  # .xls and .et
Table: TypeAlias = tuple[Iterator[Row], int | None, str]  # None: nobody knows how many


def opened(path: Path, options: Options) -> Table:
    """Refused where the file as a whole cannot be read."""
    try:
        return _opened(path, options)
    except OSError as error:
        raise errors.Refused(f"{path} cannot be read: {error.strerror}") from error


def _opened(path: Path, options: Options) -> Table:
    with path.open("rb") as file:
        begin = file.read(len(OLD_WORKBOOK))
    if path.suffix.lower() in OTHERS or begin == OLD_WORKBOOK:
        raise errors.Refused(f"{path.name}: save it as .xlsx or as CSV UTF-8")
    if path.suffix.lower() == ".xlsx" or begin.startswith(WORKBOOK):
        workbooks.check(path, options.limits)
        return workbooks.rows(path, options.sheet, options.limits), None, workbooks.digest(path)
    found = text_files.survey(path, options.encoding)
    return text_files.rows(path, found.encoding, options.delimiter), found.lines, found.digest
