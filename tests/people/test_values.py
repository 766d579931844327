from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

import pytest

from automation.conditions.tree import FieldType
from automation.journey.catalog import Field, Property
from automation.people import values
from automation.people.normalise import Unusable

ZONE = ZoneInfo("Asia/Shanghai")


@pytest.mark.parametrize(
    ("raw", "unit", "fen"),
    [
        ("299", None, 29900), ("299.00", "yuan", 29900), ("¥1,299.50", None, 129950), ("299元", None, 29900),
        (299, None, 29900),

        (0.1, None, 10), (1.15, None, 115), ("29900", "fen", 29900), (29900, "fen", 29900), ("-5", None, -500),
        ("￥２９９", None, 29900),
    ],
)  # fmt: skip
def test_money_becomes_fen(raw: Any, unit: str | None, fen: int) -> None:
    assert values.money(raw, unit) == fen


@pytest.mark.parametrize(
    ("raw", "unit"),
    [
        ("1.234", None),
        ("1.5", "fen"),
        ("abc", None),
        (True, None),
        ("NaN", None),
        ("", None),
        ("1e400", None),
        ("1e999999999", None),
        ("-1e999999999", "fen"),
        (10**18, "fen"),
    ],
)
def test_what_is_no_whole_number_of_fen_is_refused(raw: Any, unit: str | None) -> None:
    with pytest.raises(Unusable):
        values.money(raw, unit)


@pytest.mark.parametrize(("raw", "unit"), [("abc", "fen"), ("299.00", "fen"), ("abc", None)])
def test_the_example_of_a_refused_amount_is_taken(raw: str, unit: str | None) -> None:
    with pytest.raises(Unusable, match="such as ") as refused:
        values.money(raw, unit)
    assert values.money(str(refused.value).partition("such as ")[2].split()[0].rstrip(","), unit) == 29900


def test_yes_and_no_are_read_in_chinese() -> None:
    assert all(values.yes(word) for word in ("是", "Y", "1", "同意", "TRUE", "√", True))
    assert not any(values.yes(word) for word in ("否", "N", "0", "不同意", "false", False))
    with pytest.raises(Unusable):
        values.yes("也许")


def test_a_choice_is_one_of_its_words() -> None:
    tier = Field("tier", FieldType.CHOICE, "", order=("basic", "gold"))
    assert values.stored(tier, " gold ", ZONE) == "gold"
    with pytest.raises(Unusable, match=r"basic, gold"):
        values.stored(tier, "platinum", ZONE)


def test_numbers_keep_their_kind() -> None:
    assert values.number("1,234") == 1234
    assert isinstance(values.number("12.0"), int)
    assert values.number(" １２.５ ") == 12.5
    with pytest.raises(Unusable):
        values.number("inf")


def test_text_is_one_line() -> None:
    assert values.text("王芳\r\n\x00女士 ") == "王芳 女士"
    with pytest.raises(Unusable):
        values.text("x" * 2001)
    with pytest.raises(Unusable):
        values.text(["x"])


def test_members_are_checked_by_name_and_the_nearest_name_is_offered() -> None:
    known = {"amount": Property("amount", FieldType.MONEY, unit="yuan"), "at": Property("at", FieldType.TIME)}
    assert values.members(known, {"amount": "1.50", "at": "1970-01-01 08:00"}, ZONE) == {"amount": 150, "at": 0}
    with pytest.raises(Unusable, match=r"did you mean amount"):
        values.members(known, {"amont": 1}, ZONE)
    with pytest.raises(Unusable, match=r"^amount: "):
        values.members(known, {"amount": "x"}, ZONE)
    assert values.members(known, {"amount": None, "at": ""}, ZONE) == {}


def test_items_of_a_list_are_checked_too() -> None:
    items = Property("items", FieldType.LIST, of={"price": Property("price", FieldType.MONEY, unit="fen")})
    assert values.stored(items, [{"price": 5}], ZONE) == [{"price": 5}]
    for bad in ("x", [{"prise": 5}], [5], [{}] * 1001):
        with pytest.raises(Unusable):
            values.stored(items, bad, ZONE)


def test_of_a_text_without_a_letter_nothing_is_kept() -> None:
    known = {"order_id": Property("order_id", FieldType.TEXT)}
    assert values.members(known, {"order_id": " \x00\t"}, ZONE) == {}


@pytest.mark.parametrize("at", [10**30, -(10**18), 1_700_000_000_000])
def test_a_time_that_no_clock_holds_is_refused(at: int) -> None:
    with pytest.raises(Unusable, match="too far"):
        values.moment(at, ZONE)


def test_a_property_nobody_knows_is_named_with_those_there_are() -> None:
    known = {"order_id": Property("order_id", FieldType.TEXT), "amount": Property("amount", FieldType.MONEY)}
    with pytest.raises(Unusable, match=r"'ordre_id' is not in the catalog \(did you mean order_id\?\)"):
        values.members(known, {"ordre_id": "D1"}, ZONE)
    with pytest.raises(Unusable, match=r"'shop' is not in the catalog \(there are order_id, amount\)"):
        values.members(known, {"shop": "S1"}, ZONE)
    with pytest.raises(Unusable, match=r"\(it has none\)"):
        values.members({}, {"shop": "S1"}, ZONE)


def test_of_many_known_words_an_error_names_some() -> None:
    said = values.meant("zzz", [f"property_{number}" for number in range(50)])
    assert said.count("property_") == values.MOST_NAMED
    assert said.endswith(" and others")


@pytest.mark.parametrize(("raw", "unit", "fen"), [(299, None, 29900), (299, "fen", 299), (-1, "yuan", -100),
                                                  (10**13, None, 10**15)])  # fmt: skip
def test_whole_amounts_are_read_as_written_ones_are(raw: int, unit: str | None, fen: int) -> None:
    assert values.money(raw, unit) == fen == values.money(str(raw), unit)


@pytest.mark.parametrize(("raw", "unit"), [(10**13 + 1, None), (10**15 + 1, "fen"), (True, None)])
def test_amounts_that_cannot_be_are_refused(raw: int, unit: str | None) -> None:
    with pytest.raises(Unusable):
        values.money(raw, unit)


def test_numbers_have_at_most_eighteen_digits() -> None:
    assert values.number(10**18 - 1) == 10**18 - 1
    with pytest.raises(Unusable):
        values.number(10**18)
