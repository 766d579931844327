"""`init` makes a shop that checks clean, and touches nothing that exists."""

from __future__ import annotations

import json
from fnmatch import fnmatch
from pathlib import Path

import pytest

import run
from automation.cli import edge
from automation.cli.session import Session
from automation.people.importing.rejects import rejects_path
from tests.cli.conftest import Shop


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


def test_git_ignores_the_rejected_rows_of_an_import_wherever_they_lie(tmp_path: Path) -> None:
    """They hold phones and names in clear."""
    command("init", tmp_path)
    rejects = rejects_path(tmp_path / "2026" / "members.xlsx", "0123456789abcdef")
    lines = (tmp_path / ".gitignore").read_text(encoding="utf-8").splitlines()
    assert any(fnmatch(rejects.name, line) for line in lines if not line.startswith("#"))


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
    said = capsys.readouterr().out
    assert said.startswith("made 1 file in ") and "files were there and kept" in said.splitlines()[0]
    command("init", tmp_path)
    assert "everything is there already" in capsys.readouterr().out


def test_no_key_is_made_beside_contacts_that_it_would_not_open(shop: Shop) -> None:
    key = shop.folder / "var" / "lucheng.key"
    key.rename(shop.folder / "copy.key")
    refused = shop("init", shop.folder)
    assert refused.code == 1 and "restore your copy" in refused.err
    assert not key.exists()


def test_an_empty_database_gets_its_first_key(bare: Shop) -> None:
    key = bare.folder / "var" / "lucheng.key"
    key.unlink()
    bare.fine("init", bare.folder)
    assert key.exists()


def test_an_empty_name_is_no_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert command("init", "") == 2
    assert not list(tmp_path.iterdir())
    assert command("init", ".") == 0
    assert "Next: change config.yaml" in capsys.readouterr().out


@pytest.mark.parametrize("place", ["secrets/l.key", "/elsewhere/l.key"])
def test_the_key_is_made_where_a_config_that_is_there_wants_it(tmp_path: Path, place: str) -> None:
    shop = tmp_path / "shop"
    shop.mkdir()
    key = tmp_path / place.removeprefix("/") if place.startswith("/") else shop / place
    text = Path(run.__file__).with_name("config.yaml").read_text(encoding="utf-8")
    assert "file: var/lucheng.key" in text
    wanted = str(key) if place.startswith("/") else place
    (shop / "config.yaml").write_text(text.replace("file: var/lucheng.key", f"file: {wanted}"), encoding="utf-8")
    assert command("init", shop) == 0
    assert key.stat().st_mode & 0o777 == 0o600
    assert not (shop / "var" / "lucheng.key").exists()
    assert command("--config", shop / "config.yaml", "tick") == 0
    before = key.read_bytes()
    assert command("init", shop) == 0
    assert key.read_bytes() == before


def test_no_key_file_is_made_beside_a_config_that_takes_it_from_a_secret(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "config.yaml").write_text("shop: {name: 测试店}\nkey: {value: '${NO_SUCH_KEY}'}\n", encoding="utf-8")
    assert command("init", tmp_path) == 0
    assert not list(tmp_path.rglob("*.key"))
    assert "key.value" in capsys.readouterr().out


def test_a_config_whose_key_is_wrong_is_told_before_a_key_is_made(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("shop: {name: 测试店}\nkey: {flie: a.key}\n", encoding="utf-8")
    assert command("init", tmp_path) == 1
    assert not list(tmp_path.rglob("*.key"))


def test_journeys_name_a_schema_that_is_there_for_editors(tmp_path: Path) -> None:
    command("init", tmp_path)
    first = (tmp_path / "journeys" / "onboarding.yaml").read_text(encoding="utf-8").splitlines()[0]
    schema = first.removeprefix("# yaml-language-server: $schema=")
    assert json.loads((tmp_path / "journeys" / schema).read_text(encoding="utf-8"))["title"] == "journey"
    assert not (tmp_path / "journeys" / "catalog.yaml").read_text(encoding="utf-8").startswith("# yaml-language")
