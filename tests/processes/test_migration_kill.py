"""A migration killed at every one of its statements: the database is as it was, and the next process completes it."""

from __future__ import annotations

from pathlib import Path

import pytest

from automation.store import schema
from automation.store.database import Store
from tests.processes.harness.forks import Forks

pytestmark = pytest.mark.processes
COMMIT = "commit"


def _tables(store: Store) -> set[str]:
    return {row[0] for row in store.rows("SELECT name FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%'")}


def test_c22_to_c24_a_killed_migration_is_whole_or_nothing(
    tmp_path: Path, forks: Forks, capsys: pytest.CaptureFixture[str]
) -> None:
    whole, nothing = _migrated(tmp_path / "whole"), set[str]()
    kills, place = 0, 1
    while True:
        folder = tmp_path / str(place)
        folder.mkdir()
        life = forks.wait(forks.start(folder, only="migrate", wound=f"statement:{place}"))
        if life.code == 0:
            break
        assert life.code == -9, (folder / "engine.log").read_text()
        kills += 1
        _is_one_of(folder / "lucheng.db", (nothing, whole))
        place += 1
    with capsys.disabled():
        print(f"\nmigration: {kills} kills, one at each statement, whole or nothing each time")  # noqa: T201
    assert kills > len(whole), "every table and index is a statement of its own"


@pytest.mark.parametrize("moment", ["before", "after"])
def test_c24_a_kill_at_the_commit_of_a_migration(tmp_path: Path, forks: Forks, moment: str) -> None:
    whole = _migrated(tmp_path / "whole")
    tmp_path.joinpath("shop").mkdir()
    life = forks.wait(forks.start(tmp_path / "shop", only="migrate", wound=f"{COMMIT}.{moment}"))
    assert life.code == -9
    _is_one_of(tmp_path / "shop" / "lucheng.db", (whole,) if moment == "after" else (set(),))


def _migrated(folder: Path) -> set[str]:
    store = Store(f"sqlite:{folder / 'lucheng.db'}")
    schema.migrate(store)
    tables = _tables(store)
    store.close()
    return tables


def _is_one_of(database: Path, states: tuple[set[str], ...]) -> None:
    """What is there is one of these, and opening it as an engine does completes it."""
    store = Store(f"sqlite:{database}")
    found = _tables(store) - {"migrationhistory"}
    assert store.value("PRAGMA integrity_check") == "ok"
    assert found in [state - {"migrationhistory"} for state in states], sorted(found)[:5]
    schema.migrate(store)
    assert schema.pending(store) == []
    assert store.value("SELECT count(*) FROM audit") == 0
    store.close()
