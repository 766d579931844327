"""Brings a database to this version's schema: forward only, one process at a time, all of it or nothing."""

from __future__ import annotations

import logging
from pathlib import Path

import peewee
from playhouse.migrations import Runner

from automation.kernel import errors

from .database import Store
from .dialect import Dialect, Postgres, Sqlite

FOLDER = Path(__file__).parent / "migrations"
# The caller tells what was applied; the library's own lines would stand among an operator's output.
logging.getLogger("peewee.migrations").setLevel(logging.WARNING)

LOCK = 7_305_110_823  # PostgreSQL advisory lock: any constant of our own


def opened(url: str) -> Store:
    """The database at an address, brought to this schema."""
    store = Store(url)
    migrate(store)
    return store


def migrate(store: Store) -> list[str]:
    """Applies what is missing and returns the names; two processes at once take turns."""
    if not pending(store):
        return []
    if store.path is None:
        return _migrate_postgres(store)
    with store.turnstile:
        return _apply(store)


def pending(store: Store) -> list[str]:
    """Migrations this database has not seen. Raises Refused for a database of a newer version."""
    runner = Runner(store.connections, str(FOLDER))
    applied = {str(name) for name in runner.applied()}
    present = [str(migration.name) for migration in runner.migrations()]
    if applied - set(present):
        raise errors.Refused("the database was written by a newer version of Lucheng; install that version")
    return [name for name in present if name not in applied]


def create(database: peewee.Database, statements: str) -> None:
    """Runs the statements of a migration, its `{words}` filled with the database's spellings."""
    dialect: Dialect = Postgres() if isinstance(database, peewee.PostgresqlDatabase) else Sqlite()
    words = {"id": dialect.id_column, "blob": dialect.blob, "norowid": dialect.without_rowid}
    for statement in statements.split(";\n"):
        if statement.strip():
            database.execute_sql(statement.format(**words))


def _migrate_postgres(store: Store) -> list[str]:
    store.rows("SELECT pg_advisory_lock(:lock)", lock=LOCK)
    try:
        return _apply(store)
    finally:
        store.rows("SELECT pg_advisory_unlock(:lock)", lock=LOCK)


def _apply(store: Store) -> list[str]:
    # One transaction around all of them: a killed process leaves the schema as it was.
    with store.connections.atomic():
        return [str(name) for name in Runner(store.connections, str(FOLDER)).up()]
