"""Which whole messages opt out, and which only look like it."""

from __future__ import annotations

import pytest

from automation.inbound import words


@pytest.mark.parametrize(
    "text",
    ["TD", "td", "Ｔｄ", " 退订 ", "退订。", "【退订】", "「退订」!", "取消订阅", "拒收", "T D", "unsubscribe", "退訂"],
)
def test_these_opt_out_everywhere(text: str) -> None:
    assert words.opts_out(text, by_phone=False)
    assert words.opts_out(text, by_phone=True)


@pytest.mark.parametrize("text", ["T", "N", "R", "ｒ", "n.", "0000", "回复R"])
def test_single_letters_opt_out_only_by_text_message(text: str) -> None:
    assert words.opts_out(text, by_phone=True)
    assert not words.opts_out(text, by_phone=False)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "怎么退订",
        "不要退订",
        "T恤",
        "T-shirt",
        "退订" * 30,
        "no",
        "TD了吗",
        "退货",
        "好",
        "😀",
        "r2d2",
        "\x00",
    ],
)
def test_these_do_not(text: str) -> None:
    assert not words.opts_out(text, by_phone=True)


def test_a_long_message_costs_nothing() -> None:
    assert words.folded("退" * 1_000_000) == ""
