"""A copy of a SQLite database that is in use, made by SQLite itself: one moment's state, durable, checked, one file.

Nobody may copy the files of a database that is open: the newest commits stand in the log beside it. Here one read
transaction sees one state for as long as the copy takes, and writers go on.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import apsw
import peewee

from automation.kernel import durable, errors

from .database import Statements, Store
from .faults import is_away

STEP = 4096  # pages of 4 KB between two looks at the progress
LOGS = ("-wal", "-shm", "-journal")  # files beside a database that SQLite takes for parts of it
BESIDE = (*LOGS, ".gate", ".write", ".engine")
MAGIC = b"SQLite format 3\0"
MARK = "backup"  # a row of `control` that only a copy has
Progress = Callable[[int, int], None]
"""called with pages done and pages in all"""


def save(
    store: Store, target: Path, *, force: bool, finish: Callable[[Store], None], progress: Progress = lambda *_: None
) -> int:
    """Writes the copy; returns its size in bytes. `finish` may write into the copy before it is checked and sealed.

    The file is there whole or not at all, readable by its owner only. Refused where one is there, unless `force` and it
    is an earlier backup or empty.
    """
    path, size = store.path, 0
    if path is None:
        raise errors.Refused("this copies SQLite databases only")
    target = target.resolve()  # a link stays and gets its copy where it leads
    _refuse_live(target, path)
    _refuse_existing(target, force)
    partial = target.with_name(f".{target.name}.{os.getpid()}.partial")
    try:
        with _file_of_ours(partial):
            _copy(store, partial, progress)
            copy = Store(f"sqlite:{partial}")
            try:
                finish(copy)
                _make_single(copy)
                problems = damage(copy)
            finally:
                copy.close()
            if problems:
                raise errors.Refused(f"the copy is damaged, and so is the database: {problems}")
            _sync(partial)
            size = partial.stat().st_size
            _refuse_existing(target, force)
            durable.replace(partial, target)
    except (apsw.Error, peewee.DatabaseError, OSError) as error:
        raise errors.ServiceAway(f"the backup cannot be written to {target.parent}: {_said(error)}") from error
    return size


def take(source: Path, target: Path) -> None:
    """Copies a backup's file to where it can be worked on. Refused for what is none."""
    try:
        with source.open("rb") as file:
            head = file.read(len(MAGIC))
    except OSError as error:
        raise errors.Refused(f"{source} cannot be read: {error.strerror}") from error
    if head != MAGIC:
        raise errors.Refused(f"{source} is no backup: a file made by `run.py backup` is due")
    if source.with_name(source.name + "-wal").exists():
        raise errors.Refused(f"{source} is a database in use and no backup: a file made by `run.py backup` is due")
    remove(target)
    try:
        os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        shutil.copyfile(source, target)
        _sync(target)
    except OSError as error:
        raise errors.ServiceAway(f"{target.parent} cannot be written: {error.strerror}") from error


@contextmanager
def worked_on(file: Path, copy: Path) -> Iterator[Store]:
    """The copy of a backup's file, whole. Refused where it is damaged or a database of something else."""
    try:
        with closing(Store(f"sqlite:{copy}")) as store:
            if problems := damage(store):
                raise errors.Refused(f"{file} is damaged: {problems}")
            yield store
    except (apsw.Error, peewee.DatabaseError) as error:
        if is_away(error):
            raise errors.ServiceAway(f"{file} cannot be brought back here: {_said(error)}") from error
        raise errors.Refused(f"{file} is damaged or no backup: a file made by `run.py backup` is due") from error


def seal(copy: Store, path: Path) -> None:
    """Closes a database that was worked on as one durable file."""
    _make_single(copy)
    copy.close()
    _sync(path)
    _remove_beside(path)


def damage(statements: Statements) -> str:
    """What SQLite finds wrong with the whole file, "" for nothing."""
    said = [str(row[0]) for row in statements.rows("PRAGMA integrity_check(3)")]
    return "" if said == ["ok"] else "; ".join(said)


def remove(path: Path) -> None:
    """Takes a file of ours away, and what a database left beside it."""
    path.unlink(missing_ok=True)
    _remove_beside(path)


def _remove_beside(path: Path) -> None:
    for ending in BESIDE:
        path.with_name(path.name + ending).unlink(missing_ok=True)


def _refuse_live(target: Path, live: Path) -> None:
    """Whoever has a database open would go on in a file without a name; a log is laid over whatever stands there."""
    ours = {live.with_name(live.name + ending).resolve() for ending in ("", *BESIDE)}
    if target.resolve() in ours or (target.exists() and target.samefile(live)):
        raise errors.Refused(f"{target} is the shop's own database: name a file in another folder")
    if any(target.with_name(target.name + ending).exists() for ending in LOGS):
        raise errors.Refused(f"{target} is a database in use, its log stands beside it: name another file")


def _refuse_existing(target: Path, force: bool) -> None:
    if target.is_dir():
        raise errors.Refused(f"{target} is a folder: name a file in it")
    if target.exists() and not target.is_file():
        raise errors.Refused(f"{target} is no file but a device or a pipe: name a file")
    if not target.parent.is_dir():
        raise errors.Refused(f"there is no folder {target.parent}")
    if target.exists() and not force:
        raise errors.Refused(f"{target} exists already and is kept: take another name, or --force")
    if target.exists() and target.stat().st_size and not _is_copy(target):
        raise errors.Refused(f"{target} is no backup, so --force keeps it too: take another name")


def _is_copy(path: Path) -> bool:
    """Whether the file is a backup. Nothing is written, neither to it nor beside it."""
    flags = apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI
    try:
        with closing(apsw.Connection(f"{path.as_uri()}?immutable=1", flags=flags)) as file:
            return bool(list(file.execute("SELECT 1 FROM control WHERE name = :name", {"name": MARK})))
    except apsw.Error:
        return False


@contextmanager
def _file_of_ours(path: Path) -> Iterator[None]:
    """A new file that only its owner can read; taken away where the block does not get to its end."""
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    try:
        yield
    finally:
        with suppress(OSError):
            remove(path)


def _copy(store: Store, path: Path, progress: Progress) -> None:
    into = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)
    try:
        into.execute("PRAGMA synchronous = OFF")  # it is made durable at the end, at once
        with store.snapshot() as live:
            live.value("SELECT count(*) FROM control")  # from here on it sees this state, whatever is committed
            source = store.connections.connection()
            with into.backup("main", source, "main") as work:
                while not work.done:
                    work.step(STEP)
                    progress(work.page_count - work.remaining, work.page_count)
    finally:
        into.close()


def _make_single(copy: Store) -> None:
    copy.checkpoint("TRUNCATE")
    copy.value("PRAGMA journal_mode = DELETE")


def _sync(path: Path) -> None:
    file = os.open(path, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)


def _said(error: Exception) -> str:
    return (error.strerror or "error") if isinstance(error, OSError) else type(error).__name__
