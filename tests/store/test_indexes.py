"""Indexes that a shop's files ask for: made, dropped, mended, and no reason for an engine not to start."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from automation.store import indexes
from automation.store.database import Store
from automation.store.schema import migrate

CITY = {"city": "substr(name, 1, 100)"}


@pytest.fixture
def bare(bare_url: str) -> Iterator[Store]:
    store = Store(bare_url)
    migrate(store)
    yield store
    store.close()


def attributes(store: Store) -> list[str]:
    """The expressions of the indexes that the files asked for."""
    sql = "SELECT sql FROM sqlite_master" if store.path else "SELECT indexdef FROM pg_indexes"
    name = "name" if store.path else "indexname"
    found = store.rows(f"{sql} WHERE substr({name}, 1, 5) = 'attr_' ORDER BY {name}")
    return [row[0].split("person", 1)[1] for row in found]


def test_what_is_asked_for_is_made_once_and_dropped_when_nobody_asks_for_it(bare: Store) -> None:
    told: list[str] = []
    assert indexes.differ(bare, CITY)
    indexes.bring(bare, CITY | {"points": "points"}, told.append)
    assert len(attributes(bare)) == 2
    assert [line.split(":")[0] for line in told] == [
        "the index of 'city' is being made", "the index of 'city' is made",
        "the index of 'points' is being made", "the index of 'points' is made",
    ]  # fmt: skip
    told.clear()
    indexes.bring(bare, CITY | {"points": "points"}, told.append)
    assert not told
    indexes.bring(bare, CITY, told.append)
    assert not told
    (left,) = attributes(bare)
    assert "name" in left
    assert not indexes.differ(bare, CITY)


def test_another_spelling_of_the_value_is_another_index(bare: Store) -> None:
    indexes.bring(bare, CITY)
    indexes.bring(bare, {"city": "substr(name, 1, 50)"})
    (left,) = attributes(bare)
    assert "50" in left


def test_the_indexes_of_the_schema_are_left_alone(bare: Store) -> None:
    indexes.bring(bare, {})
    sql = "SELECT name FROM sqlite_master WHERE type = 'index'" if bare.path else "SELECT indexname FROM pg_indexes"
    assert "person_stage" in {row[0] for row in bare.rows(sql)}


def test_one_that_cannot_be_made_is_a_warning_and_the_others_are_made(
    bare: Store, caplog: pytest.LogCaptureFixture
) -> None:
    with bare.write() as tx:
        tx.run(
            "INSERT INTO person (uid, seed, attrs, created_at, changed_at) VALUES ('u', 1, :attrs, 0, 0)",
            attrs="no JSON",
        )
    wanted = {"city": bare.dialect.json_text("attrs", ["city"])} | {"name": "name"}
    indexes.bring(bare, wanted)
    assert "the index of 'city' could not be made" in caplog.text
    assert "no JSON" not in caplog.text
    assert indexes.differ(bare, wanted)
    with bare.write() as tx:
        tx.run("UPDATE person SET attrs = NULL")
    indexes.bring(bare, wanted)
    assert len(attributes(bare)) == 2
    assert not indexes.differ(bare, wanted)


def test_one_whose_making_was_killed_is_made_again(postgres_server: object) -> None:
    """PostgreSQL keeps it, not valid, and reads it for nothing."""
    with postgres_server.bare() as url:  # type: ignore[attr-defined]
        store = Store(url)
        migrate(store)
        indexes.bring(store, CITY)
        with store.write() as tx:
            tx.run(
                "UPDATE pg_index SET indisvalid = false FROM pg_class c"
                " WHERE c.oid = pg_index.indexrelid AND substr(c.relname, 1, 5) = 'attr_'"
            )
        assert indexes.differ(store, CITY)
        indexes.bring(store, CITY)
        assert not indexes.differ(store, CITY)
        store.close()
