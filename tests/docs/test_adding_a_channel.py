"""The walk-through of a channel is the channel: what it quotes is in the files it names, and its steps are complete."""

from __future__ import annotations

import re

import pytest

from bots import registry
from docs import channel_options
from tests.docs import pages

PAGE = pages.ROOT / "docs" / "adding-a-channel.md"
TEXT = PAGE.read_text(encoding="utf-8")
QUOTES = list(pages.blocks("python", [PAGE]))
STEPS = re.split(r"^## (\d+)\. ", TEXT, flags=re.MULTILINE)
# What adding the DingTalk robot touched; the page has to name each.
TOUCHED = (
    "bots/dingtalk_robot/options.py",
    "bots/dingtalk_robot/reasons.py",
    "bots/dingtalk_robot/channel.py",
    "bots/registry.py",
    "bots/sandbox/platforms/robots.py",
    "bots/sandbox/platforms/__init__.py",
    "tests/bots/test_contract.py",
    "tests/bots/robots/test_dingtalk_robot.py",
    "docs/channel_options.py",
)


@pytest.mark.parametrize("quote", QUOTES, ids=lambda quote: quote.place)
def test_what_is_quoted_is_in_the_file_it_names(quote: pages.Block) -> None:
    code = quote.text.partition("\n")[2].rstrip("\n")
    assert code.strip()
    assert code in (pages.ROOT / quote.about).read_text(encoding="utf-8")


def test_every_file_that_is_named_exists() -> None:
    named = {name.replace("\\", "") for name in re.findall(r"\]\(\.\./([^)#]+)\)", TEXT)}
    named |= set(re.findall(r"`((?:automation|bots|docs|tests)/[A-Za-z0-9_/]+(?:\.py|/))`", TEXT))
    assert len(named) > 10
    assert [name for name in sorted(named) if not (pages.ROOT / name).exists()] == []


def test_the_steps_are_numbered_and_touch_what_the_robot_is_made_of() -> None:
    numbers = [int(number) for number in STEPS[1::2]]
    assert numbers == list(range(1, len(numbers) + 1))
    steps = "".join(STEPS[1:]).replace("\\", "")
    for name in TOUCHED:
        assert name in steps, f"the page does not say that {name} is touched"
        assert "dingtalk" in (pages.ROOT / name).read_text(encoding="utf-8").lower()


def test_the_folder_holds_nothing_that_the_page_does_not_explain() -> None:
    folder = pages.ROOT / "bots" / "dingtalk_robot"
    made = {f"bots/dingtalk_robot/{one.name}" for one in folder.glob("*.py")} - {"bots/dingtalk_robot/__init__.py"}
    assert made <= set(TOUCHED)
    assert "dingtalk_robot" in registry.KINDS
    assert set(channel_options.MEANINGS["dingtalk_robot"]) == set(registry.KINDS["dingtalk_robot"].model_fields)
