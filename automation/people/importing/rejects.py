"""The file of rows that were not taken: line, reason and the row itself, to be put right and imported again.

It holds personal data, hence mode 600. Its length is kept with the import: after a kill it is cut to what was
committed, so a row stands in it once.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from automation.kernel import errors
from automation.people.exporting import BOM, write_rows

HEADING = ("行号 line", "原因 reason")


@dataclass(frozen=True, slots=True)
class Reject:
    line: int
    reason: str
    cells: Sequence[str]


class RejectsFile:
    """Made with the first reject."""

    def __init__(self, path: Path, headings: Sequence[str], length: int) -> None:
        self.path = path
        self.length = length
        self._headings = headings
        self._file: int | None = None
        if path.exists() or length:
            self._open()

    def append(self, rejects: Iterable[Reject]) -> int:
        """Writes them through to the disk and returns the file's length."""
        text = io.StringIO()
        count = write_rows(text, ([reject.line, reject.reason, *reject.cells] for reject in rejects))
        if not count:
            return self.length
        file = self._file if self._file is not None else self._open()
        if self.length == 0:
            head = io.StringIO()
            csv.writer(head).writerow([*HEADING, *self._headings])
            self._write(file, BOM + head.getvalue())
        self._write(file, text.getvalue())
        os.fsync(file)
        return self.length

    def cut(self, length: int) -> None:
        """Takes back what was written beyond this length."""
        if self._file is not None and self.length > length:
            os.ftruncate(self._file, length)
            os.lseek(self._file, 0, os.SEEK_END)
            self.length = length

    def close(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _open(self) -> int:
        try:
            self._file = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            os.fchmod(self._file, 0o600)
            os.ftruncate(self._file, self.length)
            os.lseek(self._file, 0, os.SEEK_END)
        except OSError as error:
            raise errors.ServiceAway(f"the rejects file {self.path} cannot be written: {error.strerror}") from error
        return self._file

    def _write(self, file: int, text: str) -> None:
        data = memoryview(text.encode("utf-8", "replace"))
        while data:
            written = os.write(file, data)
            self.length += written
            data = data[written:]
