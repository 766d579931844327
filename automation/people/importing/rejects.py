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


def rejects_path(path: Path, digest: str) -> Path:
    """Where the rejected rows of a file of this digest go: beside it."""
    return path.with_name(f"{path.stem}.rejects-{digest[:8]}.csv")


class RejectsFile:
    """Made with the first reject. Two processes may have it open: only the one that claimed the import may write."""

    def __init__(self, path: Path, headings: Sequence[str]) -> None:
        self.path = path
        self._headings = headings
        self._file: int | None = None

    def write(self, rejects: Iterable[Reject], length: int) -> int:
        """Cuts the file to what committed chunks wrote, adds these through to the disk and returns the new length.

        Where somebody took it away or made it shorter, it goes on from its end.
        """
        text = io.StringIO()
        count = write_rows(text, ([reject.line, reject.reason, *reject.cells] for reject in rejects))
        if self._file is None and not count and not self.path.exists():
            return 0
        try:
            return self._write(text.getvalue(), length)
        except OSError as error:
            raise errors.ServiceAway(f"the rejects file {self.path} cannot be written: {error.strerror}") from error

    def close(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _write(self, text: str, length: int) -> int:
        file = self._file if self._file is not None else self._open()
        size = os.fstat(file).st_size
        start = min(length, size)
        if size > start:
            os.ftruncate(file, start)
        if not text:
            return start
        if not start:
            head = io.StringIO()
            csv.writer(head).writerow([*HEADING, *self._headings])
            text = BOM + head.getvalue() + text
        data = memoryview(text.encode("utf-8", "replace"))
        while data:
            written = os.pwrite(file, data, start)
            start += written
            data = data[written:]
        os.fsync(file)
        return start

    def _open(self) -> int:
        self._file = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        os.fchmod(self._file, 0o600)
        return self._file
