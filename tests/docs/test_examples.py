"""Every example of the documentation is loaded; the page of the language leaves no word without one."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from automation import settings
from automation.conditions.tree import Op
from automation.journey import project, words
from automation.kernel import source
from automation.simulate.cases import reading as cases
from bots import registry
from tests.docs import pages

EXAMPLES = list(pages.blocks("yaml"))
FOLLOWED = "tutorial.md"  # test_tutorial.py writes its files, a wrong one among them
PAGES = sorted({block.page for block in EXAMPLES if block.page.name != FOLLOWED})
PLACES = ("journeys/", "templates/", "tests/", "config.yaml", "steps", "enter", "if")
ENVIRONMENT = {
    "MAIL_PASSWORD": "not-a-secret",
    "CRM_SECRET": "not-a-secret",
    "WECHAT_SECRET": "not-a-secret",
    "WECHAT_TOKEN": "notasecret",
    "WECHAT_AES_KEY": "x" * 43,
    "SHOP_API_KEY": "not-a-secret-0123456789abcdef0123456789",
    "DATABASE_URL": "postgresql://host/lucheng",
}


@pytest.mark.parametrize("block", EXAMPLES, ids=lambda block: block.place)
def test_an_example_says_which_file_it_is(block: pages.Block) -> None:
    assert block.about.startswith(PLACES), "the first line of an example names its file: # journeys/NAME.yaml"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_examples_of_a_page_have_no_problem(page: Path, tmp_path: Path) -> None:
    examples = [block for block in EXAMPLES if block.page == page]
    config = pages.shop(tmp_path, examples)
    chosen = settings.load(config, ENVIRONMENT, registry.KINDS)
    found = project.load(chosen)
    said = "\n".join(
        f"{problem}\n{_shown(problem.path, problem.line)}" for problem in (*found.problems, *found.warnings)
    )
    assert not said, f"in the examples of {page.name}:\n{said}"
    assert cases.problems(found, chosen) == []
    journeys = {Path(block.about).stem for block in examples if block.about.startswith("journeys/")}
    assert journeys - set(pages.RESERVED) <= set(found.journeys)


def _shown(path: str, line: int) -> str:
    lines = Path(path).read_text(encoding="utf-8").splitlines()
    return "\n".join(lines[max(0, line - 2) : line + 1])


def test_every_step_and_entry_stands_in_an_example_of_the_language() -> None:
    used = set[str]()
    for block in EXAMPLES:
        if block.page.name == "journeys.md" and not block.about.startswith(("templates", "config", "tests")):
            used |= _keys(source.parse(block.text, block.place).data)
    assert {*words.STEP, *words.ENTRIES} - used == set()
    assert {key for word in (*words.STEP.values(), *words.ENTRIES.values()) for key in word.keys} - used == set()


def test_the_page_of_the_language_shows_every_comparator() -> None:
    page = (pages.ROOT / "docs" / "journeys.md").read_text(encoding="utf-8")
    assert {op for op in Op if not re.search(rf"\b{op}\b", page)} == set()


def _keys(data: Any) -> set[str]:
    if isinstance(data, dict):
        return {*data, *(key for part in data.values() for key in _keys(part))}
    return {key for part in data for key in _keys(part)} if isinstance(data, list) else set()
