"""Tables for spreadsheets that do what they say: no cell of ours becomes a formula in somebody's Excel.

A name such as =HYPERLINK(...) would be run when the file is opened. Such cells get an apostrophe before them, and the
import takes it away again.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, TextIO

from automation.kernel import errors

DANGEROUS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
BOM = "\ufeff"  # without it Excel takes the file for GBK


def safe(cell: Any) -> str:
    """The cell as text that no spreadsheet runs. Plain numbers stay as they are."""
    if cell is None:
        return ""
    if isinstance(cell, int | float) and not isinstance(cell, bool):
        return str(cell)
    text = str(cell)
    return f"'{text}" if text.startswith(DANGEROUS) else text


def unsafe(text: str) -> str:
    """The cell as it was before `safe`."""
    return text[1:] if text.startswith("'") and text[1:].startswith(DANGEROUS) else text


def write_rows(file: TextIO, rows: Iterable[Sequence[Any]]) -> int:
    """Rows in the CSV that Excel reads; how many."""
    writer = csv.writer(file)
    count = 0
    for row in rows:
        writer.writerow([safe(cell) for cell in row])
        count += 1
    return count


def export_rows(path: Path, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> int:
    """A CSV file of mode 600: it may hold personal data. The number of rows; Refused where the file exists."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise errors.Refused(f"{path} exists already: name another file") from None
    except OSError as error:
        raise errors.ServiceAway(f"{path} cannot be written: {error.strerror}") from error
    with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
        file.write(BOM)
        write_rows(file, (header,))
        return write_rows(file, rows)
