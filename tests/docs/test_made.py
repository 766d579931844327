"""The parts of the documentation that are made from the code are as they would be made now."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from automation import settings
from automation.festivals.durations import Duration
from automation.journey import project, words
from automation.journey.graph import Journey
from bots import registry
from docs import generate, operating, tables
from tests.docs import pages


def test_no_page_is_stale() -> None:
    stale = [path.name for path in generate.stale()]
    assert not stale, f"run `python -m docs.generate` for {', '.join(stale)}"


def test_every_made_part_stands_in_a_page() -> None:
    written = "".join(path.read_text(encoding="utf-8") for path in generate.FOLDER.glob("*.md"))
    assert [name for name in generate.MADE if f"<!-- made: {name} -->" not in written] == []


def test_a_page_with_an_unknown_part_is_refused() -> None:
    with pytest.raises(KeyError):
        generate.renewed("<!-- made: nothing -->\n<!-- end -->")


def test_what_stands_in_a_made_part_is_replaced() -> None:
    page = "above\n<!-- made: tests -->\nold\n<!-- end -->\nbelow"
    assert "old" not in generate.renewed(page)
    assert generate.renewed(page).startswith("above\n")


def test_every_key_of_the_settings_is_explained() -> None:
    rows = [line.split(" | ") for line in operating.settings().splitlines() if line.startswith("| `")]
    assert len(rows) > 50
    assert [key for key, _, about in rows if not about.strip(" |")] == []


def test_every_command_has_an_example_that_begins_with_itself() -> None:
    missing = []
    for words_, command in operating.commands():
        lines = (command.epilog or "").replace("\b", "").strip().splitlines()
        named = [line.strip() for line in lines[1:]]
        if (
            not lines
            or not lines[0].startswith("Example")
            or not any(f"run.py {words_.split()[0]}" in line for line in named)
        ):
            missing.append(words_)
    assert missing == []


def test_the_defaults_in_the_table_are_those_of_a_journey_that_says_nothing(tmp_path: Path) -> None:
    journey = _plainest(tmp_path)
    found: Mapping[str, object] = {
        "status": f"`{journey.status}`",
        "on_change": f"`{journey.on_change}`",
        "clock": "`shop`" if journey.shop_clock else "`customer`",
        "while_inside": "`restart`" if journey.restart_inside else "`ignore`",
        "holdout": f"`{journey.holdout:g}%`",
        "title": "the name" if journey.title == journey.name else journey.title,
        "key": journey.key or "none",
        "goal": journey.goal or "none",
        "exit": journey.exit or "none",
        "unless": journey.unless or "none",
        "pace": journey.pace or "no limit",
        "active": journey.active or "always",
        "owner": journey.owner or "nobody",
    }
    assert {key: tables.JOURNEY_DEFAULTS[key] for key in found} == found
    assert set(tables.JOURNEY_DEFAULTS) == {key for key, known in words.JOURNEY.items() if not known.required}
    assert "(1d)" in words.STEP["send"].keys["expires"].about
    assert journey.sends["welcome"].expires == journey.catch_up == Duration(days=1)


def _plainest(folder: Path) -> Journey:
    head = "# journeys/plain.yaml\njourney: plain\npurpose: service\nenter: {manual: true}\nagain: never\n"
    text = f"{head}steps:\n  - {{send: welcome, via: [wechat]}}\n"
    config = pages.shop(folder, [pages.Block(folder, 1, "yaml", text)])
    return project.load(settings.load(config, {}, registry.KINDS)).journeys["plain"]
