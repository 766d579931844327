"""A progress bar on stderr for work that lasts: nothing is drawn in the first two seconds, or where nobody looks."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from automation.kernel import clock

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

AFTER = 2.0  # seconds


class Advance(Protocol):
    """Called with how much is done, and of how much where that is known."""

    def __call__(self, done: int, total: int | None = None) -> None: ...


class _Bar:
    def __init__(self, title: str) -> None:
        self._title, self._started = title, clock.monotonic()
        self._progress: Progress | None = None
        self._task: TaskID | None = None

    def __call__(self, done: int, total: int | None = None) -> None:
        if self._progress is None:
            if clock.monotonic() - self._started < AFTER or not sys.stderr.isatty():
                return
            self._open()
        assert self._progress is not None
        assert self._task is not None
        self._progress.update(self._task, completed=done, total=total)

    def _open(self) -> None:
        from rich.console import Console
        from rich.progress import Progress  # 150 ms: only for work that is long anyway

        self._progress = Progress(console=Console(stderr=True), transient=True)
        self._progress.start()
        self._task = self._progress.add_task(self._title, total=None)

    def close(self) -> None:
        if self._progress is not None:
            self._progress.stop()


@contextmanager
def bar(title: str) -> Iterator[Advance]:
    """A bar for the block; call what it gives with (done, total)."""
    drawn = _Bar(title)
    try:
        yield drawn
    finally:
        drawn.close()
