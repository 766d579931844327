"""Tables: what gives way where the terminal is narrow, and what never does."""

from __future__ import annotations

import io
import sys
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from automation.cli import show

ZONE = ZoneInfo("Asia/Shanghai")
COLUMNS = (
    show.number("id"), show.text("step"), show.text("state"), show.text("reason"), show.text("error"),
    show.time("sent_at"),
)  # fmt: skip
ROW = {
    "id": 20_588, "step": "birthday_coupon_expiring", "state": "suppressed", "error": None, "sent_at": 1_795_330_800,
    "reason": "limit: wechat window closed, wechat no grant, sms SMS-06 4 per month, email no address",
}  # fmt: skip


@pytest.mark.parametrize(
    ("number", "said"),
    [(0, "no messages are, nobody is"), (1, "1 message is, 1 person is"), (2, "2 messages are, 2 people are"),
     (2000, "2,000 messages are, 2,000 people are")],
)  # fmt: skip
def test_a_count_goes_with_its_noun_and_verb(number: int, said: str) -> None:
    assert f"{show.told(number, 'message', 'is', 'are')}, {show.people_do(number, 'is', 'are')}" == said


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def drawn(monkeypatch: pytest.MonkeyPatch, width: int | None, rows: list[dict[str, Any]]) -> list[str]:
    """Lines on a terminal so wide, or of a pipe for None."""
    out = io.StringIO() if width is None else Terminal()
    monkeypatch.setenv("COLUMNS", str(width or 80))
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setattr(sys, "stdout", out)
    show.table(COLUMNS, rows, ZONE)
    monkeypatch.undo()
    return out.getvalue().splitlines()


@pytest.mark.parametrize("width", [80, 100, None])
def test_a_column_that_is_empty_in_every_row_is_left_out(monkeypatch: pytest.MonkeyPatch, width: int | None) -> None:
    assert "error" not in drawn(monkeypatch, width, [ROW, ROW])[0]
    assert "error" in drawn(monkeypatch, None, [ROW, ROW | {"error": "x"}])[0]


@pytest.mark.parametrize("width", [60, 80, 100])
def test_names_stay_whole_and_only_the_reason_is_wrapped(monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    lines = drawn(monkeypatch, width, [ROW])
    assert any("birthday_coupon_expiring" in line for line in lines)
    assert sum("limit:" in line or "grant" in line or "address" in line for line in lines) > 1


def test_what_has_no_room_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = drawn(monkeypatch, 70, [ROW])
    assert "sent at" not in lines[0]
    assert lines[-1].startswith("no room for: sent at (")
    assert not any("no room" in line for line in drawn(monkeypatch, 100, [ROW]))


def test_a_pipe_gets_every_column_however_long(monkeypatch: pytest.MonkeyPatch) -> None:
    wide = "n" * 38
    lines = drawn(monkeypatch, None, [ROW | {"step": wide, "state": wide, "error": wide, "reason": wide * 4}])
    assert "2026-11-22 15:00" in "".join(lines)
    assert sum(wide in line for line in lines) >= 1
