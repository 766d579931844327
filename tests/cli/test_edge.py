"""Errors end in one line and a named exit code."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import apsw
import click
import peewee
import pytest

import run
from automation.cli import edge
from automation.cli.session import Session
from automation.kernel import errors

RUN = Path(run.__file__)


@pytest.fixture
def raised(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """The exit code when a command raises this."""

    def exit_code(error: BaseException, debug: bool = False) -> int:
        def invoke(session: Session, arguments: list[str]) -> int:
            raise error

        monkeypatch.setattr(edge, "_invoke", invoke)
        session = Session(run.kinds, run.build)
        session.config, session.debug = tmp_path / "config.yaml", debug
        return edge.run(session, [])

    return exit_code


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.Refused("no"), 1),
        (errors.SourceErrors([errors.Problem("a.yaml", 3, 7, "Y001", "wrong", "do this")]), 1),
        (errors.UsageError("how"), 2),
        (click.UsageError("how"), 2),
        (errors.ServiceAway("away"), 3),
        (errors.Busy("later"), 4),
        (peewee.OperationalError(apsw.BusyError("database is locked")), 3),
        (peewee.OperationalError(apsw.FullError("database or disk is full")), 3),
        (peewee.OperationalError(apsw.SQLError("no such column: locked")), 1),
        (KeyError("13800000001"), 1),
        (KeyboardInterrupt(), 130),
        (click.Abort(), 2),
    ],
    ids=repr,
)
def test_each_error_has_its_exit_code_and_no_traceback(
    raised: Any, capsys: pytest.CaptureFixture[str], error: BaseException, code: int
) -> None:
    assert raised(error) == code
    written = capsys.readouterr()
    assert "Traceback" not in written.err
    assert written.out == ""


def test_a_wrong_file_is_told_with_its_place(raised: Any, capsys: pytest.CaptureFixture[str]) -> None:
    raised(errors.SourceErrors([errors.Problem("a.yaml", 3, 7, "Y001", "wrong", "do this")]))
    assert "a.yaml:3:7 Y001 wrong (do this)" in capsys.readouterr().err


def test_what_nobody_foresaw_is_written_down_without_its_message(
    raised: Any, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert raised(KeyError("13800000001")) == 1
    said = capsys.readouterr().err
    assert "Please report" in said
    assert "13800000001" not in said
    log = tmp_path / "var" / "log" / "errors.log"
    assert "KeyError" in log.read_text(encoding="utf-8")
    assert "13800000001" not in log.read_text(encoding="utf-8")
    assert log.stat().st_mode & 0o077 == 0


def test_debug_shows_the_traceback(raised: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert raised(KeyError("x"), debug=True) == 1
    assert "Traceback" in capsys.readouterr().err


def test_without_a_config_it_says_how_to_get_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = edge.run(Session(run.kinds, run.build), ["--config", str(tmp_path / "none.yaml"), "journeys", "list"])
    assert code == 1
    assert "run.py init" in capsys.readouterr().err


def test_a_locked_database_is_a_service_that_is_away(shop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.folder.joinpath("var", "lucheng.db").unlink()
    shop.folder.joinpath("var", "lucheng.db").mkdir()
    done = shop("journeys", "list")
    assert done.code == 3
    assert "Traceback" not in done.err


def test_a_reader_that_leaves_early_is_no_error(shop: Any) -> None:
    script = (
        f"{sys.executable} {RUN} --config {shop.folder}/config.yaml audit list --json | true; echo ${{PIPESTATUS[0]}}"
    )
    done = subprocess.run(
        ["bash", "-c", script], cwd=RUN.parent, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.stdout.strip() == "0"
    assert done.stderr == ""


def test_chinese_is_printed_on_a_terminal_that_claims_ascii(shop: Any) -> None:
    environment = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(
        [sys.executable, str(RUN), "--config", f"{shop.folder}/config.yaml", "segment", "list"],
        cwd=RUN.parent, env=environment, capture_output=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "贵宾" in done.stdout.decode("utf-8")
