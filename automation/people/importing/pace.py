"""How many rows make a chunk: many while the import has the database to itself, few while others want to write.

The process that writes notices the others, the one that reads makes the chunks: they share one byte.
"""

from __future__ import annotations

import mmap
from typing import Final

SHARE: Final = 4  # a small chunk is so much smaller
CALM: Final = 40  # small chunks nobody waited for, until they grow again


class Pace:
    """`chunk`: rows of a large one."""

    def __init__(self, chunk: int) -> None:
        self._chunk = chunk
        self._slow = mmap.mmap(-1, 1)  # shared with a process forked later

    def rows(self) -> int:
        """Of the next chunk. Asked where chunks are made."""
        return max(1, self._chunk // SHARE) if self._slow[0] else self._chunk

    def slowed(self, wanted: bool) -> bool:
        """Takes note, after each chunk, of whether somebody waits; the same answer. Told where chunks are written."""
        self._slow[0] = CALM if wanted else max(0, self._slow[0] - 1)
        return wanted
