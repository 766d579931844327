"""What is kept of customers' words: what journeys ask for, in their own spelling."""

from __future__ import annotations

from pathlib import Path

import pytest

from automation.inbound.keywords import Keywords
from automation.store.database import Store
from tests.inbound.desk import NOON, Desk

ENTRY = """
enter: {event: message.received, if: {entry.text: [抽奖, VIP], entry.kind: 王芳}}
again: finished
steps: [{tag: a}]
"""
WAIT = """
enter: {manual: true}
again: finished
steps:
  - {wait_for: {event: {name: message.received, where: {text: {contains: 优惠券}}}}, up_to: 1d, then: [{tag: b}]}
  - {wait_for: {event: {name: message.received, where: {text: {starts_with: 订单}}}}, up_to: 1d, then: [{tag: c}]}
"""
OTHER = "enter: {event: cart.updated, if: {entry.product_id: 王芳}}\nagain: finished\nsteps: [{tag: d}]\n"


@pytest.fixture
def desk(sqlite_store: Store, tmp_path: Path) -> Desk:
    return Desk(sqlite_store, tmp_path).ready(entry=ENTRY, wait=WAIT, other=OTHER)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("抽奖", "抽奖"), (" ｖｉｐ！", "VIP"), ("我想抽奖", ""), ("有没有优惠券呀，我是王芳", "优惠券"),
        ("优惠券", "优惠券"),
        ("订单 13800000001 到哪了", "订单"), ("订单的优惠券", "优惠券 订单"), ("王芳", ""), ("", ""), ("   ", ""),
        ("好" * 100_000, ""),
    ],
)  # fmt: skip
def test_only_words_of_the_files_are_kept(desk: Desk, text: str, kept: str) -> None:
    assert Keywords(desk.parts).kept(text) == kept


def test_words_change_with_the_journeys(desk: Desk) -> None:
    keywords = Keywords(desk.parts)
    assert keywords.kept("集卡") == ""
    desk.open(NOON, entry=ENTRY.replace("VIP", "集卡"))
    desk.parts.replace_journeys(desk.parts.project, desk.parts.registry)
    assert keywords.kept("集卡") == "集卡"
