"""What a demo tells at its end, on terminals of any width."""

from __future__ import annotations

import io
import re
import sys
from collections import Counter

import click
import pytest

from automation.cli import demo
from automation.simulate.figures import Figures, Group
from tests.cli.test_show import Terminal

FOUND = Figures(
    "dormant_wakeup", "沉睡客户唤醒", True, treated=Group(1_000, 80, 123_400), control=Group(100, 4, 900),
    sent=Counter(wechat=1_234), kept_back=Counter({"no consent": 1_234}),
)  # fmt: skip
HEADINGS = ("entered", "sent", "not sent, and why", "goals", "conversion", "lift (95 %)", "holdout")


def told(monkeypatch: pytest.MonkeyPatch, width: int | None) -> str:
    """On a terminal so wide, or in a pipe for None."""
    out = io.StringIO() if width is None else Terminal()
    monkeypatch.setenv("COLUMNS", str(width or 80))
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setattr(sys, "stdout", out)
    demo._print([FOUND], 1)
    monkeypatch.undo()
    return click.unstyle(out.getvalue())


@pytest.mark.parametrize(("width", "kept"), [(60, 3), (80, 4), (100, 6), (118, 7), (None, 7)])
def test_a_narrow_terminal_keeps_what_matters_most_and_names_the_rest(
    monkeypatch: pytest.MonkeyPatch, width: int | None, kept: int
) -> None:
    text = told(monkeypatch, width)
    header, *_ = text.splitlines()
    shown = set(re.split(r"\s{2,}", header.strip()))
    assert shown == {"journey", *HEADINGS[:kept]}
    assert "…" not in text
    (left,) = [line for line in text.splitlines() if "no room for" in line] or [""]
    assert all(one in left for one in HEADINGS[kept:])
