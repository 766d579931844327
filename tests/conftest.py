"""Fixtures for all tests.

`store` is an open, migrated, empty database: every test that takes it runs on SQLite and on PostgreSQL.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from automation.store.database import Store
from automation.store.schema import migrate
from tests import postgres

# How long an example takes says nothing on a machine that others use, too.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The file of a migrated database, so that each test need not run the migrations."""
    path = tmp_path_factory.mktemp("template") / "lucheng.db"
    store = Store(f"sqlite:{path}")
    migrate(store)
    store.checkpoint("TRUNCATE")
    store.close()
    return path.read_bytes()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[postgres.Server]:
    """One PostgreSQL per test process. It fails, and does not skip, where none can be started."""
    with postgres.serving() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of a migrated, empty database, for tests that open it themselves."""
    if request.param == "sqlite":
        path = request.getfixturevalue("tmp_path") / "lucheng.db"
        path.write_bytes(request.getfixturevalue("sqlite_template"))
        yield f"sqlite:{path}"
        return
    with request.getfixturevalue("postgres_server").database() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def bare_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of a database without any table, for tests of migrations."""
    if request.param == "sqlite":
        yield f"sqlite:{request.getfixturevalue('tmp_path') / 'lucheng.db'}"
        return
    with request.getfixturevalue("postgres_server").bare() as url:
        yield url


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    """An open, migrated, empty database."""
    opened = Store(store_url)
    yield opened
    opened.close()


@pytest.fixture
def sqlite_store(tmp_path: Path, sqlite_template: bytes) -> Iterator[Store]:
    """For the few tests that are about SQLite: query plans, the write-ahead log."""
    path = tmp_path / "lucheng.db"
    path.write_bytes(sqlite_template)
    opened = Store(f"sqlite:{path}")
    yield opened
    opened.close()
