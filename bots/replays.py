"""Which genuine callbacks were answered already: a memory of fixed size, whole from its first day.

A request is told by 64 bits of its signature, kept with the second it was first answered in rows of a few places; a
full row forgets its oldest. Two signatures are taken for one once in a hundred million million requests.
"""

from __future__ import annotations

import threading
from array import array
from typing import Final

from automation.kernel.hooks import Forgery

REMEMBERED: Final = 600  # seconds for which an answered request is known, where not too many came since
AGAIN: Final = 20  # seconds in which the platforms repeat what they got no answer to: three times, five seconds apart
ROWS: Final = 4_096
PLACES: Final = 16  # of a row: 65,536 in all, 1 MB


class Replays:
    """Requests already answered. Serves many threads.

    The platforms repeat a request whose answer they did not get, so one is let through again for AGAIN seconds: the
    row of its dedupe key gives it the same answer. After that it is a replay.
    """

    def __init__(self) -> None:
        self._marks = array("q", bytes(8 * ROWS * PLACES))
        self._first = array("q", bytes(8 * ROWS * PLACES))
        self._lock = threading.Lock()

    def check(self, signature: str, now: int) -> None:
        """Raises Forgery for a request first answered more than AGAIN and less than REMEMBERED seconds ago."""
        mark = _mark(signature)
        with self._lock:
            place = self._place(mark)
            first = None if place is None else self._first[place]
        if first is not None and AGAIN < now - first < REMEMBERED:
            raise Forgery("replayed")

    def answered(self, signature: str, now: int) -> None:
        mark = _mark(signature)
        with self._lock:
            place = self._place(mark)
            if place is None:
                place = self._oldest(mark)
            elif now - self._first[place] < REMEMBERED:
                return
            self._marks[place], self._first[place] = mark, now

    @property
    def size(self) -> int:
        """Bytes it holds."""
        return sum(kept.itemsize * len(kept) for kept in (self._marks, self._first))

    def _place(self, mark: int) -> int | None:
        start = mark % ROWS * PLACES
        row = self._marks[start : start + PLACES]
        return start + row.index(mark) if mark in row else None

    def _oldest(self, mark: int) -> int:
        start = mark % ROWS * PLACES
        row = self._first[start : start + PLACES]
        return start + row.index(min(row))


def _mark(signature: str) -> int:
    """64 bits that nobody outside of this process can foresee."""
    return hash(signature) or 1  # 0 is an empty place
