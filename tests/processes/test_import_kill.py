"""An import that is killed again and again comes to the same end as one that is not."""

from __future__ import annotations

import os
import random
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from automation.conditions.tree import FieldType
from automation.journey import built_in
from automation.journey.catalog import Catalog, Field, Home
from automation.people import keyring, registry
from automation.people.importing import Options, Report, customers
from automation.people.sealing import Vault
from automation.store.database import Store

NOW = 1_767_225_600
KILLS = 30
ROWS = 1500
FIELDS = (
    Field("tier", FieldType.CHOICE, "会员等级", order=("basic", "gold")),
    Field("birthday", FieldType.DATE, "生日", home=Home.DATE),
)
CATALOG = Catalog(dict(built_in.FIELDS) | {field.name: field for field in FIELDS}, built_in.EVENTS, {})
# Everything that does not depend on chance: nonces do, ids must not.
STATE = (
    "SELECT id, uid, name, attrs, merged_into, created_at FROM person ORDER BY id",
    "SELECT id, person_id, kind, account, lookup FROM identity ORDER BY id",
    "SELECT person_id, field, calendar, month, day, leap, year FROM person_date ORDER BY person_id",
    "SELECT person_id, channel, purpose, granted FROM consent ORDER BY person_id, channel",
    "SELECT person_id, channel, granted FROM consent_log ORDER BY id",
    "SELECT t.person_id, n.name FROM person_tag t JOIN name n ON n.id = t.tag_id ORDER BY t.person_id, n.name",
    "SELECT kept, gone FROM merge ORDER BY id",
    "SELECT rows_done, taken, rejected, finished_at FROM import_job",
)


def write_file(path: Path) -> None:
    chance = random.Random(1)
    lines = ["手机号,邮箱,姓名,会员等级,生日,标签,营销同意"]
    for number in range(ROWS):
        phone = f"138{chance.randrange(1000):08d}" if number % 11 else "bad"
        email = f"u{chance.randrange(2000)}@example.com" if number % 3 else ""
        lines.append(f"{phone},{email},客户{number},{'gold' if number % 2 else ''},农历八月十五,a、b{number % 7},是")
    path.write_text("\n".join(lines), encoding="utf-8")


def run_import(database: Path, path: Path) -> Report:
    store = Store(f"sqlite:{database}")
    vault = Vault(keyring.read("1:" + "A" * 43 + "=", "the test"))
    report = customers(registry.opened(store, vault, CATALOG), path, Options(chunk=10), NOW)
    store.close()
    return report


def import_in_child(database: Path, path: Path, patience: float) -> bool:
    """Imports in a process that is killed after `patience` seconds; whether it was killed."""
    child = os.fork()
    if child == 0:
        try:
            run_import(database, path)
            os._exit(0)
        finally:
            os._exit(1)
    time.sleep(patience)
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    assert not os.WIFEXITED(status) or os.WEXITSTATUS(status) == 0
    return os.WIFSIGNALED(status)


def outcome(database: Path, path: Path) -> tuple[list[list[Any]], bytes]:
    report = run_import(database, path)
    assert report.already
    assert report.created + report.updated + report.rejected + report.blank == report.rows == ROWS
    store = Store(f"sqlite:{database}")
    state = [store.rows(sql) for sql in STATE]
    assert store.value("PRAGMA integrity_check") == "ok"
    store.close()
    assert report.rejects_path is not None
    return state, report.rejects_path.read_bytes()


@pytest.mark.processes
def test_a_killed_import_goes_on_where_it_was(tmp_path: Path, sqlite_template: bytes) -> None:
    def fresh(name: str) -> tuple[Path, Path]:
        folder = tmp_path / name
        folder.mkdir()
        (folder / "lucheng.db").write_bytes(sqlite_template)
        write_file(folder / "customers.csv")
        return folder / "lucheng.db", folder / "customers.csv"

    whole = fresh("whole")
    started = time.monotonic()
    run_import(*whole)
    usual = time.monotonic() - started
    expected = outcome(*whole)
    assert len(expected[0][0]) > 500
    assert expected[0][6], "the file is to have rows that merge people"
    chance = random.Random(7)
    kills = attempt = 0
    while kills < KILLS:
        attempt += 1
        files = fresh(str(attempt))
        while import_in_child(*files, chance.uniform(0, usual / 4)):
            kills += 1
        assert outcome(*files) == expected, f"after {kills} kills"
