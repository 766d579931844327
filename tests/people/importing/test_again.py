"""A second file about people who are known: what it moves, what it leaves, and when it is the same import."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from automation.people.consents import Proof
from automation.people.importing import Options, customers, events
from automation.people.registry import Registry

NOW = 1_767_225_600
CREATED = "SELECT created_at FROM person ORDER BY id"


def test_nobody_has_been_a_customer_since_a_day_to_come(shop: Registry, table: Callable[..., Path]) -> None:
    customers(shop, table("手机号,注册时间", "13800000001,2030-01-01"), Options(), NOW)
    assert shop.store.rows(CREATED) == [(NOW,)]


@pytest.mark.parametrize(
    ("since", "created"),
    [("2023-01-02", 1_672_588_800), ("2025-01-02", 1_709_613_000), ("2030-01-02", 1_709_613_000), ("", 1_709_613_000)],
)
def test_who_is_known_has_been_a_customer_since_the_earlier_day(
    shop: Registry, table: Callable[..., Path], since: str, created: int
) -> None:
    customers(shop, table("手机号,注册时间", "13800000001,2024-03-05 12:30"), Options(), NOW)
    customers(shop, table("手机号,注册时间", f"13800000001,{since}"), Options(), NOW + 100)
    assert shop.store.rows(CREATED) == [(created,)]


@pytest.mark.parametrize("turn", [1, -1])
def test_of_two_rows_of_one_known_person_the_later_birthday_holds(
    shop: Registry, table: Callable[..., Path], turn: int
) -> None:
    pairs = [(f"1380000000{n}", f"M{n}") for n in range(8)]
    customers(shop, table("手机号,会员号", *map(",".join, pairs), name="first.csv"), Options(), NOW)
    rows = [(f"{phone},,1990-01-01,甲", f",{number},1991-02-03,乙")[::turn] for phone, number in pairs]
    report = customers(shop, table("手机号,会员号,生日,姓名", *(row for two in rows for row in two)), Options(), NOW)
    assert (report.created, report.updated, report.rejected) == (0, 16, 0)
    assert set(shop.store.rows("SELECT year FROM person_date")) == {(1991 if turn == 1 else 1990,)}
    assert set(shop.store.rows("SELECT name FROM person")) == {("乙" if turn == 1 else "甲",)}


def test_a_file_with_another_proof_of_its_consents_is_another_import(
    shop: Registry, table: Callable[..., Path]
) -> None:
    path = table("手机号,接收短信", "13800000001,是")
    assert not customers(shop, path, Options(), NOW).already
    assert customers(shop, path, Options(), NOW).already
    assert not customers(shop, path, Options(proof=Proof(NOW - 10, "会员日活动")), NOW).already
    assert shop.store.rows("SELECT source, at FROM consent WHERE channel = 'sms'") == [("会员日活动", NOW - 10)]


def test_a_column_that_speaks_of_another_event_is_passed_over(
    shop: Registry, table: Callable[..., Path], person: Callable[..., int]
) -> None:
    person(("phone", "13800000001"))
    path = table(
        "手机号,事件,时间,订单号,金额,门店",
        "13800000001,store.visited,2024-03-05,无,0,S1",
        "13800000001,order.paid,2024-03-06,D1,10,S1",
    )
    report = events(shop, path, Options(), NOW)
    assert (report.created, report.rejected) == (2, 0)
    props = [props for (props,) in shop.store.rows("SELECT props FROM event ORDER BY at")]
    assert props == ['{"store":"S1"}', '{"order_id":"D1","amount":1000}']
