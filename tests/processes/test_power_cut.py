"""What a cut of power at 300 random moments leaves of the product's database; and that the test would see a loss."""

from __future__ import annotations

import pickle
import random
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import apsw
import pytest

from tests.processes.harness import power
from tests.processes.harness.forks import ROOT

pytestmark = pytest.mark.processes
CUTS, COMMITS = 300, 400


def test_300_cuts_of_power_lose_no_acknowledged_commit_and_damage_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lost, damaged, most = _cut(tmp_path, "as it is")
    with capsys.disabled():
        print(f"\npower: {CUTS} cuts, {lost} lost acknowledged commits, {damaged} damaged")  # noqa: T201
    assert (lost, damaged) == (0, 0), f"up to {most} commits lost"


def test_the_same_cuts_lose_commits_where_the_store_does_not_wait_for_the_disk(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lost, damaged, most = _cut(tmp_path, "NORMAL")
    with capsys.disabled():
        print(f"\npower, synchronous=NORMAL: {CUTS} cuts, {lost} lost acknowledged commits, up to {most}")  # noqa: T201
    assert lost > CUTS / 2, "cuts of power that lose nothing here prove nothing above"
    assert damaged == 0


def _cut(folder: Path, synchronous: str) -> tuple[int, int, int]:
    """Cuts that lost acknowledged commits, cuts that damaged the file, and the most commits one cut lost."""
    subprocess.run(
        [sys.executable, "-m", "tests.processes.harness.power", folder, synchronous, str(COMMITS)], cwd=ROOT, check=True
    )
    happened = pickle.loads((folder / "notes").read_bytes())
    assert sum(note[0] == "ack" for note in happened) == COMMITS + 1
    assert any(note[0] == "write" and note[1] == "lucheng.db" for note in happened), "it was checkpointed"
    chance = random.Random(4)
    first = next(place for place, note in enumerate(happened) if note[0] == "ack")
    lost = damaged = most = 0
    for _ in range(CUTS):
        missing, whole = _look(happened, chance.randrange(first, len(happened)), chance, folder / "disk")
        lost, damaged, most = lost + bool(missing), damaged + (not whole), max(most, missing)
    return lost, damaged, most


def _look(happened: list[Any], cut: int, chance: random.Random, disk: Path) -> tuple[int, bool]:
    """Acknowledged commits that are missing after this cut, and whether the file is whole."""
    shutil.rmtree(disk, ignore_errors=True)
    disk.mkdir()
    acknowledged = power.rebuild(happened, cut, chance, disk)
    database = apsw.Connection(str(disk / "lucheng.db"))
    try:
        whole = database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        if not database.execute("SELECT 1 FROM sqlite_schema WHERE name = 'audit'").fetchall():
            return len(acknowledged), whole  # the migration itself was lost
        there = {row[0] for row in database.execute("SELECT json_extract(detail, '$.number') FROM audit")}
        return len(acknowledged - {0} - there), whole
    except apsw.Error:
        return len(acknowledged), False
    finally:
        database.close()
