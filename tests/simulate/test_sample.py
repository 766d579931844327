"""The bundled sample: what is committed is what the generator makes, and nobody in it could exist."""

from __future__ import annotations

import csv
import io

import pytest

from automation.simulate import sample, shoppers

FILES = dict(sample.files())


def rows(name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(FILES[name].decode("utf-8-sig"))))


@pytest.mark.parametrize("name", sorted(FILES))
def test_a_committed_file_is_what_the_generator_writes(name: str) -> None:
    assert (sample.FOLDER / name).read_bytes() == FILES[name]


def test_addresses_are_made_up() -> None:
    for row in rows("customers.csv"):
        if row["姓名"] == "录入有误":
            continue
        assert row["手机号"] == "" or row["手机号"].startswith("1380000")
        assert row["邮箱"] == "" or row["邮箱"].endswith("@example.com")


def test_there_are_lunar_birthdays_and_wrong_rows() -> None:
    found = rows("customers.csv")
    assert sum("农历" in row["生日"] for row in found) > 300
    assert sum(row["姓名"] == "录入有误" for row in found) > 20


def test_the_past_is_18_months_of_orders_carts_visits_and_complaints() -> None:
    found = rows("events.csv")
    assert found[0]["时间"] < "2024-05-03"
    assert max(row["时间"] for row in found) < f"{shoppers.YEAR_BEGINS}"
    kinds = {row["事件"] for row in found}
    assert kinds >= {"order.paid", "cart.updated", "product.viewed", "wechat.followed", "complaint.opened"}
