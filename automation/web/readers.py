"""The few threads of the web edge that read, each with a connection of its own; asynchronous code waits for them."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable
from typing import Any, Final, TypeVar

from automation.store.database import Store

from .writer import Full

T = TypeVar("T")
THREADS: Final = 4
MOST: Final = 200  # reads that may wait


class Readers:
    """A pool of `THREADS` threads."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._jobs: queue.Queue[tuple[Callable[[], Any], asyncio.Future[Any]] | None] = queue.Queue(MOST)
        self._threads = [
            threading.Thread(target=self._work, name=f"web-reader-{number}", daemon=True) for number in range(THREADS)
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        for _ in self._threads:
            self._jobs.put(None)
        for thread in self._threads:
            thread.join()

    async def run(self, read: Callable[[], T]) -> T:
        """What `read` returns or raises. Full where too many wait."""
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        try:
            self._jobs.put_nowait((read, future))
        except queue.Full:
            raise Full("too much is waiting to be read") from None
        return await future

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            read, future = job
            result: Any = None
            failed: Exception | None = None
            try:
                result = read()
            except Exception as error:  # told to whoever asked
                failed = error
            loop = future.get_loop()
            if not loop.is_closed():
                loop.call_soon_threadsafe(_answer, future, result, failed)
        self._store.close()


def _answer(future: asyncio.Future[Any], result: Any, error: Exception | None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(result)
    else:
        future.set_exception(error)
