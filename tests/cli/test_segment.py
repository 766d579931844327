"""Segments: counted, sampled, and exported with a row in the audit."""

from __future__ import annotations

from typing import Any


def test_counts_agree_with_the_list(shop: Any) -> None:
    listed = {row["name"]: row["people"] for row in shop.fine("segment", "list", "--count", "--json").json["segments"]}
    assert listed["buyers_365d"] == 2
    assert shop.fine("segment", "count", "buyers_365d", "--json").json["people"] == 2


def test_one_person_is_told_as_one(shop: Any) -> None:
    assert shop.fine("segment", "count", "vip").out == "1 person is in vip\n"
    path = shop.folder / "one.csv"
    assert shop.fine("segment", "export", "vip", "--to", path).out == f"1 customer written to {path}\n"


def test_a_sample_is_masked(shop: Any) -> None:
    people = shop.fine("segment", "sample", "buyers_365d", "--json").json["people"]
    assert {row["name"] for row in people} == {"王*", "李*"}


def test_an_export_is_masked_and_audited(shop: Any) -> None:
    path = shop.folder / "out.csv"
    shop.fine("segment", "export", "buyers_365d", "--to", path, "--who", "anna")
    text = path.read_text(encoding="utf-8-sig")
    assert len(text.splitlines()) == 3
    assert "王芳" not in text
    assert "138" not in text.splitlines()[0]
    assert path.stat().st_mode & 0o077 == 0
    newest = shop.fine("audit", "list", "--json").json["audit"][0]
    assert (newest["who"], newest["what"], newest["detail"]["unmasked"]) == ("anna", "segment exported", False)


def test_an_export_in_clear_needs_a_reason_and_holds_contacts(shop: Any) -> None:
    path = shop.folder / "out.csv"
    shop.fine("segment", "export", "vip", "--to", path, "--unmask", "线下活动")
    assert "王芳" in path.read_text(encoding="utf-8-sig")
    assert "13800000001" in path.read_text(encoding="utf-8-sig")
    assert shop.fine("audit", "list", "--json").json["audit"][0]["detail"]["why"] == "线下活动"


def test_a_file_that_exists_is_never_overwritten(shop: Any) -> None:
    path = shop.write("out.csv", "mine")
    assert shop("segment", "export", "vip", "--to", path).code == 1
    assert path.read_text(encoding="utf-8") == "mine"


def test_an_unknown_segment_is_answered_with_the_nearest(shop: Any) -> None:
    assert "did you mean vip" in shop("segment", "count", "vips").err
