"""The words of the operations page do what it says: a change of keys, a backup, and the way back."""

from __future__ import annotations

import shlex
import shutil
from pathlib import Path

import pytest

import run
from automation.cli import edge
from automation.cli import keys as key_commands
from automation.cli.session import Session
from automation.kernel.clock import FixedClock, SystemClock
from tests.docs import pages

PAGE = pages.ROOT / "docs" / "operations.md"
PLACE = "/mnt/backups/"


def words(*known: str) -> list[list[str]]:
    """The lines of the page's blocks that begin with `run.py` and one of these words."""
    lines = [line for block in pages.blocks("bash", [PAGE]) for line in block.text.splitlines()]
    found = [shlex.split(line)[1:] for line in lines if line.startswith("run.py ")]
    return [one for one in found if one[0] in known]


def test_keys_change_and_a_backup_comes_back_by_the_words_of_the_page(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = FixedClock(SystemClock().now())

    def fine(*arguments: str) -> str:
        placed = [one.replace(PLACE, f"{tmp_path}/") for one in arguments]
        assert edge.run(Session(run.kinds, run.build, clock), placed) == 0, capsys.readouterr().err
        return capsys.readouterr().out

    shop = tmp_path / "shop"
    fine("init", str(shop))
    at = ("--config", str(shop / "config.yaml"))
    fine(*at, "customers", "find", "13800000001")
    (backup,) = words("backup")
    keys = words("keys")
    assert [one[1] for one in keys] == ["add", "reseal", "retire"]
    for one in keys:
        if one[1] == "retire":
            clock.set(clock.now() + key_commands.SETTLED)
        fine(*at, *one)
    assert "NOT in it" in fine(*at, *backup)
    restore, bare = words("restore")
    assert bare == ["restore"] and restore[1:] == backup[1:]
    old = tmp_path / "old"
    old.mkdir()
    for path in (shop / "var").glob("lucheng.db*"):
        shutil.move(path, old)
    assert "All is stopped" in fine(*at, *restore)
    (stopped, resumed) = words("stop-all", "resume-all")[:2]
    assert stopped[0] == "stop-all"
    fine(*at, *resumed)
