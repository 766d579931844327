"""Imports by command: counted, audited, with stages and computed values afterwards."""

from __future__ import annotations

from typing import Any

import pytest

CUSTOMERS = "手机号,姓名,营销同意\n13800000001,王芳,是\n123,坏人,是\n"
EVENTS = "手机号,事件,时间,order_id,amount\n13800000001,order.paid,2026-11-05 10:00,D1,29900\n"


def test_customers_come_in_and_rejects_are_told(bare: Any) -> None:
    path = bare.write("c.csv", CUSTOMERS)
    done = bare.fine("import", "customers", path, "--json", "--who", "anna")
    assert (done.json["rows"], done.json["created"], done.json["rejected"]) == (2, 1, 1)
    assert done.json["rejects"].endswith(".csv")
    log = bare.fine("audit", "list", "--json").json["audit"]
    assert [(row["who"], row["what"]) for row in log] == [
        ("anna", "customers imported"),
        ("anna", "import of customers begun"),
    ]


def test_a_list_without_a_word_of_consent_is_told_of(bare: Any) -> None:
    """MAIL-06: harvested addresses get no marketing, and whoever imports them knows it."""
    said = bare.fine("import", "customers", bare.write("a.csv", "手机号\n13800000001\n")).out
    assert "nobody gets any by this file (MAIL-06)" in said
    notes = bare.fine("import", "customers", bare.write("b.csv", "手机号,同意营销\n13800000002,是\n"), "--json").json
    assert notes["notes"] == []


def test_the_same_file_again_does_nothing_and_says_so(bare: Any) -> None:
    path = bare.write("c.csv", CUSTOMERS)
    bare.fine("import", "customers", path)
    done = bare.fine("import", "customers", path)
    assert "imported before" in done.out
    assert bare.fine("customers", "find", "0001", "--json").json["customers"].__len__() == 1


def test_past_events_change_stages_and_computed_values_and_no_journey(bare: Any) -> None:
    bare.fine("import", "customers", bare.write("c.csv", CUSTOMERS))
    bare.fine("import", "events", bare.write("e.csv", EVENTS))
    found = bare.fine("customers", "show", "13800000001", "--json").json
    assert found["computed"]["orders_365d"] == 1
    assert found["stage"] == "new"
    assert bare.fine("tick", "--json").json["events"] == 0


def test_live_events_are_heard_by_journeys(bare: Any) -> None:
    bare.fine("import", "customers", bare.write("c.csv", CUSTOMERS))
    bare.fine("import", "events", bare.write("e.csv", EVENTS), "--live")
    assert bare.fine("tick", "--json").json["events"] == 1


def test_a_column_can_be_mapped_on_the_command_line(bare: Any) -> None:
    path = bare.write("c.csv", "甲列,姓名\n13800000001,王芳\n")
    assert bare("import", "customers", path).code == 1
    assert bare.fine("import", "customers", path, "--map", "甲列=phone", "--json").json["created"] == 1


def test_coupon_codes_of_a_column_go_to_their_pool_once(bare: Any) -> None:
    path = bare.write("codes.csv", "序号,券码\n1,AAA1\n2,AAA2\n2,AAA2\n")
    done = bare.fine("import", "coupons", "birthday_50", path, "--json")
    assert done.json == {"pool": "birthday_50", "new": 2, "known": 1, "free": 2, "rejected": 0, "rejects": None}


@pytest.mark.parametrize("heading", ["券号,面额", "编号,备注", "Coupon Code,value", "*兑换码（必填）,备注"])
def test_a_heading_is_never_a_code(bare: Any, heading: str) -> None:
    """It would be given to a customer."""
    path = bare.write("codes.csv", f"{heading}\nAAAA1111,50\n")
    assert bare.fine("import", "coupons", "birthday_50", path, "--json").json["new"] == 1


def test_in_doubt_nothing_is_imported_until_somebody_says_which_column_it_is(bare: Any) -> None:
    path = bare.write("codes.csv", "AAAA1111,50\n")
    assert "--column" in bare("import", "coupons", "birthday_50", path).err
    assert bare.fine("import", "coupons", "birthday_50", path, "--column", "1", "--json").json["free"] == 1


def test_rows_without_a_code_are_told_of_and_take_no_other_with_them(bare: Any) -> None:
    path = bare.write("codes.csv", "券码,备注\nAAAA1111,\n,无码\nAAAA1112,\n合计2,\n")
    done = bare.fine("import", "coupons", "birthday_50", path)
    assert "2 codes added to birthday_50, 0 known before, 2 rows rejected; 2 free now" in done.out
    assert "rejected rows and why" in done.out


def test_coupons_of_a_pool_that_makes_its_own_are_refused(bare: Any) -> None:
    path = bare.write("codes.txt", "AAA1\n")
    assert "generated" in bare("import", "coupons", "welcome_20", path).err
    assert "birthday_50" in bare("import", "coupons", "birthday_5", path).err


def test_an_unknown_event_is_wrong_usage_with_a_guess(bare: Any) -> None:
    done = bare("import", "events", bare.write("e.csv", EVENTS), "--event", "order.payd")
    assert done.code == 2
    assert "order.paid" in done.err


def test_without_its_key_file_nothing_is_imported(bare: Any) -> None:
    (bare.folder / "var" / "lucheng.key").unlink()
    done = bare("import", "customers", bare.write("c.csv", CUSTOMERS))
    assert done.code == 1
    assert "key file" in done.err


def test_what_an_unknown_heading_says_to_do_can_be_done(bare: Any) -> None:
    customers = bare.write("c.csv", "甲列,丁列,乙列\n13800000001,上海,1\n")
    events = bare.write("e.csv", "手机号,丙列\n13800000001,2026-11-05 10:00\n")
    commands = (("customers", customers), ("events", events, "--event", "order.paid"))
    assert all("under import.headers in config.yaml" in bare("import", *command).err for command in commands)
    settings = (bare.folder / "config.yaml").read_text(encoding="utf-8")
    bare.write("config.yaml", settings.replace("{headers: {", "{headers: {phone: [甲列], at: [丙列], amount: [乙列], "))
    assert "丁列: map it to a field or to ignore, with --map" in bare.fine("import", "customers", customers).out
    bare.fine("import", *commands[1])


def test_people_of_one_file_who_turn_out_to_be_one_are_listed_as_a_merge_that_can_be_undone(bare: Any) -> None:
    lines = "姓名,手机号,会员号\n甲,13800000001,M1\n乙,13800000002,M2\n丙,13800000001,M2\n"
    assert "1 merged" in bare.fine("import", "customers", bare.write("c.csv", lines)).out
    (merge,) = bare.fine("customers", "show", "13800000001", "--json").json["merges"]
    bare.fine("customers", "unmerge", merge["merge"])
    one, two = (bare.fine("customers", "find", f"1380000000{n}", "--json").json["customers"] for n in (1, 2))
    assert one != two


def test_a_mapped_column_that_the_file_does_not_have_is_told(bare: Any) -> None:
    path = bare.write("c.csv", "手机号,城区\n13800000001,徐汇\n")
    done = bare("import", "customers", path, "--map", "城市区=city")
    assert (done.code, "no column '城市区' (did you mean 城区?)" in done.err) == (1, True)
    assert bare.fine("import", "customers", path, "--map", "城区=city", "--json").json["unknown_columns"] == []


def test_what_shows_the_consents_of_a_file_is_said_once_for_all(bare: Any) -> None:
    path = bare.write("c.csv", CUSTOMERS)
    words = ("--consent-at", "2026-11-05 10:00", "--consent-source", "双11柜台", "--consent-text-version", "2026-1")
    bare.fine("import", "customers", path, *words, "--consent-evidence", "登记表 9")
    found = bare.fine("customers", "show", "13800000001", "--json").json["consents"][0]
    assert (found["at"], found["source"]) == ("2026-11-05T10:00:00+08:00", "双11柜台")
    assert (found["text_version"], found["evidence"]) == ("2026-1", "登记表 9")


@pytest.mark.parametrize("time", ["2027-01-01", "yesterday"])
def test_a_consent_is_given_at_a_time_that_was(bare: Any, time: str) -> None:
    done = bare("import", "customers", bare.write("c.csv", CUSTOMERS), "--consent-at", time)
    assert (done.code, "time of a consent" in done.err) == (2, True)
