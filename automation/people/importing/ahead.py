"""Runs an iterator in a process of its own, one value ahead: half of an import is computing, for a second core.

The process is a fork, so nothing has to be handed over at its start; it never touches the database, and ends with its
reader. Where a fork is not safe (other threads run) or not useful, the iterator runs here.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from multiprocessing.connection import Connection, Pipe
from typing import Any, Generic, Self, TypeAlias, TypeVar

Value = TypeVar("Value")
Message: TypeAlias = tuple[BaseException | None, Any, bool]  # what went wrong, a value, whether it is one


class Ahead(Generic[Value]):
    """The same values in the same order; an exception of the iterator is raised here. To be closed."""

    def __init__(self, values: Iterator[Value], apart: bool) -> None:
        """`apart`: in a process of its own where that is possible."""
        self._values = values
        self._next: Message | None = None
        self._child = 0
        if apart and sys.platform == "linux" and threading.active_count() == 1 and len(os.sched_getaffinity(0)) > 1:
            self._fork()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Value:
        self.wait(None)
        assert self._next is not None
        error, value, more = self._next
        if error is not None:
            raise error
        if not more:
            raise StopIteration
        self._next = None
        found: Value = value
        return found

    def peek(self) -> Value | None:
        """The value that comes next, None where none does or nobody waited for it."""
        found: Value | None = self._next[1] if self._next else None
        return found

    def wait(self, seconds: float | None) -> bool:
        """Waits so long for the next value or the end; whether it is there. It always is where it is made here."""
        if self._next is None:
            if not self._child:
                self._next = _message(self._values)
            elif self._stream.poll(seconds):
                self._next = self._received()
        return self._next is not None

    def close(self) -> None:
        """Ends the other process."""
        if self._child:
            self._stream.close()
            with suppress(ProcessLookupError):
                os.kill(self._child, signal.SIGKILL)
            os.waitpid(self._child, 0)
            self._child = 0

    def _fork(self) -> None:
        reading, writing = Pipe(duplex=False)
        self._child = os.fork()
        if self._child == 0:
            reading.close()
            _produce(self._values, writing)
        writing.close()
        self._stream = reading

    def _received(self) -> Message:
        try:
            message: Message = self._stream.recv()
        except (EOFError, OSError):
            return ChildProcessError("the process that reads the file was killed: start the import again"), None, False
        return message


def _message(values: Iterator[Value]) -> Message:
    try:
        return None, next(values), True
    except StopIteration:
        return None, None, False
    except Exception as error:
        return error, None, False


def _produce(values: Iterator[Value], stream: Connection) -> None:
    """The life of the child. It leaves without clean-up: what it would clean up belongs to the parent."""
    try:
        gc.disable()
        more = True
        while more:
            message = _message(values)
            stream.send(message)
            more = message[2]
    finally:
        os._exit(0)
