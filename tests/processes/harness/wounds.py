"""Ports of an engine with places at which it kills or stops itself: the store's commits, the spool, the channels.

The product has no such places. The entry script of the harness puts these in front of the real parts.
"""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from automation.engine.delivery.spool import FileSpool, Ref
from automation.kernel.ports import Cache, Channel, Lane, Message, Outcome
from automation.store.database import Store, Transaction

# What a transaction is told by: a piece of one of its statements.
KINDS = {
    "events": "DELETE FROM event_queue",
    "advance": "INSERT INTO moving",
    "enter": "INSERT INTO entering",
    "run": "INTO run ",
    "move": "path = run.path ||",
    "queue": "INTO message (",
    "claim": "'claim token'",
    "dispatch": "INSERT INTO attempt",
    "accept": "FROM accepted WHERE message.id",
    "await": "lease_until = :until, reason = NULL WHERE id = :id",
    "settle": "FROM settled WHERE message.id",
}


class Wound:
    """`order`: `point:nth`, or `point:nth:stop` to stand still instead of dying. Without an order nothing happens."""

    def __init__(self, order: str) -> None:
        self._point, _, rest = order.partition(":")
        nth, _, how = rest.partition(":")
        self._left = int(nth or 1)
        self._signal = signal.SIGSTOP if how == "stop" else signal.SIGKILL
        self._lock = threading.Lock()
        self.writing = threading.Lock()  # the store's: who holds it knows that no thread of the process is writing

    def wants(self, point: str) -> bool:
        return self._point == point

    def at(self, point: str) -> None:
        if not self.wants(point):
            return
        with self._lock:
            self._left -= 1
            if self._left == 0:
                self.strike()

    def strike(self) -> None:
        if self._signal == signal.SIGKILL:
            os.kill(os.getpid(), signal.SIGKILL)
            threading.Event().wait()  # the signal may find another thread first
        with self.writing:  # else it might stand still with the write lock of everybody
            os.kill(os.getpid(), signal.SIGSTOP)


class WoundedTransaction(Transaction):
    """Remembers what its statements were about."""

    wound: Wound
    kinds: set[str]

    def _execute(self, sql: str, parameters: dict[str, Any]) -> Any:
        done = super()._execute(sql, parameters)
        self._note(sql)
        return done

    def many(self, sql: str, rows: Iterable[dict[str, Any]]) -> None:
        super().many(sql, rows)
        self._note(sql)

    def _note(self, sql: str) -> None:
        for kind, piece in KINDS.items():
            if piece in sql:
                self.kinds.add(kind)
                self.wound.at(f"{kind}.inside")


class WoundedStore(Store):
    """`KIND.inside` after a statement, `KIND.before` the commit, `KIND.after` it; `checkpoint.before`, `.during`."""

    wound: Wound

    @contextmanager
    def write(self) -> Iterator[Transaction]:
        with super().write() as tx:
            tx.__class__ = WoundedTransaction
            assert isinstance(tx, WoundedTransaction)
            tx.wound, tx.kinds = self.wound, set()
            yield tx
            for kind in tx.kinds:
                self.wound.at(f"{kind}.before")
        for kind in tx.kinds:
            self.wound.at(f"{kind}.after")

    def checkpoint(self, mode: str) -> None:
        self.wound.at("checkpoint.before")
        if self.wound.wants("checkpoint.during"):
            threading.Timer(0.0005, self.wound.at, ("checkpoint.during",)).start()
        super().checkpoint(mode)
        self.wound.at("checkpoint.after")


class WoundedSpool(FileSpool):
    """`spool.intended`, `.started`, `.answered`, `.recorded`: after each line."""

    def __init__(self, folder: Path, wound: Wound) -> None:
        self._wound = wound
        super().__init__(folder)

    def intended(self, refs: Sequence[Ref]) -> None:
        super().intended(refs)
        self._wound.at("spool.intended")

    def started(self, refs: Sequence[Ref], names: Sequence[str] = ()) -> None:
        super().started(refs, names)
        self._wound.at("spool.started")

    def answered(self, answers: Sequence[tuple[Ref, Outcome]]) -> None:
        super().answered(answers)
        self._wound.at("spool.answered")

    def recorded(self, refs: Iterable[Ref]) -> None:
        super().recorded(refs)
        self._wound.at("spool.recorded")


class WoundedChannel:
    """`send.before` the first byte, `send.half` of a request written, `send.taken` by the provider and not answered,
    `send.after` the answer. `url`: where half a request goes, "" where wires.py cuts the real one."""

    def __init__(self, inner: Channel, wound: Wound, url: str, ledger: Path) -> None:
        self._inner, self._wound, self._url, self._ledger = inner, wound, url, ledger
        self.first: Callable[[], None] = lambda: None  # called when the first message is about to leave
        self.name, self.kind = inner.name, inner.kind
        self.lanes: Sequence[Lane] = inner.lanes

    def send(self, messages: Sequence[Message]) -> Sequence[Outcome]:
        self.first()
        self._wound.at("send.before")
        if self._url and self._wound.wants("send.half"):
            self._half()
        if self._wound.wants("send.taken"):
            threading.Thread(target=self._when_longer, args=(self._taken(),), daemon=True).start()
        answers = self._inner.send(messages)
        self._wound.at("send.after")
        return answers

    def close(self) -> None:
        self._inner.close()

    def __getattr__(self, name: str) -> Any:
        """What only some channels offer, such as pulling."""
        return getattr(self._inner, name)

    def _half(self) -> None:
        """A request of which the second half never comes."""
        where = urlsplit(self._url)
        assert where.hostname
        with socket.create_connection((where.hostname, where.port or 80)) as to:
            to.sendall(b"POST /send HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: 4000\r\n\r\n" + b"{" * 1000)
            self._wound.at("send.half")

    def _taken(self) -> int:
        """Bytes of the ledger, to be asked before the request leaves: a thread may begin after it was taken."""
        return self._ledger.stat().st_size if self._ledger.exists() else 0

    def _when_longer(self, size: int) -> None:
        while self._taken() <= size:
            pass
        self._wound.at("send.taken")


class WoundedCache:
    """Around the token that a channel shares with the shop's other processes: `token.fetched` from the provider and
    not yet kept, `token.kept`."""

    def __init__(self, inner: Cache, wound: Wound) -> None:
        self._inner, self._wound = inner, wound

    def get(self, name: str) -> str | None:
        return self._inner.get(name)

    def put(self, name: str, value: str, seconds: int) -> None:
        token = "token" in name
        if token:
            self._wound.at("token.fetched")
        self._inner.put(name, value, seconds)
        if token:
            self._wound.at("token.kept")
