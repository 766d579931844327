from __future__ import annotations

from pathlib import Path

import peewee
import pytest

from automation.kernel import errors
from automation.store import schema
from automation.store.database import Store
from tests.store import script

MIGRATE = """
    import sys
    from automation.store.database import Store
    from automation.store.schema import migrate
    store = Store(sys.argv[1])
    sys.stdin.readline()
    print(len(migrate(store)))
    store.close()
"""


def test_migrating_again_changes_nothing(bare_url: str) -> None:
    store = Store(bare_url)
    names = schema.pending(store)
    assert "0001_initial" in names
    assert schema.migrate(store) == names
    assert schema.pending(store) == []
    assert schema.migrate(store) == []
    store.close()


@pytest.mark.processes
def test_two_processes_at_once_take_turns(bare_url: str) -> None:
    processes = [script.start(MIGRATE, bare_url) for _ in range(3)]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    applied = sorted(int(script.finish(process)) for process in processes)
    store = Store(bare_url)
    assert schema.pending(store) == []
    assert applied[:2] == [0, 0]
    assert applied[2] > 0
    store.close()


def test_a_database_of_a_newer_version_is_refused(bare_url: str) -> None:
    store = Store(bare_url)
    schema.migrate(store)
    with store.write() as tx:
        tx.run("INSERT INTO schema_migration (name, applied) VALUES ('9999_future', '2030-01-01 00:00:00')")
    with pytest.raises(errors.Refused, match="newer version"):
        schema.migrate(store)
    store.close()


def test_migrations_happen_together_or_not_at_all(
    bare_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "0001_good.py").write_text(
        "def up(migrator, db):\n    db.execute_sql('CREATE TABLE one (id INT)')\n"
    )
    (tmp_path / "m" / "0002_bad.py").write_text("def up(migrator, db):\n    db.execute_sql('CREATE TABLE two (')\n")
    monkeypatch.setattr(schema, "FOLDER", tmp_path / "m")
    store = Store(bare_url)
    with pytest.raises((peewee.OperationalError, peewee.ProgrammingError)):
        schema.migrate(store)
    assert store.connections.get_tables() == []
    assert schema.pending(store) == ["0001_good", "0002_bad"]
    store.close()


def test_both_databases_have_the_same_tables_and_columns(store: Store) -> None:
    tables = {
        name: [column.name for column in store.connections.get_columns(name)] for name in store.connections.get_tables()
    }
    tables.pop("sqlite_sequence", None)
    expected = {"person", "identity", "event", "run", "message", "attempt", "coupon", "effect", "audit", "name", "zone"}
    assert expected <= set(tables)
    assert tables["person_date"] == ["field", "calendar", "month", "day", "leap", "person_id", "year"]
