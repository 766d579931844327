"""The programs in the documentation do what the page says: the backup."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import apsw

from automation.store import schema
from automation.store.database import Store
from tests.docs import pages


def _program(page: str, name: str) -> str:
    found = [one.text for one in pages.blocks("python", [pages.ROOT / "docs" / page]) if one.about == name]
    assert len(found) == 1
    return found[0]


def test_the_backup_holds_what_was_committed_while_an_engine_writes(tmp_path: Path) -> None:
    (tmp_path / "var").mkdir()
    store = Store(f"sqlite:{tmp_path / 'var' / 'lucheng.db'}")
    try:
        schema.migrate(store)
        with store.write() as tx:
            tx.run("INSERT INTO name (kind, name) VALUES ('tag', 'before')")
        program = _program("operations.md", "backup.py")
        subprocess.run([sys.executable, "-W", "error", "-c", program], cwd=tmp_path, check=True, timeout=60)
        with store.write() as tx:
            tx.run("INSERT INTO name (kind, name) VALUES ('tag', 'after')")
    finally:
        store.close()
    copy = apsw.Connection(str(tmp_path / "lucheng-backup.db"))
    try:
        assert copy.execute("SELECT name FROM name WHERE kind = 'tag'").fetchall() == [("before",)]
        assert copy.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    finally:
        copy.close()
