from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import pytest

from automation.people import identities, showing
from automation.people.importing import Options, customers
from automation.people.registry import Registry

NOW = 1_767_225_600


def test_each_bad_row_is_refused_with_all_that_is_wrong_identities_before_fields(
    shop: Registry, table: Callable[..., Path]
) -> None:
    path = table(
        "会员等级,手机号,邮箱,生日",
        "platinum,bad,alsobad,nodate",
        "platinum,13800000001,alsobad,nodate",
        "platinum,13800000002,,nodate",
        "gold,13800000003,,nodate",
        "platinum,,,nodate",
        "gold,-,NULL,",
        ",,,",
        " ,-,, ",
        "gold,13800000004,,1990-01-01,extra",
        "gold,13800000005,,1990-01-01, ,-",
        "gold,13800000006",
    )
    report = customers(shop, path, Options(), NOW)
    assert (report.rows, report.created, report.blank, report.rejected) == (11, 2, 2, 7)
    assert report.rejects_path is not None
    with report.rejects_path.open(encoding="utf-8-sig", newline="") as file:
        told = {int(line): reason.split("; ") for line, reason, *_ in list(csv.reader(file))[1:]}
    reasons = {line: [reason.partition(":")[0] for reason in reasons] for line, reasons in told.items()}
    nobody = "no phone, email or other identity"
    assert reasons == {
        2: ["phone", "email", "tier", "birthday"], 3: ["email", "tier", "birthday"], 4: ["tier", "birthday"],
        5: ["birthday"], 6: [nobody, "tier", "birthday"], 7: [nobody], 10: ["5 cells where the headings are 4"],
    }  # fmt: skip
    assert [identities.search(shop, f"1380000000{n}") != [] for n in (4, 5, 6)] == [False, True, True]


def test_rows_of_one_person_say_together_what_each_says(shop: Registry, table: Callable[..., Path]) -> None:
    path = table(
        "手机号,邮箱,姓名,城市,到店次数,生日,标签,注册时间,营销同意",
        "13800000001,a@example.com,王芳,上海,3,1990-01-01,a、b,2024-01-02,否",
        "13800000002,,李明,北京,1,,,,",
        "13800000001,,,,4,,b、c,2023-01-02,是",
        ",a@example.com,芳芳,,,1991-02-03,,2025-01-02,",
    )
    report = customers(shop, path, Options(consent_channels=("sms",)), NOW)
    assert (report.created, report.updated) == (2, 2)
    (one,) = identities.search(shop, "a@example.com")
    known = showing.show(shop, one, NOW)
    assert shop.store.value("SELECT name FROM person WHERE id = :id", id=one) == "芳芳"
    assert known["fields"]["city"] == "上海"
    assert known["fields"]["visits"] == 4
    assert [tag["tag"] for tag in known["tags"]] == ["a", "b", "c"]
    assert shop.store.rows("SELECT year, month FROM person_date WHERE person_id = :id", id=one) == [(1991, 2)]
    uid = shop.vault.uid(shop.vault.lookup("phone", "", "+8613800000001"))
    assert identities.search(shop, uid) == [one], "the uid comes from the first identity of the first row"
    created = shop.store.value("SELECT created_at FROM person WHERE id = :id", id=one)
    assert created == 1_672_588_800  # of the second row, in Shanghai
    assert shop.store.rows("SELECT granted FROM consent_log ORDER BY id") == [(0,), (1,)]
    assert shop.store.rows("SELECT granted FROM consent") == [(0,)], "a yes without a date undoes no refusal"


@pytest.mark.parametrize("chunk", [1, 10])
def test_of_two_columns_with_one_target_the_last_that_is_not_empty_holds(
    shop: Registry, table: Callable[..., Path], chunk: int
) -> None:
    path = table("手机号,姓名,昵称,电话", "13800000001,王芳,,", "13800000002,李明,小明,13800000003")
    customers(shop, path, Options(chunk=chunk), NOW)
    assert shop.store.rows("SELECT name FROM person ORDER BY name") == [("小明",), ("王芳",)]
    assert identities.search(shop, "13800000002") == identities.search(shop, "13800000003") != []


def test_values_that_are_equal_in_python_but_not_in_json_stay_apart(shop: Registry, table: Callable[..., Path]) -> None:
    path = table("手机号,到店次数,城市", "13800000001,1,", "13800000002,1.5,1", "13800000003,,上海", "13800000004,,")
    customers(shop, path, Options(), NOW)
    found = shop.store.rows("SELECT p.attrs FROM person p ORDER BY p.attrs NULLS LAST")
    assert found == [('{"city": "上海"}',), ('{"visits": 1.5, "city": "1"}',), ('{"visits": 1}',), (None,)]


def test_a_birthday_in_the_future_is_refused_and_another_day_is_not(shop: Registry, table: Callable[..., Path]) -> None:
    report = customers(shop, table("手机号,生日", "13800000001,2090-01-01", "13800000002,2026-01-01"), Options(), NOW)
    assert (report.created, report.rejected) == (1, 1)
