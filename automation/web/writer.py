"""The one thread of the web edge that writes. Requests queue; what has gathered is committed together.

A commit costs one wait for the disk whether it holds one request or two hundred. Each request is answered only after
its commit. Where a batch cannot be written it is halved until the one item stands alone that cannot.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeAlias

from automation.engine.delivery import reserve
from automation.kernel import clock, errors
from automation.store.database import Store, Transaction
from automation.store.faults import is_away

log = logging.getLogger(__name__)

TOGETHER: Final = 200  # items of one transaction
PATIENCE: Final = 0.005  # seconds the first of them waits for others: a commit costs as much as writing ten
MOST: Final = 2_000  # items that may wait
MOST_BYTES: Final = 64 << 20  # of their requests
LOOK_AT_DISK: Final = 1.0  # seconds

Write: TypeAlias = Callable[[Transaction], Sequence[Any]]
Done: TypeAlias = Callable[[Any, BaseException | None], None]


class Kind(Protocol):
    """What is done with items of one sort."""

    def prepare(self, now: int, items: Sequence[Any]) -> Write:
        """Does what needs no transaction; what it gives back writes the items and returns one result for each."""
        ...


class Full(errors.Busy):
    """Nothing more can be taken at the moment."""


class Unwritable(errors.LuchengError):
    """This one item cannot be written, whatever stands beside it."""


@dataclass(slots=True)
class _Waiting:
    kind: Kind
    item: Any
    size: int
    done: Done
    at: float  # of the clock that never goes back
    result: Any = None


class Writer:
    """`start` and `stop` it from one thread; `put` and `submit` from the one loop it serves."""

    def __init__(self, store: Store, now: Callable[[], int]) -> None:
        self._store, self._now = store, now
        self._waiting: deque[_Waiting] = deque()
        self._bytes = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._condition = threading.Condition()
        self._stopping = False
        self._short, self._looked = False, -LOOK_AT_DISK
        self._thread = threading.Thread(target=self._work, name="web-writer", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Writes what waits, then ends."""
        with self._condition:
            self._stopping = True
            self._condition.notify()
        self._thread.join()

    @property
    def length(self) -> int:
        return len(self._waiting)

    def submit(self, kind: Kind, item: Any, size: int) -> asyncio.Future[Any]:
        """Its result, after the commit. `size`: bytes it holds in memory. Raises Full; the future may hold Full (the
        database is away) or Unwritable."""
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.put(kind, item, size, lambda result, error: _settle(future, result, error))
        return future

    def put(self, kind: Kind, item: Any, size: int, done: Done) -> None:
        """As `submit`, but `done` is called in the loop with the result, or with None and the error."""
        if self._stopping or len(self._waiting) >= MOST or self._bytes + size > MOST_BYTES:
            raise Full("too much is waiting to be written")
        now = clock.monotonic()
        if self._is_short(now):
            raise Full("the disk is nearly full")
        self._loop = asyncio.get_running_loop()
        with self._condition:
            self._waiting.append(_Waiting(kind, item, size, done, now))
            self._bytes += size
            if len(self._waiting) in (1, TOGETHER):
                self._condition.notify()

    def _is_short(self, now: float) -> bool:
        if self._store.path is not None and now - self._looked >= LOOK_AT_DISK:
            self._looked = now
            self._short = reserve.free(self._store.path.parent) < reserve.RESERVE
        return self._short

    def _work(self) -> None:
        while batch := self._gather():
            done: list[tuple[_Waiting, BaseException | None]] = []
            self._write(batch, done)
            loop = self._loop
            if loop is not None and not loop.is_closed():
                loop.call_soon_threadsafe(_answer, done)  # one wake-up for the whole batch
        self._store.close()

    def _gather(self) -> list[_Waiting]:
        with self._condition:
            self._condition.wait_for(lambda: self._waiting or self._stopping)
            if len(self._waiting) < TOGETHER and not self._stopping:
                # What came while the last batch was written has waited already.
                left = self._waiting[0].at + PATIENCE - clock.monotonic()
                if left > 0:
                    self._condition.wait(left)
            batch = [self._waiting.popleft() for _ in range(min(TOGETHER, len(self._waiting)))]
            self._bytes -= sum(one.size for one in batch)
            return batch

    def _write(self, batch: Sequence[_Waiting], done: list[tuple[_Waiting, BaseException | None]]) -> None:
        try:
            self._commit(batch)
        except Exception as error:
            if is_away(error):
                log.error("%d requests were not written, the database could not: %s", len(batch), type(error).__name__)
                done.extend((one, Full("the database is away")) for one in batch)
            elif len(batch) == 1:
                log.error("a request cannot be written: %s", type(error).__name__)
                done.append((batch[0], Unwritable("this cannot be stored")))
            else:
                middle = len(batch) // 2
                self._write(batch[:middle], done)
                self._write(batch[middle:], done)
            return
        done.extend((one, None) for one in batch)

    def _commit(self, batch: Sequence[_Waiting]) -> None:
        kinds: dict[Kind, list[_Waiting]] = {}
        for one in batch:
            kinds.setdefault(one.kind, []).append(one)
        now = self._now()
        ready = [(group, kind.prepare(now, [one.item for one in group])) for kind, group in kinds.items()]
        with self._store.write() as tx:
            for group, write in ready:
                for one, result in zip(group, write(tx), strict=True):
                    one.result = result


def _answer(done: Sequence[tuple[_Waiting, BaseException | None]]) -> None:
    for one, error in done:
        try:
            one.done(one.result, error)
        except Exception:  # the edge of each request: the others are answered all the same
            log.exception("a request that was written could not be answered")


def _settle(future: asyncio.Future[Any], result: Any, error: BaseException | None) -> None:
    if future.done():  # whoever asked has left
        return
    if error is None:
        future.set_result(result)
    else:
        future.set_exception(error)
