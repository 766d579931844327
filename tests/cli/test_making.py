"""`init` makes a shop that checks clean, and touches nothing that exists."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import run
from automation.cli import edge
from automation.cli.session import Session


def command(*words: str | Path) -> int:
    return edge.run(Session(run.kinds, run.build), list(map(str, words)))


def test_a_new_shop_checks_without_a_problem(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shop = tmp_path / "shop"
    assert command("init", shop) == 0
    assert command("--config", shop / "config.yaml", "check", "--json") == 0
    found = json.loads(capsys.readouterr().out.split("\n", 3)[-1].partition("{")[2].join(("{", "")))
    assert found["problems"] == []
    assert found["checked"]["journeys"] >= 5


def test_the_key_is_for_its_owner_only_and_git_ignores_it(tmp_path: Path) -> None:
    command("init", tmp_path)
    assert (tmp_path / "var" / "lucheng.key").stat().st_mode & 0o777 == 0o600
    assert "var/" in (tmp_path / ".gitignore").read_text(encoding="utf-8").split()


def test_what_exists_is_kept_the_key_above_all(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command("init", tmp_path)
    key = (tmp_path / "var" / "lucheng.key").read_bytes()
    (tmp_path / "journeys" / "onboarding.yaml").write_text("mine", encoding="utf-8")
    (tmp_path / "journeys" / "catalog.yaml").unlink()
    capsys.readouterr()
    assert command("init", tmp_path) == 0
    assert (tmp_path / "var" / "lucheng.key").read_bytes() == key
    assert (tmp_path / "journeys" / "onboarding.yaml").read_text(encoding="utf-8") == "mine"
    assert (tmp_path / "journeys" / "catalog.yaml").exists()
    assert "kept  journeys/onboarding.yaml" in capsys.readouterr().out


def test_journeys_name_a_schema_that_is_there_for_editors(tmp_path: Path) -> None:
    command("init", tmp_path)
    first = (tmp_path / "journeys" / "onboarding.yaml").read_text(encoding="utf-8").splitlines()[0]
    schema = first.removeprefix("# yaml-language-server: $schema=")
    assert json.loads((tmp_path / "journeys" / schema).read_text(encoding="utf-8"))["title"] == "journey"
    assert not (tmp_path / "journeys" / "catalog.yaml").read_text(encoding="utf-8").startswith("# yaml-language")
