"""The programs in the documentation do what the page says: the backup, and the channel of the walk-through."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import apsw
import pytest
from pydantic import BaseModel

import bots
from automation.kernel.ports import Accepted, Channel, Message
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


@pytest.fixture
def letters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Channel:
    for name in ("bots/letters/options.py", "bots/letters/channel.py"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(_program("adding-a-channel.md", name), encoding="utf-8")
    monkeypatch.setattr(bots, "__path__", [*bots.__path__, str(tmp_path / "bots")])
    for name in ("bots.letters", "bots.letters.options", "bots.letters.channel"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    options: type[BaseModel] = importlib.import_module("bots.letters.options").LettersOptions
    made = options.model_validate({"file": "letters.jsonl"}, context={"folder": tmp_path})
    channel: Channel = importlib.import_module("bots.letters.channel").LettersChannel("letters", made)
    return channel


def test_the_channel_of_the_walk_through_keeps_its_promises(letters: Channel, tmp_path: Path) -> None:
    messages = [Message(f"key{number}", "post", "li@example.com", {"text": "您好"}) for number in range(3)]
    assert letters.send([]) == []
    assert letters.send(messages) == [Accepted("key0"), Accepted("key1"), Accepted("key2")]
    assert len((tmp_path / "letters.jsonl").read_text(encoding="utf-8").splitlines()) == 3
    assert (letters.kind, letters.lanes[0].dedupe_window) == ("email", 0)
    letters.close()
