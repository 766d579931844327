"""The config.yaml a shop begins with explains itself."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

TEXT = (Path(__file__).resolve().parents[2] / "config.yaml").read_text(encoding="utf-8")
KEY = re.compile(r" *(?P<key>[\w.]+):")
KEYS = [(number, line) for number, line in enumerate(TEXT.splitlines(), 1) if KEY.match(line)]


@pytest.mark.parametrize(("number", "line"), KEYS)
def test_every_key_is_explained_beside_it_or_above(number: int, line: str) -> None:
    above = TEXT.splitlines()[number - 2]
    is_account = bool(re.fullmatch(r"  \w+_main:", line))  # a name; its kind says what it is
    assert "# " in line or above.startswith("#") or is_account, f"config.yaml:{number}"


def test_there_are_keys() -> None:
    assert len(KEYS) > 60
