from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress

import peewee
import pytest

from automation.store.database import Store
from automation.store.faults import BadStatement, is_away
from tests import postgres

NAMES = ["server closed the connection", "deadlock", "database or disk is full", "database is locked"]


@pytest.fixture
def postgres_store(postgres_server: postgres.Server) -> Iterator[Store]:
    with postgres_server.database() as url:
        opened = Store(url)
        yield opened
        opened.close()


def raised(work: Callable[[], object]) -> peewee.PeeweeException:
    with pytest.raises(peewee.PeeweeException) as found:
        work()
    return found.value


def written(store: Store, sql: str) -> Callable[[], None]:
    def work() -> None:
        with store.write() as tx:
            tx.run(sql)

    return work


@pytest.mark.parametrize("name", NAMES)
def test_a_value_that_sounds_like_a_broken_server_is_a_bad_value(store: Store, name: str) -> None:
    error = raised(lambda: store.rows(f"SELECT {store.dialect.json_text(':it', ['a'])}", it=f'{{"{name}'))
    assert isinstance(error, BadStatement)
    assert not is_away(error)


@pytest.mark.parametrize("name", NAMES)
def test_a_name_that_is_taken_is_no_broken_server_either(store: Store, name: str) -> None:
    with store.write() as tx:
        tx.run("INSERT INTO zone (name) VALUES (:name)", name=name)
    error = raised(written(store, f"INSERT INTO zone (name) VALUES ('{name}')"))
    assert isinstance(error, BadStatement)
    assert not is_away(error)


def test_a_value_that_is_bad_in_a_later_row_is_as_bad_as_in_the_first(store: Store) -> None:
    member = store.dialect.json_text("given.value", ["a"])
    given = 'SELECT \'{"a": "1"}\' AS value UNION ALL SELECT \'{"a'
    sql = f"SELECT {member} FROM ({given}') AS given"
    for read in (lambda: store.rows(sql), lambda: store.column(sql.replace(member, f"CAST({member} AS BIGINT)"))):
        error = raised(read)
        assert isinstance(error, BadStatement)
        assert not is_away(error)


def test_what_another_writer_holds_the_store_cannot_help(sqlite_store: Store) -> None:
    other = Store(sqlite_store.url)
    sqlite_store.connections.connection().setbusytimeout(0)
    with other.connections.atomic("IMMEDIATE"):
        assert is_away(raised(written(sqlite_store, "DELETE FROM zone")))
    other.close()


def test_a_full_disk_is_no_bad_value(sqlite_store: Store) -> None:
    pages = sqlite_store.value("PRAGMA page_count")
    sqlite_store.rows(f"PRAGMA max_page_count = {pages}")
    assert is_away(raised(written(sqlite_store, f"INSERT INTO zone (name) VALUES ('{'x' * 100_000}')")))


def test_a_database_that_may_only_be_read_is_no_bad_value(store: Store) -> None:
    if store.path:
        store.rows("PRAGMA query_only = 1")
    else:
        store.connections.execute_sql("SET default_transaction_read_only = on")
    assert is_away(raised(written(store, "INSERT INTO zone (name) VALUES ('A')")))


def test_a_server_that_ends_the_connection_is_away_until_the_next_one(postgres_store: Store) -> None:
    ended = "SELECT pg_terminate_backend(pg_backend_pid())"
    assert is_away(raised(lambda: postgres_store.rows(ended)))
    with suppress(peewee.PeeweeException):
        postgres_store.rows("SELECT 1")
    assert postgres_store.rows("SELECT 1") == [(1,)]


def test_a_statement_that_takes_too_long_is_tried_with_less(postgres_store: Store) -> None:
    postgres_store.connections.execute_sql("SET statement_timeout = 20")
    assert not is_away(raised(lambda: postgres_store.rows("SELECT pg_sleep(5)")))


def test_a_server_that_cannot_be_reached_is_away() -> None:
    database = peewee.PostgresqlDatabase("postgresql://localhost:1/nowhere", prefer_psycopg3=True)
    assert is_away(raised(database.connect))
