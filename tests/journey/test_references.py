"""Values that steps hand on: `set` and `with`."""

from __future__ import annotations

import pytest

from automation.conditions.findings import Findings
from automation.conditions.scope import FieldInfo, Inside, Scope
from automation.conditions.tree import FieldType, Ref
from automation.journey import catalog, references
from automation.kernel import source

CATALOG = catalog.load(
    source.parse(
        "fields: {size: {type: choice, choices: [S, M]}, spent: money, birthday: date,\n"
        "  id_card: {type: text, sealed: true}}\n"
        "computed: {orders: {count: wechat.followed}}\n",
        "catalog.yaml",
    )
)
SCOPE = Scope(
    CATALOG.vocabulary,
    Inside.JOURNEY,
    names={"answer": {"score": FieldInfo(FieldType.NUMBER), "size": FieldInfo(FieldType.TEXT)}},
)


def read_set(text: str) -> tuple[object, list[str]]:
    document = source.parse(text, "j.yaml")
    findings = Findings(document)
    found = references.read_set(findings, SCOPE, CATALOG, document.data, ())
    return found, [str(problem) for problem in findings.problems]


def test_fields_are_set_to_literals_as_stored_and_to_references() -> None:
    found, problems = read_set("{size: {from: answer.size}, customer.spent: 19.90, language: en}")
    assert not problems
    assert found == (("size", Ref("answer.size")), ("spent", 1990), ("language", "en"))


@pytest.mark.parametrize(
    ("text", "code", "hint"),
    [
        ("size: L", "C013", "M"),
        ("siez: M", "C001", "did you mean 'size'?"),
        ("size: {from: answer.score}", "C015", "choice is due"),
        ("spent: {from: answer.scor}", "C002", "did you mean 'answer.score'?"),
        ("points: 5", "C012", "points step"),
        ("phone: '1'", "C012", "imports"),
        ("monetary: 5", "C012", "rfm"),
        ("orders: 3", "C012", "computed"),
        ("id_card: x", "C012", "is sealed and cannot be set by a journey (imports and the API set it)"),
        ("birthday: 1990-03-08", "C012", "is date"),
        ("name: 王芳", "C012", "is built in"),
        ("zone: Asia/Tokyo", "C012", "is built in"),
        ("stage: lost", "C012", "is built in"),
        ("{}", "C003", "such as"),
        ("3", "S012", ""),
    ],
)
def test_what_cannot_be_set_is_refused(text: str, code: str, hint: str) -> None:
    found, problems = read_set(text)
    assert found == ()
    assert len(problems) == 1
    assert f" {code} " in problems[0]
    assert hint in problems[0]


def test_with_hands_on_any_value_but_nothing_sealed() -> None:
    document = source.parse(
        "{a: {from: answer.score}, b: 5, c: {from: id_card}, d: [1], e: {from: no.where}}", "j.yaml"
    )
    findings = Findings(document)
    assert references.read_with(findings, SCOPE, document.data, ()) == (("a", Ref("answer.score")), ("b", 5))
    assert [problem.code for problem in findings.problems] == ["C018", "C012", "C002"]
