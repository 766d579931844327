from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from automation.kernel import errors
from automation.people.importing import Options, Watch, events
from automation.people.registry import Registry
from automation.store.database import Transaction

NOW = 1_767_225_600
HEAD = "手机号,事件,时间,订单号,金额,门店"


def test_past_events_are_written_and_enter_no_journey(
    shop: Registry, table: Callable[..., Path], person: Callable[..., int]
) -> None:
    one, two = person(("phone", "13800000001")), person(("phone", "13800000002"))
    touched: list[Any] = []

    def watch(tx: Transaction) -> None:
        touched.extend(tx.rows("SELECT person_id FROM touched ORDER BY person_id"))

    path = table(
        HEAD,
        "13800000001,order.paid,2024-03-05 12:30,D1,299.00,",
        "13800000001,store.visited,2024-03-05,,,S1",
        "13800000002,order.paid,2024/3/6 09:00,D2,￥10,",
    )
    report = events(shop, path, Options(), NOW, Watch(after_chunk=watch))
    assert (report.created, report.updated, report.rejected) == (3, 0, 0)
    assert touched == [(one,), (two,)]
    found = shop.store.rows("SELECT person_id, at, received_at, key, props FROM event ORDER BY id")
    assert found[0][:4] == (one, 1_709_613_000, NOW, "D1")
    assert json.loads(found[2][4]) == {"order_id": "D2", "amount": 1000}
    assert shop.store.value("SELECT count(*) FROM event_queue") == 0


def test_bad_rows_are_rejected_with_their_reasons(
    shop: Registry, table: Callable[..., Path], person: Callable[..., int]
) -> None:
    person(("phone", "13800000001"))
    path = table(
        HEAD,
        "13800000002,store.visited,2024-03-05,,,S1",
        "13800000001,order.payed,2024-03-05,D1,1,",
        "13800000001,order.paid,2024-03-05,,1,",
        "13800000001,order.paid,2030-03-05,D2,1,",
        "13800000001,order.paid,,D2,1,",
        "13800000001,order.paid,2024-03-05,D2,x,",
        "13800000001,order.paid,2024-03-05,D3,1,",
    )
    report = events(shop, path, Options(), NOW)
    assert (report.created, report.rejected) == (1, 6)
    assert report.rejects_path is not None
    reasons = [line.split(",", 2)[1] for line in report.rejects_path.read_text("utf-8-sig").splitlines()[1:]]
    for reason, word in zip(
        reasons, ("nobody", "order.paid", "order_id is missing", "future", "at: empty", "amount"), strict=True
    ):
        assert word in reason


def test_a_bad_row_tells_all_its_mistakes(shop: Registry, table: Callable[..., Path]) -> None:
    path = table(
        HEAD,
        "139,order.paid,never,,x,",
        ",order.payed,2030-03-05,D1,1,",
        "13800000001,order.paid,2030-03-05,D2,1,,more",
    )
    report = events(shop, path, Options(), NOW)
    assert report.rejects_path is not None
    with report.rejects_path.open(encoding="utf-8-sig", newline="") as file:
        first, second, third = (reason.split("; ") for _, reason, *_ in list(csv.reader(file))[1:])
    assert [one.partition(":")[0] for one in first[:3]] == ["phone", "at", "amount"]
    assert [one.partition(" is missing")[0] for one in first[3:]] == ["order_id"]
    assert [one.partition(":")[0] for one in second[:2]] == ["no phone, email or other identity", "at"]
    assert "order.payed" in second[2]
    assert len(third) == 1
    assert "a separator inside a cell" in third[0]


def test_the_same_events_in_two_files_happen_once(
    shop: Registry, table: Callable[..., Path], person: Callable[..., int]
) -> None:
    person(("phone", "13800000001"))
    one = "13800000001,store.visited,2024-03-05 10:00,,,S1"
    other = "13800000001,store.visited,2024-03-05 10:00,,,S2"
    assert events(shop, table(HEAD, one, name="a.csv"), Options(), NOW).created == 1
    again = events(shop, table(HEAD, one, other, name="b.csv"), Options(), NOW)
    assert (again.created, again.updated) == (1, 1)


def test_live_events_are_queued(shop: Registry, table: Callable[..., Path], person: Callable[..., int]) -> None:
    person(("phone", "13800000001"))
    events(shop, table(HEAD, "13800000001,store.visited,2024-03-05,,,S1"), Options(live=True), NOW)
    assert shop.store.value("SELECT count(*) FROM event_queue") == 1


def test_a_file_of_one_kind_of_event_needs_no_column_for_it(
    shop: Registry, table: Callable[..., Path], person: Callable[..., int]
) -> None:
    person(("phone", "13800000001"))
    path = table("手机号,支付时间,订单号,金额", "13800000001,2024-03-05,D1,1")
    with pytest.raises(errors.Refused, match="no column says event"):
        events(shop, path, Options(), NOW)
    assert events(shop, path, Options(event="order.paid"), NOW).created == 1


def test_a_file_without_times_is_refused(shop: Registry, table: Callable[..., Path]) -> None:
    with pytest.raises(errors.Refused, match="no column says at"):
        events(shop, table("手机号,事件", "13800000001,store.visited"), Options(), NOW)
