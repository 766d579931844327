"""One engine on a database. A second one waits or says so; a killed one leaves nothing behind that blocks."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import peewee

from automation.kernel import errors
from automation.store.database import Store

LOCK = 7_305_110_824  # PostgreSQL advisory lock of the engine
HELD = (
    "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid() AND granted"
    " AND CAST(classid AS BIGINT) * 4294967296 + CAST(objid AS BIGINT) = :lock"
)


@contextmanager
def leading(store: Store) -> Iterator[None]:
    """Holds the engine's lock for the block; raises Busy when another process has it."""
    if store.path is None:
        with _postgres(store):
            yield
        return
    with holding(store.path):
        yield


@contextmanager
def holding(database: Path) -> Iterator[None]:
    """The same for a SQLite database that is not open, or not there yet."""
    path = lock_path(database)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise errors.Busy(
                f"an engine is already running on this database (process {_holder(path)}): stop it first"
            ) from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        yield
    finally:
        os.close(descriptor)


def still_leads(store: Store) -> bool:
    """Whether the calling thread, which leads, still does: a PostgreSQL server forgets who when a connection breaks."""
    if store.path is not None:
        return True
    try:
        return store.value(HELD, lock=LOCK) is not None
    except peewee.DatabaseError:
        return False


def is_led(store: Store) -> bool:
    """Whether an engine runs on this database now."""
    try:
        with leading(store):
            return False
    except errors.Busy:
        return True


def lock_path(database: Path) -> Path:
    return Path(f"{database}.engine")


def _holder(path: Path) -> str:
    text = path.read_text(encoding="ascii", errors="replace").strip()
    return text if text.isdecimal() else "unknown"


@contextmanager
def _postgres(store: Store) -> Iterator[None]:
    # The lock belongs to this thread's session: the server frees it when the connection ends.
    if not store.value("SELECT pg_try_advisory_lock(:lock)", lock=LOCK):
        raise errors.Busy("an engine is already running on this database: stop it first")
    try:
        yield
    finally:
        with suppress(peewee.DatabaseError):  # a connection that broke has let go of it already
            store.rows("SELECT pg_advisory_unlock(:lock)", lock=LOCK)
