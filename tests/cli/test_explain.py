"""`explain` prints a journey as Chinese lines, and refuses what it cannot read back."""

from __future__ import annotations

import re
from typing import Any


def test_a_journey_is_told_line_by_line_with_its_levels(bare: Any) -> None:
    done = bare.fine("explain", "dormant_wakeup")
    assert done.out.splitlines()[0] == "旅程：沉睡客户唤醒（文件 dormant_wakeup.yaml）"
    assert "  4. 打上标签" not in done.out and "  3. 打上标签「流失风险」，90 天后自动去掉" in done.out.splitlines()
    found = bare.fine("explain", "dormant_wakeup", "--json").json
    assert found["journey"] == "dormant_wakeup"
    assert [f"{'  ' * one['level']}{one['text']}" for one in found["lines"]] == done.out.splitlines()


def test_nothing_of_the_database_is_needed(bare: Any) -> None:
    (bare.folder / "var" / "lucheng.db").unlink()
    bare.fine("explain", "paid")
    assert not (bare.folder / "var" / "lucheng.db").exists()


def test_an_unknown_journey_is_refused_with_the_nearest_name(bare: Any) -> None:
    done = bare("explain", "dormant_wakup")
    assert (done.code, done.out) == (1, "")
    assert "no journey is called dormant_wakup: did you mean dormant_wakeup?" in done.err


def test_a_journey_with_problems_is_told_with_them_as_check_does(bare: Any, tmp_path: Any) -> None:
    folder = tmp_path / "journeys"
    folder.mkdir()
    config = (bare.folder / "config.yaml").read_text(encoding="utf-8")
    bare.write("config.yaml", re.sub("journeys: [^,]+", f"journeys: {folder}", config))
    text = "journey: late\npurpose: service\nenter: {event: order.paid}\nagain: never\nsteps:\n  - {wait: 3}\n"
    (folder / "late.yaml").write_text(text, encoding="utf-8")
    (folder / "catalog.yaml").write_text("events: {order.paid: {title: 付款}}\n", encoding="utf-8")
    done = bare("explain", "late")
    assert (done.code, done.out) == (1, "")
    assert "late.yaml:6:12 C016" in done.err
    assert done.err.splitlines()[0] in bare("check").out
