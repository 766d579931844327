"""The rules on the command line: listed by `check --rules`, and shown by `doctor` while one is set aside."""

from __future__ import annotations

from typing import Any

from automation.journey.rules import RULES


def test_every_rule_is_listed_with_where_it_is_kept_and_its_grade(bare: Any) -> None:
    done = bare.fine("check", "--rules")
    assert [line.partition(":")[0] for line in done.out.splitlines()] == list(RULES)
    assert "[send; verified]" in done.out
    listed = bare.fine("check", "--rules", "--json").json["rules"]
    assert {one["id"] for one in listed} == set(RULES)
    assert all(one["set_aside"] is None for one in listed)


def test_the_doctor_says_that_all_are_kept(shop: Any) -> None:
    found = [one for one in shop("doctor", "--json").json["looks"] if one["about"] == "rules"]
    assert [(one["level"], one["says"]) for one in found] == [("ok", f"all {len(RULES)} are kept")]


def test_a_rule_set_aside_is_shown_by_both(shop: Any, tmp_path: Any) -> None:
    import shutil

    config = (shop.folder / "config.yaml").read_text(encoding="utf-8")
    line = next(line for line in config.splitlines() if line.startswith("folders"))
    folder = tmp_path / "own"
    shutil.copytree(shop.folder / line.partition("journeys: ")[2].partition(",")[0].strip('"}'), folder)
    with (folder / "policy.yaml").open("a", encoding="utf-8") as file:
        file.write("\noverrides: {SMS-02: 服务商自动加退订}\n")
    new = line.replace(line.partition("journeys: ")[2].partition(",")[0].rstrip("}"), str(folder))
    shop.write("config.yaml", config.replace(line, new))
    assert "set aside: 服务商自动加退订" in shop.fine("check", "--rules").out
    found = [one for one in shop("doctor", "--json").json["looks"] if one["about"] == "rules"]
    assert [(one["level"], one["says"]) for one in found] == [("note", "SMS-02 is set aside: 服务商自动加退订")]
