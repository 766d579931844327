"""The pages of the documentation, their blocks, and a shop made of the examples of one page.

An example is a ```yaml block whose first line names its file: `# journeys/winback.yaml`. What it says is laid over the
shop that comes with Lucheng, together with the other examples of its page. `# steps`, `# enter` and `# if` are parts of
a journey or a segment; one is made around each.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from automation.kernel import source

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
RESERVED = ("catalog", "segments", "policy", "coupons", "festivals")


@dataclass(frozen=True)
class Block:
    """A fenced block: the page, the line it begins on, its language and its text."""

    page: Path
    line: int
    language: str
    text: str

    @property
    def about(self) -> str:
        """What its first line says it is: a file's path, or steps, enter, if."""
        first = self.text.partition("\n")[0]
        return first.removeprefix("#").strip() if first.startswith("#") else ""

    @property
    def place(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def blocks(language: str, pages: list[Path] = PAGES) -> Iterator[Block]:
    for page in pages:
        text = page.read_text(encoding="utf-8")
        for found in FENCE.finditer(text):
            if found[1] == language:
                yield Block(page, text.count("\n", 0, found.start()) + 1, found[1], found[2])


def prose(page: Path) -> str:
    """The page without its fenced blocks."""
    return FENCE.sub("", page.read_text(encoding="utf-8"))


def shop(folder: Path, examples: list[Block]) -> Path:
    """A copy of the shipped shop in `folder` with the examples laid over it; its config.yaml."""
    for name in ("journeys", "templates"):
        shutil.copytree(ROOT / name, folder / name)
    shutil.copy(ROOT / "config.yaml", folder / "config.yaml")
    for number, block in enumerate(examples):
        path, text = written(block, number)
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.exists() and (path == "config.yaml" or target.stem in RESERVED):
            mine, theirs = source.parse(text, block.place).data, source.read(target).data
            text = json.dumps(merged(theirs, mine), ensure_ascii=False, indent=1)
        target.write_text(text, encoding="utf-8")
    return folder / "config.yaml"


def written(block: Block, number: int) -> tuple[str, str]:
    """The file an example is, and its text; a journey or segment around a part of one."""
    name = f"example_{number}"
    inner = "".join(f"  {line}\n" for line in block.text.splitlines())
    head = f"journey: {name}\npurpose: promo\n"
    if block.about == "steps":
        return f"journeys/{name}.yaml", f"{head}enter: {{event: order.paid}}\nkey: order_id\nsteps:\n{inner}"
    if block.about == "enter":
        again = "each_occasion" if re.search(r"^(date|festival):", block.text, re.MULTILINE) else "finished"
        return f"journeys/{name}.yaml", f"{head}again: {again}\nenter:\n{inner}steps:\n  - {{tag: 示例}}\n"
    if block.about == "if":
        return "journeys/segments.yaml", f"{name}:\n  title: 示例\n  if:\n{indented(inner)}"
    return block.about, block.text


def indented(text: str) -> str:
    return "".join(f"  {line}\n" for line in text.splitlines())


def merged(theirs: Any, mine: Any) -> Any:
    if isinstance(theirs, Mapping) and isinstance(mine, Mapping):
        return {**theirs, **{key: merged(theirs.get(key), part) for key, part in mine.items()}}
    return mine
