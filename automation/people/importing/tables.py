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
Table: TypeAlias = tuple[Iterator[Row], int | None, str]  # None: nobody knows how many


def opened(path: Path, options: Options) -> Table:
    """Refused where the file as a whole cannot be read."""
    try:
        return _opened(path, options)
    except OSError as error:
        raise errors.Refused(f"{path} cannot be read: {error.strerror}") from error


def _opened(path: Path, options: Options) -> Table:
    if path.suffix.lower() == ".xlsx":
        workbooks.check(path, options.limits)
        return workbooks.rows(path, options.sheet, options.limits), None, workbooks.digest(path)
    if path.suffix.lower() in OTHERS:
        raise errors.Refused(f"{path.name}: save it as .xlsx or as CSV UTF-8")
    found = text_files.survey(path, options.encoding)
    return text_files.rows(path, found.encoding, options.delimiter), found.lines, found.digest
