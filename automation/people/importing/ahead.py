"""Runs an iterator in a process of its own, one value ahead: half of an import is computing, for a second core.

The process is a fork, so nothing has to be handed over at its start; it never touches the database, and ends with its
reader. Where a fork is not safe (other threads run) or not useful, the iterator runs here.
"""

from __future__ import annotations

import gc
import os
import pickle
import signal
import sys
import threading
from collections.abc import Generator, Iterator
from contextlib import suppress
from typing import BinaryIO, TypeVar

Value = TypeVar("Value")


def ahead(values: Iterator[Value]) -> Generator[Value, None, None]:
    """The same values in the same order; an exception of the iterator is raised here."""
    if sys.platform != "linux" or threading.active_count() > 1 or len(os.sched_getaffinity(0)) < 2:
        yield from values
        return
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _produce(values, writing)
    os.close(writing)
    with os.fdopen(reading, "rb") as stream:
        try:
            yield from _received(stream)
        finally:
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)


def _received(stream: BinaryIO) -> Iterator[Value]:
    while True:
        try:
            # Our own child's bytes over a pipe nobody else can open.
            error, value, more = pickle.load(stream)  # noqa: S301
        except EOFError:
            raise ChildProcessError("the process that reads the file was killed: start the import again") from None
        if error is not None:
            raise error
        if not more:
            return
        yield value


def _produce(values: Iterator[Value], writing: int) -> None:
    """The life of the child. It leaves without clean-up: what it would clean up belongs to the parent."""
    try:
        gc.disable()
        with os.fdopen(writing, "wb", buffering=1024 * 1024) as stream:
            error: BaseException | None = None
            try:
                for value in values:
                    pickle.dump((None, value, True), stream, pickle.HIGHEST_PROTOCOL)
                    stream.flush()
            except BrokenPipeError:
                os._exit(0)
            except Exception as raised:
                error = raised
            pickle.dump((error, None, False), stream, pickle.HIGHEST_PROTOCOL)
    finally:
        os._exit(0)
