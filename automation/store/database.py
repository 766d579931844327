"""One way to the database: reads on each thread's own connection, writes one at a time through the turnstile.

`synchronous=FULL` is not a choice: in WAL with NORMAL a power cut loses acknowledged commits.
"""

from __future__ import annotations

import logging
import threading
from array import array
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from itertools import chain, islice
from pathlib import Path
from typing import Any

import apsw
import peewee
from playhouse.apsw_ext import APSWDatabase

from automation.kernel import clock, errors

from .dialect import Dialect, Postgres, Sqlite
from .turnstile import OpenGate, Turnstile

log = logging.getLogger(__name__)

Row = tuple[Any, ...]
STATEMENTS = 2_000  # kept prepared by each connection
ROWS = 100  # inserted by one statement
SLOW_HOLD = 0.1  # seconds a write transaction may last before it is worth a line in the log
PAGE = 4096
CACHE_KB = 16 * 1024  # a small page cache is faster here: the operating system's is warm


class _Local(threading.local):
    def __init__(self) -> None:
        self.connection = 0
        self.temporaries: set[str] = set()


class Statements:
    """Runs SQL with `:name` parameters on the calling thread's connection. Rows are plain tuples."""

    def __init__(self, database: peewee.Database, dialect: Dialect) -> None:
        self.connections = database
        self.dialect = dialect

    def rows(self, sql: str, **parameters: Any) -> list[Row]:
        cursor = self._execute(sql, parameters)
        with peewee.__exception_wrapper__:  # type: ignore[attr-defined]
            found: list[Row] = cursor.fetchall()
        return found

    def row(self, sql: str, **parameters: Any) -> Row | None:
        found: Row | None = self._execute(sql, parameters).fetchone()
        return found

    def value(self, sql: str, **parameters: Any) -> Any:
        """The first column of the first row, None where there is no row."""
        found = self.row(sql, **parameters)
        return found[0] if found else None

    def column(self, sql: str, **parameters: Any) -> array[int]:
        """The only column, integers, read as a stream into eight bytes a row."""
        found = array("q")
        cursor = self._execute(sql, parameters)
        with peewee.__exception_wrapper__:  # type: ignore[attr-defined]
            found.extend(chain.from_iterable(cursor))
        return found

    def _execute(self, sql: str, parameters: dict[str, Any]) -> Any:
        return self.connections.execute_sql(self.dialect.spell(sql), parameters or None)


class Transaction(Statements):
    """A write transaction. Everything in it happens or nothing does."""

    def __init__(self, database: peewee.Database, dialect: Dialect, temporaries: set[str]) -> None:
        super().__init__(database, dialect)
        self._temporaries = temporaries

    def run(self, sql: str, **parameters: Any) -> int:
        """Executes and returns the number of rows inserted, updated or deleted."""
        cursor = self._execute(sql, parameters)
        return int(self.connections.rows_affected(cursor))

    def many(self, sql: str, rows: Iterable[dict[str, Any]]) -> None:
        """Executes once for each row of parameters, prepared once."""
        cursor = self.connections.cursor()
        with peewee.__exception_wrapper__:  # type: ignore[attr-defined]
            cursor.executemany(self.dialect.spell(sql), rows)

    def insert(self, table: str, columns: Sequence[str], rows: Iterable[tuple[Any, ...]], conflict: str = "") -> None:
        """Inserts many rows, values in the order of the columns.

        `conflict`: an ON CONFLICT clause. A statement takes many rows, because each lets other threads have the
        interpreter: one that computes keeps it for milliseconds, which row by row would be waited for at every row.
        """
        into, width = f"{self.dialect.insert} INTO {table} ({', '.join(columns)}) VALUES", len(columns)
        marks = f"({', '.join([self.dialect.mark] * width)})"
        together = f"{into} {', '.join([marks] * ROWS)} {conflict}"
        cursor, values = self.connections.cursor(), chain.from_iterable(rows)
        with peewee.__exception_wrapper__:  # type: ignore[attr-defined]
            while len(some := tuple(islice(values, ROWS * width))) == ROWS * width:
                cursor.execute(together, some)
            if some:
                left = [some[place : place + width] for place in range(0, len(some), width)]
                cursor.executemany(f"{into} {marks} {conflict}", left)

    def temporary(self, name: str, columns: str) -> None:
        """An empty temporary table of this connection, without any index: set updates read it once, from end to end."""
        if name not in self._temporaries:
            self._execute(f"CREATE TEMPORARY TABLE IF NOT EXISTS {name} ({columns})", {})
            self._temporaries.add(name)
        self._execute(f"DELETE FROM {name}", {})

    def reserved(self, table: str) -> int:
        """Added to the keys of a temporary table with `dialect.numbered(table)`: ids of `table` that nobody else gets.

        Rows that do not become rows of `table` leave gaps. A window function instead costs twice as much.
        """
        if isinstance(self.dialect, Postgres):
            return 0  # its keys are ids already
        return self.value("SELECT seq FROM sqlite_sequence WHERE name = :table", table=table) or 0

    def skip_ids(self, table: str, count: int) -> None:
        """Leaves out so many ids: whoever was given them by a database that is lost cannot meet them here again."""
        if isinstance(self.dialect, Postgres):
            sequence = f"pg_get_serial_sequence('{table}', 'id')"
            self.value(f"SELECT setval({sequence}, nextval({sequence}) + :count)", count=count)
            return
        last = self.value("SELECT seq FROM sqlite_sequence WHERE name = :table", table=table) or 0
        self.run("DELETE FROM sqlite_sequence WHERE name = :table", table=table)
        self.run("INSERT INTO sqlite_sequence (name, seq) VALUES (:table, :seq)", table=table, seq=last + count)

    def alone(self, table: str) -> None:
        """From here to the end nobody else writes the table: for rows that follow from the newest one."""
        if isinstance(self.dialect, Postgres):  # on SQLite the whole transaction is alone
            self._execute(f"LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE", {})

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        with self.connections.savepoint():
            yield


class Store(Statements):
    """An open database. Threads share the object; each has its own connection."""

    def __init__(self, url: str, *, cache_kb: int = CACHE_KB) -> None:
        """`url`: sqlite:PATH or postgresql://...; raises ServiceAway when it cannot be reached."""
        self.url = url
        self.path: Path | None = None
        self.wal_pages = 0
        self._cache_kb = cache_kb
        self._local = _Local()
        if url.startswith("sqlite:"):
            self.path = Path(url.removeprefix("sqlite:"))
            _make_folder(self.path.parent)
            self.turnstile: Turnstile | OpenGate = Turnstile(self.path)
            super().__init__(_sqlite(self.path, cache_kb, self._note_wal), Sqlite())
        elif url.startswith(("postgresql://", "postgres://")):
            self.turnstile = OpenGate()
            super().__init__(_postgres(url), Postgres())
        else:
            raise errors.Refused("store.url must be sqlite:PATH or postgresql://...")
        try:
            with self.turnstile if self.path and not self.path.exists() else nullcontext():
                self.connections.connect(reuse_if_open=True)
        except (peewee.OperationalError, OSError) as error:
            raise errors.ServiceAway(
                f"the database cannot be opened ({type(error).__name__}): check store.url of config.yaml, and that the"
                " file may be written or the server runs"
            ) from error

    @contextmanager
    def write(self) -> Iterator[Transaction]:
        """One write transaction, begun IMMEDIATE, committed at the end of the block, rolled back on any exception."""
        with self.turnstile:
            started = clock.monotonic()
            try:
                with self.connections.atomic(), self._fresh_names():
                    yield Transaction(self.connections, self.dialect, self._temporaries())
            except peewee.DatabaseError:
                self._let_go_if_broken()
                raise
            held = clock.monotonic() - started
        if held > SLOW_HOLD:
            log.debug("a write transaction held the database for %.0f ms", held * 1000)

    @contextmanager
    def cache(self, kilobytes: int) -> Iterator[None]:
        """Another page cache for the calling thread's connection, while it touches large indexes all over."""
        if self.path:
            self._execute(f"PRAGMA cache_size = -{kilobytes}", {})
        try:
            yield
        finally:
            if self.path:
                self._execute(f"PRAGMA cache_size = -{self._cache_kb}", {})

    @contextmanager
    def snapshot(self) -> Iterator[Statements]:
        """Several reads that see one state. Long reads hold the write-ahead log: keep them under seconds."""
        with self.connections.atomic("DEFERRED" if self.path else "REPEATABLE READ"):
            yield self

    @contextmanager
    def draft(self) -> Iterator[Transaction]:
        """Temporary tables filled from one state of a SQLite database, before it is locked: nothing else may be
        written."""
        with self.connections.atomic("DEFERRED"), self._fresh_names():
            yield Transaction(self.connections, self.dialect, self._temporaries())

    def close(self) -> None:
        """Closes the calling thread's connection."""
        self._local.temporaries = set()
        self.connections.close()

    def checkpoint(self, mode: str) -> None:
        """Copies the write-ahead log into the file: PASSIVE never waits; RESTART waits inside the turnstile."""
        if not self.path:
            return
        if mode == "PASSIVE":
            self._execute("PRAGMA wal_checkpoint(PASSIVE)", {})
            return
        with self.turnstile:
            self._execute(f"PRAGMA wal_checkpoint({mode})", {})

    def _execute(self, sql: str, parameters: dict[str, Any]) -> Any:
        try:
            return super()._execute(sql, parameters)
        except peewee.DatabaseError:
            self._let_go_if_broken()
            raise

    def _let_go_if_broken(self) -> None:
        """A connection that a server broke off is closed here too: the thread's next statement makes a new one."""
        if self.path is None and not self.connections.in_transaction() and self.connections.connection().closed:
            self.close()

    @contextmanager
    def _fresh_names(self) -> Iterator[None]:
        try:
            yield
        except BaseException:
            # Temporary tables made inside a transaction that is rolled back are gone with it.
            self._local.temporaries = set()
            raise

    def _temporaries(self) -> set[str]:
        connection = id(self.connections.connection())
        if self._local.connection != connection:
            self._local.connection, self._local.temporaries = connection, set()
        return self._local.temporaries

    def _note_wal(self, pages: int) -> None:
        self.wal_pages = pages


class _Sqlite(APSWDatabase):  # type: ignore[misc]
    """apsw under peewee: write-ahead log, no checkpoint of its own accord, commits durable."""

    def __init__(self, path: Path, pragmas: dict[str, Any], note_wal: Any) -> None:
        self._note_wal = note_wal
        # A shop has hundreds of statements; apsw keeps 100 prepared unless told otherwise.
        super().__init__(str(path), pragmas=pragmas, lock_type="IMMEDIATE", timeout=5, statementcachesize=STATEMENTS)

    def _connect(self) -> Any:
        connection = super()._connect()
        connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
        connection.set_wal_hook(self._after_commit)
        # The history of playhouse.migrations stores a datetime; apsw binds plain values only.
        connection.convert_binding = lambda cursor, position, value: str(value)
        return connection

    def _after_commit(self, connection: Any, name: str, pages: int) -> int:
        self._note_wal(pages)
        return apsw.SQLITE_OK


def _sqlite(path: Path, cache_kb: int, note_wal: Any) -> peewee.Database:
    pragmas = {
        "journal_mode": "wal",
        "synchronous": "full",
        "wal_autocheckpoint": 0,
        "cache_size": -cache_kb,
        "temp_store": "memory",
        "mmap_size": 0,
        "foreign_keys": 1,
    }
    return _Sqlite(path, pragmas, note_wal)


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise errors.ServiceAway(f"the folder of the database cannot be made: {folder}: {error.strerror}") from error


def _postgres(url: str) -> peewee.Database:
    return peewee.PostgresqlDatabase(url, prefer_psycopg3=True, autoconnect=True)
