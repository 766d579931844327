"""The fair queue in front of SQLite's one write lock.

SQLite's own busy handler is an unfair sleeping poll: a ticker that begins again at once keeps every other writer out
for seconds. Here whoever waits for the write lock holds the gate, so a writer waits for one batch at most. Threads
queue on a lock pair, processes on a pair of flock files beside the database; a killed process frees both.
"""

from __future__ import annotations

import fcntl
import os
import threading
from pathlib import Path
from types import TracebackType


class Turnstile:
    """A context manager; entering waits for the right to write. Not reentrant."""

    def __init__(self, database: Path) -> None:
        self._paths = (Path(f"{database}.gate"), Path(f"{database}.write"))
        self._thread_gate = threading.Lock()
        self._thread_write = threading.Lock()
        self._files: tuple[int, int] | None = None
        self._pid = 0
        self._holder = 0
        self.waiting = 0

    def __enter__(self) -> None:
        if self._holder == threading.get_ident():
            raise RuntimeError("a write transaction inside another one would wait for itself for ever")
        self.waiting += 1
        with self._thread_gate:
            self._thread_write.acquire()
            self.waiting -= 1
        try:
            gate, write = self._open()
            fcntl.flock(gate, fcntl.LOCK_EX)
            try:
                fcntl.flock(write, fcntl.LOCK_EX)
            finally:
                fcntl.flock(gate, fcntl.LOCK_UN)
        except BaseException:
            self._thread_write.release()
            raise
        self._holder = threading.get_ident()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._files is not None
        self._holder = 0
        fcntl.flock(self._files[1], fcntl.LOCK_UN)
        self._thread_write.release()

    def wanted(self) -> bool:
        """Whether somebody, in this process or another, waits for the holder to leave. Asked by the holder."""
        if self.waiting:
            return True
        gate = self._open()[0]
        try:
            fcntl.flock(gate, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        fcntl.flock(gate, fcntl.LOCK_UN)
        return False

    def _open(self) -> tuple[int, int]:
        # A descriptor inherited over fork shares its flock with the parent, so each process opens its own.
        if self._files is None or self._pid != os.getpid():
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
            gate, write = (os.open(path, flags, 0o600) for path in self._paths)
            self._files, self._pid = (gate, write), os.getpid()
        return self._files


class OpenGate:
    """PostgreSQL arbitrates writers itself."""

    waiting = 0

    def __enter__(self) -> None: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def wanted(self) -> bool:
        return False
