"""Single values against the type they are for."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from automation.conditions import values
from automation.conditions.findings import Findings, said, short
from automation.conditions.scope import FieldInfo, Scope, Vocabulary
from automation.conditions.tree import FieldType, Ref
from automation.kernel import source

MONEY = FieldInfo(FieldType.MONEY)
SCOPE = Scope(Vocabulary({"size": FieldInfo(FieldType.CHOICE, (), ("S", "M")), "city": FieldInfo(FieldType.TEXT)}, {}))


def nothing_wrong() -> Findings:
    return Findings(source.parse("{}", "t.yaml"))


@given(fen=st.integers(-(10**12), 10**12))
def test_yuan_become_exactly_their_fen_however_they_are_written(fen: int) -> None:
    findings = nothing_wrong()
    written = f"{Decimal(fen) / 100:.2f}"
    read = source.parse(f"v: {written}", "t.yaml").data["v"]  # a number, or a text where the last digit is a 0
    assert values.literal(findings, read, (), MONEY) == fen
    assert values.literal(findings, float(written), (), MONEY) == fen
    assert not findings.problems


@pytest.mark.parametrize("wrong", ["1e3", "１００", "", " 5", float("nan"), float("inf"), True, 10**15, "0.001"])
def test_what_is_no_amount_of_yuan_is_refused(wrong: object) -> None:
    findings = nothing_wrong()
    assert values.literal(findings, wrong, (), MONEY) is None
    assert [problem.code for problem in findings.problems] == ["C012"]


@pytest.mark.parametrize(("text", "number"), [("5%", 5.0), ("12.5%", 12.5), ("0%", 0.0), ("100%", 100.0), ("5％", 5.0)])
def test_percent_are_read(text: str, number: float) -> None:
    assert values.percent(nothing_wrong(), text, ()) == number


@pytest.mark.parametrize(
    ("wrong", "code", "hint"),
    [
        (5, "S021", "write 5%"),
        (0.05, "S021", "%"),
        ("5", "S021", "5%"),
        ("101%", "S018", ""),
        (True, "S021", "5%"),
        ("-5%", "S021", ""),
    ],
)
def test_percent_need_their_sign_and_a_limit(wrong: object, code: str, hint: str) -> None:
    findings = nothing_wrong()
    assert values.percent(findings, wrong, ()) is None
    (problem,) = findings.problems
    assert problem.code == code
    assert hint in problem.hint


def test_a_value_may_be_a_reference_of_the_same_type_and_texts_fit_choices() -> None:
    findings = nothing_wrong()
    assert values.value_for(findings, SCOPE, {"from": "customer.size"}, (), FieldInfo(FieldType.TEXT)) == Ref("size")
    assert values.value_for(findings, SCOPE, "杭州", (), FieldInfo(FieldType.TEXT)) == "杭州"
    assert not findings.problems
    assert values.value_for(findings, SCOPE, {"from": "city"}, (), MONEY) is None
    assert values.value_for(findings, SCOPE, {"from": 3}, (), MONEY) is None
    assert [problem.code for problem in findings.problems] == ["C015", "S014"]


def test_messages_show_values_shortly() -> None:
    assert short("一" * 100) == "一" * 40 + "..."
    assert said([1]) == "a list"
    assert said(None) == "nothing"
