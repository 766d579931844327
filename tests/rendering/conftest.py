"""Fixtures: one source string through the real parser and program, and a folder of texts on disk."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from automation.kernel.errors import SourceErrors
from automation.rendering import catalogue, language, program
from automation.rendering.fields import Field
from automation.rendering.texts import Texts


def render_one(source: str, values: dict[str, Any] | None = None, *, html: bool = False) -> str:
    """Raises SourceErrors for what is refused at loading, Broken for what fails while rendering."""
    parsed = language.parse(Field("text", source, "templates/x/wechat.yaml"))
    if parsed.problems:
        raise SourceErrors(parsed.problems)
    compiled = program.Program("test", [parsed], html=html, max_chars=64 * 1024)
    return compiled.run({"_zone": "Asia/Shanghai", "_lunar": lambda day: "八月十五", **(values or {})})[0]


@pytest.fixture
def render() -> Callable[..., str]:
    return render_one


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Texts]:
    """Write files below templates/ and load them; paths in problems are relative to the shop."""
    monkeypatch.chdir(tmp_path)

    def load(**files: str) -> Texts:
        for name, content in files.items():
            path = Path("templates") / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(textwrap.dedent(content).lstrip("\n"), encoding="utf-8")
        return catalogue.load(tmp_path / "templates")

    return load
