"""`check` lists every problem of every file with its place."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from automation.store.database import Store
from automation.store.states import EffectState
from tests.cli.conftest import NOW


def broken(shop: Any, tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "one.yaml").write_text(
        "journey: one\npurpose: service\nstatus: live\nenter: {manual: true}\nagain: never\nsteps:\n"
        "  - {send: no_such_text, expires: 1d}\n  - wiat: 3d\n",
        encoding="utf-8",
    )
    config = (shop.folder / "config.yaml").read_text(encoding="utf-8")
    line = next(line for line in config.splitlines() if line.startswith("folders"))
    shop.write("config.yaml", config.replace(line, f"folders: {{journeys: {folder}}}"))


def test_every_problem_has_file_line_and_column(bare: Any, tmp_path: Path) -> None:
    broken(bare, tmp_path)
    done = bare("check", "--json")
    assert done.code == 1
    places = {(Path(one["path"]).name, one["line"]) for one in done.json["problems"]}
    assert {("one.yaml", 7), ("one.yaml", 8)} <= places


def test_for_people_it_is_a_line_each_and_a_count(bare: Any, tmp_path: Path) -> None:
    broken(bare, tmp_path)
    done = bare("check")
    assert done.code == 1
    assert "one.yaml:8:" in done.out
    assert "problems (" in done.out.splitlines()[-1]


def test_one_text_is_told_as_one(shop: Any) -> None:
    assert "(2 journeys, 1 text, " in shop.fine("check").out
    looks = shop("doctor", "--json").json["looks"]
    assert "2 journeys, 1 text, no problems" in [one["says"] for one in looks if one["about"] == "files"]


PAST = """\
journey: past
purpose: service
status: {status}
again: finished
active: {first} to {last}
enter: {{schedule: {day} 10:00, segment: vip}}
steps: [{{points: 1, reason: 会员日}}]
"""


@pytest.mark.parametrize(
    ("first", "last", "day", "places"),
    [
        ("2026-11-01", "2026-11-21", "2026-11-20", [(5, "W505")]),
        ("2026-11-01", "2026-11-22", "2026-11-21", [(6, "W505")]),
        ("2026-11-01", "2026-11-22", "2026-11-22", [(6, "W505")]),  # it is three in the afternoon
        ("2026-11-01", "2026-11-23", "2026-11-23", []),
    ],
)
def test_a_live_journey_that_is_over_is_told(
    shop: Any, first: str, last: str, day: str, places: list[tuple[int, str]]
) -> None:
    shelf = shop.folder / "mine"
    config = (shop.folder / "config.yaml").read_text(encoding="utf-8")
    (theirs,) = re.findall(r"journeys: ([^,]+),", config)
    shutil.copytree(theirs, shelf)
    shop.write("config.yaml", config.replace(theirs, str(shelf)))
    shop.write("mine/past.yaml", PAST.format(status="live", first=first, last=last, day=day))
    done = shop.fine("check", "--json").json
    assert [(one["line"], one["code"]) for one in done["warnings"] if one["path"].endswith("past.yaml")] == places
    shop.write("mine/past.yaml", PAST.format(status="closing", first=first, last=last, day=day))
    assert not [one for one in shop.fine("check", "--json").json["warnings"] if one["path"].endswith("past.yaml")]


def test_a_notice_that_was_given_up_is_seen(shop: Any) -> None:
    assert "given up" not in shop("doctor").out
    store = Store(f"sqlite:{shop.folder / 'var' / 'lucheng.db'}")
    with store.write() as tx:
        tx.run(
            "INSERT INTO effect (kind, ref, run_id, step, visit, person_id, at, state, error)"
            " VALUES ('notify', 'nurse', 1, 1, 0, 1, :now, :failed, 'nobody in the settings has the role nurse')",
            now=NOW, failed=int(EffectState.FAILED),
        )  # fmt: skip
    store.close()
    (look,) = (one for one in shop("doctor", "--json").json["looks"] if one["about"] == "notify nurse")
    assert look["says"].startswith("1 notice given up in a week: nobody in the settings has the role nurse")


def test_a_wrong_config_is_a_problem_among_others(bare: Any) -> None:
    bare.write("config.yaml", "shop: {nmae: 店}\n")
    done = bare("check", "--json")
    assert done.code == 1
    assert done.json["problems"][0]["line"] == 1


def test_the_menu_is_checked_before_it_is_pushed(bare: Any) -> None:
    assert not any("wechat_menu" in one["path"] for one in bare("check", "--json").json["problems"])
    bare.write(
        "wechat_menu.yaml",
        "buttons:\n  - {name: 会员中心和更多服务, click: me}\n  - {name: 服务, clikc: points}\n",
    )
    done = bare("check", "--json")
    found = [(one["line"], one["column"]) for one in done.json["problems"] if "wechat_menu.yaml" in one["path"]]
    assert done.code == 1
    assert found == [(2, 12), (3, 16)]


def test_a_wrong_journey_keeps_no_other_command_from_working(bare: Any, tmp_path: Path) -> None:
    broken(bare, tmp_path)
    assert "run.py check" in bare.fine("journeys", "list").out


def test_names_of_the_catalog_in_config_are_checked_where_they_are_written(bare: Any) -> None:
    text = (bare.folder / "config.yaml").read_text(encoding="utf-8")
    good = "lifecycle: {event: order.paid, amount: amount}\n"
    bare.write("config.yaml", text + good)
    assert bare("check", "--json").json["problems"] == []
    text = text.replace("import: {headers: {", "import: {headers: {citty: [所在地], consent.marketing.sms: [短信], ")
    bare.write("config.yaml", text + "lifecycle: {event: order.payed}\n")
    found = [(one["code"], one["message"], one["hint"]) for one in bare("check", "--json").json["problems"]]
    assert found == [
        ("S024", "there is no event 'order.payed'", "did you mean 'order.paid'?"),
        ("S024", "'citty' is nothing that a file can give", "did you mean 'city'?"),
    ]
    bare.write("config.yaml", text.replace("citty", "city") + "lifecycle: {amount: amt}\n")
    found = [(one["code"], one["message"]) for one in bare("check", "--json").json["problems"]]
    assert found == [("S024", "'amt' is no amount of order.paid")]


def test_a_field_that_cannot_say_who_of_the_staff_is_told_is_a_problem_with_its_place(
    bare: Any, tmp_path: Path
) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    fields = "{adviser: text, tier: {type: choice, choices: [a]}, note: {type: text, sealed: true}}"
    (folder / "catalog.yaml").write_text(f"fields: {fields}\n", encoding="utf-8")
    text = (bare.folder / "config.yaml").read_text(encoding="utf-8")
    line = next(line for line in text.splitlines() if line.startswith("folders"))
    text = text.replace(line, f"folders: {{journeys: {folder}}}").replace("import:", "# import:")

    def problems(field: str) -> list[tuple[int, int, str, str, str]]:
        bare.write("config.yaml", text.replace("owner@example.com}", f"owner@example.com, field: {field}}}"))
        found = bare("check", "--json").json["problems"]
        return [tuple(one[key] for key in ("line", "column", "code", "message", "hint")) for one in found]

    assert problems("adviser") == []
    number = text[: text.index("owner@example.com")].count("\n") + 1
    column = text.splitlines()[number - 1].index("}") + len(", field: ") + 1
    hint = "a field of type text that is not sealed, with the name of one of the staff in it"
    assert problems("advisor") == [(number, column, "S024", "there is no field 'advisor'", "did you mean 'adviser'?")]
    for field, why in (
        ("note", "is sealed"), ("tier", "is no text of the shop's own"), ("phone", "is no text of the shop's own"),
        ("name", "is no text of the shop's own"),
    ):  # fmt: skip
        assert problems(field) == [(number, column, "S024", f"'{field}' {why}, and cannot say who is told", hint)]
