"""What the pages point to exists: links, headings, commands, targets of make. And they tell nothing they must not."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import click
import pytest

from automation.cli import root
from docs import operating
from tests.docs import pages

LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
RUN = re.compile(r"^(?:\$ )?(?:\S*python\S* )?(?:\S*/)?run\.py (.+)$")
INLINE = re.compile(r"`run\.py ([^`]+)`")
MAKE = re.compile(r"\bmake (?!sure|it\b|them\b)([a-z]+)\b")
FORBIDDEN = re.compile(
    r"/wo[r]k/|shared/|/tmp/|\bsessions?\b|\bhelpers?\b|\bbriefs?\b|py[p]i\.org|pythonh[o]sted|\bmirrors?\.\w+\.\w|index-url",
    re.IGNORECASE,
)
ALLOWED = ("No file called utils, helpers", "requests.Session")


@pytest.mark.parametrize("page", pages.PAGES, ids=lambda page: str(page.relative_to(pages.ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    dead = [target for target in LINK.findall(pages.prose(page)) if not _leads(page, target)]
    assert dead == []


def _leads(page: Path, target: str) -> bool:
    if target.startswith(("http://", "https://", "mailto:")):
        return True
    path, _, heading = target.partition("#")
    file = (page.parent / path).resolve() if path else page
    return file.exists() and (not heading or heading in _headings(file))


def _headings(page: Path) -> set[str]:
    """The anchors of a page as code hosts make them."""
    titles = HEADING.findall(pages.prose(page))
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", pages.PAGES, ids=lambda page: str(page.relative_to(pages.ROOT)))
def test_commands_exist_with_their_options(page: Path) -> None:
    wrong = [line for line in _commands(page) if not _known(line)]
    assert wrong == []


def _commands(page: Path) -> Iterator[str]:
    for language in ("bash", "sh", "console", "text", ""):
        for block in pages.blocks(language, [page]):
            for line in block.text.splitlines():
                if found := RUN.match(line.strip()):
                    yield found[1]
    yield from INLINE.findall(pages.prose(page))


def _known(line: str) -> bool:
    """Whether the words begin with a command and every option is one of it or of what stands above it."""
    words = [word for word in shlex.split(line, comments=True) if word not in ("...", "…")]
    words = words[: words.index("|")] if "|" in words else words
    words = words[words[:1] == ["COMMAND"] :]
    command: click.Command = root.root
    options = _options(command)
    place = 0
    while place < len(words):
        word = words[place]
        if word == "--config":
            place += 1
        elif word.startswith("--"):
            if word.partition("=")[0] not in options:
                return False
        elif isinstance(command, click.Group) and (below := _below(command, word)):
            command = below
            options |= _options(below)
        elif command is root.root:
            return not word.isascii() or word.isupper()
        place += 1
    return command is not root.root or all(word.startswith("-") for word in words)


def _below(command: click.Group, word: str) -> click.Command | None:
    return command.get_command(click.Context(command), word)


def _options(command: click.Command) -> set[str]:
    return {name for one in command.params for name in one.opts} | {"--help", "-h"}


@cache
def _targets() -> frozenset[str]:
    text = (pages.ROOT / "Makefile").read_text(encoding="utf-8")
    return frozenset(re.findall(r"^([a-z]+):", text, re.MULTILINE))


@pytest.mark.parametrize("page", pages.PAGES, ids=lambda page: str(page.relative_to(pages.ROOT)))
def test_targets_of_make_exist(page: Path) -> None:
    named = {word for span in re.findall(r"`([^`\n]*)`", pages.prose(page)) for word in MAKE.findall(span)}
    for block in (*pages.blocks("bash", [page]), *pages.blocks("text", [page])):
        named |= {word for line in block.text.splitlines() if line.startswith("make ") for word in MAKE.findall(line)}
    assert named <= _targets()


def test_the_two_commands_of_a_fresh_machine_stand_in_both_readmes() -> None:
    for name in ("README.md", "README.zh-CN.md"):
        text = (pages.ROOT / name).read_text(encoding="utf-8")
        assert "make demo" in text
        assert "make test" in text
    assert {"demo", "test"} <= _targets()


@pytest.mark.parametrize("page", pages.PAGES, ids=lambda page: str(page.relative_to(pages.ROOT)))
def test_pages_tell_nothing_of_how_and_where_they_were_written(page: Path) -> None:
    lines = page.read_text(encoding="utf-8").splitlines()
    said = [
        f"{page.name}:{number}: {line}"
        for number, line in enumerate(lines, 1)
        if FORBIDDEN.search(line) and not any(word in line for word in ALLOWED)
    ]
    assert said == []


def test_every_page_of_docs_stands_in_its_index() -> None:
    index = (pages.ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    listed = {(pages.ROOT / "docs" / target.partition("#")[0]).resolve() for target in LINK.findall(index)}
    missing = {page for page in (pages.ROOT / "docs").glob("*.md") if page.name != "README.md"} - listed
    assert sorted(page.name for page in missing) == []


def test_the_list_of_commands_knows_every_group() -> None:
    assert {words.split()[0] for words, _ in operating.commands()} == set(root.COMMANDS)
