"""The tutorial is followed word for word: its files are written, its commands run, its output compared.

The clock stands at one moment, and commands run in this process: starting Python for each would take a minute.
"""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import run
from automation.cli import edge
from automation.cli.session import Session
from automation.kernel.clock import FixedClock
from bots.sandbox import process
from tests.docs import pages

PAGE = pages.ROOT / "docs" / "tutorial.md"
FENCE = re.compile(r"^```(\w*) ?([\w./]*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
NOW = 1_795_485_600  # 2026-11-24 10:00 in Shanghai, a Tuesday
NOT_HERE = ("make ", "alias ", ".venv/bin/python -m bots.sandbox")


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[process.Sandbox]:
    with process.start(tmp_path / "ledger.jsonl") as started:
        yield started


def test_the_tutorial_does_what_it_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], sandbox: process.Sandbox
) -> None:
    monkeypatch.chdir(tmp_path)
    said = ""
    for found in FENCE.finditer(PAGE.read_text(encoding="utf-8")):
        language, name, text = found[1], found[2], found[3]
        if language == "bash":
            for line in text.splitlines():
                _command(line, monkeypatch, sandbox)
            output = capsys.readouterr()
            said = _plain(output.out + output.err)
        elif language == "text" and not text.startswith(NOT_HERE):
            missing = [line for line in text.splitlines() if line.strip() and not _is_said(line, said)]
            assert missing == [], f"not said:\n{missing}\nbut:\n{said}"
        elif language == "csv":
            Path(name).write_text(text, encoding="utf-8")
        elif language == "yaml":
            _write(text)


def _command(line: str, monkeypatch: pytest.MonkeyPatch, sandbox: process.Sandbox) -> None:
    words = shlex.split(line)
    if line.startswith(NOT_HERE):
        return
    if words[0] == "cd":
        monkeypatch.chdir(words[1])
        config = Path("config.yaml").read_text(encoding="utf-8")
        config = config.replace("http://127.0.0.1:8025", sandbox.url).replace("8026", str(sandbox.smtp_port))
        Path("config.yaml").write_text(config, encoding="utf-8")
    elif words[0] == "run.py":
        edge.run(Session(run.kinds, run.build, FixedClock(NOW)), words[1:])
    else:
        subprocess.run(line, shell=True, check=True)


def _write(text: str) -> None:
    """A file of the shop; what is to be added to an existing one goes to its end."""
    path = Path(text.partition("\n")[0].removeprefix("#").strip())
    path.parent.mkdir(parents=True, exist_ok=True)
    kept = path.read_text(encoding="utf-8") + "\n" if path.exists() else ""
    path.write_text(kept + text, encoding="utf-8")


def _plain(text: str) -> str:
    return "\n".join(" ".join(line.split()) for line in text.splitlines())


def _is_said(line: str, said: str) -> bool:
    """Whether a line was printed, spaces aside; … stands for anything."""
    pattern = ".*".join(re.escape(part) for part in _plain(line).split("…"))
    return re.search(pattern, said) is not None


def test_a_command_works_from_the_shell_too() -> None:
    done = subprocess.run(
        [sys.executable, "run.py", "--help"], cwd=pages.ROOT, capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("Usage: run.py")
