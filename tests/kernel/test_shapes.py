"""Models: every mistake at its place, in words, and only the mistake that was made."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Literal

import pydantic
import pytest
from pydantic import Field, Tag

from automation.kernel import options, sentences, shapes, source
from automation.kernel.errors import SourceErrors

DIGITS = "(write plain digits, such as 50 or 1.5: no quotation marks, leading zeros, units or e)"


class Purpose(StrEnum):
    SERVICE = "service"
    MARKETING = "marketing"


class Send(shapes.Strict):
    send: str
    via: shapes.Many[str] | str = ()
    expires: options.Seconds = 1


class If(shapes.Strict):
    condition: dict[str, Any] = Field(alias="if")
    then: shapes.Many[Step]
    otherwise: shapes.Many[Step] = Field(default=(), alias="else")


Step = Annotated[Annotated[Send, Tag("send")] | Annotated[If, Tag("if")], shapes.by_key("send", "if")]


class Journey(shapes.Strict):
    journey: str
    purpose: shapes.Choice[Purpose] = Purpose.SERVICE
    status: Literal["draft", "live"] = "draft"
    holdout: options.Percent = 0
    number: int = Field(default=1, le=5)
    flag: bool = True
    counts: dict[str, int] = Field(default_factory=dict)
    steps: shapes.Many[Step] = ()

    @pydantic.model_validator(mode="after")
    def _is_not_bad(self) -> Journey:
        if self.journey == "bad":
            raise shapes.refuse("bad is refused", "call it good", at=("steps", 0))
        return self


If.model_rebuild()
Journey.model_rebuild()


def said(text: str) -> list[str]:
    with pytest.raises(SourceErrors) as caught:
        shapes.validate(source.parse(text, "j"), Journey)
    everything = str(caught.value)
    for jargon in ("pydantic", "Input should", "http", "Value error", "Field required", "type=", "Send", "Journey"):
        assert jargon not in everything
    return everything.splitlines()


def test_a_good_document_becomes_a_frozen_model() -> None:
    text = "journey: a\npurpose: marketing\nholdout: 2.5%\nsteps: [{if: {a: 1}, then: [{send: x, via: [a, b]}]}]\n"
    journey = shapes.validate(source.parse(text, "j"), Journey)
    assert journey.purpose is Purpose.MARKETING
    assert journey.holdout == 250
    step = journey.steps[0]
    assert isinstance(step, If)
    assert step.then == (Send(send="x", via=("a", "b")),)
    with pytest.raises(pydantic.ValidationError):
        journey.number = 2  # type: ignore[misc]


def test_an_unknown_key_points_at_the_key_and_hides_the_missing_one_it_stands_for() -> None:
    assert said("jurney: a\n") == ["j:1:1 S001 unknown key 'jurney' (did you mean 'journey'?)"]


def test_a_missing_key_far_from_any_slip_is_reported_beside_an_unknown_one() -> None:
    lines = said("zzz: 1\n")
    assert "j:1:1 S002 'journey' is missing" in lines
    assert any("S001 unknown key 'zzz' (other keys known here: counts, flag" in line for line in lines)


def test_a_key_that_is_there_is_not_proposed_again() -> None:
    assert "did you mean" not in said("journey: a\njournay: b\n")[0]


def test_an_empty_file_lacks_its_keys() -> None:
    assert said("") == ["j:1:1 S002 'journey' is missing"]


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("status: lve", "2:9 S017 'lve' is not possible here (did you mean 'live'?)"),
        ("status: zzz", "2:9 S017 'zzz' is not possible here (possible: draft, live)"),
        (
            "purpose: [service]",
            "2:10 S010 one value is due here (one of service, marketing), not a list "
            "(remove the brackets or the dashes)",
        ),
        ("purpose: servce", "2:10 S017 'servce' is not possible here (did you mean 'service'?)"),
        ("holdout: 5", "2:10 S021 a percent is due here (write 5%)"),
        ("holdout: 101%", "2:10 S021 a percent between 0% and 100% is due here (write 5% or 2.5%)"),
        ("number: 9", "2:9 S018 at most 5 is due here"),
        (
            "number: 1e0",
            f"2:9 S013 a number is due here, not a text {DIGITS}",
        ),
        ("number: true", "2:9 S013 a number is due here, not true or false"),
        (
            "flag: yes",
            "2:7 S015 true or false is due here, not a text (write true or false; yes, no, on and off are texts)",
        ),
        (
            "counts: {a: x}",
            f"2:13 S013 a number is due here, not a text {DIGITS}",
        ),
        ("counts: 5", "2:9 S012 'key: value' pairs are due here, not a number"),
        ("steps: x", "2:8 S011 a list is due here, not a text (write it in brackets: [a, b])"),
        ("steps: [x]", "2:9 S012 'key: value' pairs are due here, not a text"),
        ("steps: [{}]", "2:9 S002 one of these keys is missing: send, if"),
        ("steps: [{sned: x}]", "2:10 S001 unknown key 'sned' (did you mean 'send'?)"),
        ("steps: [{send: 5}]", '2:16 S014 a text is due here, not a number (write it in quotation marks: "5")'),
        ("steps: [{send: x, vai: a}]", "2:19 S001 unknown key 'vai' (did you mean 'via'?)"),
        ("steps: [{send: x, via: 5}]", "2:24 S016 a list or a text is due here, not a number"),
        (
            "steps: [{send: x, via: [5]}]",
            '2:25 S014 a text is due here, not a number (write it in quotation marks: "5")',
        ),
        (
            "steps: [{send: x, expires: 3 days}]",
            "2:28 S022 a duration is due here (write a whole number and a unit: 30s, 15m, 3h, 2d, 1w)",
        ),
        ("steps: [{if: {a: 1}}]", "2:9 S002 'then' is missing"),
        (
            "steps: [{if: {}, then: [{send: a, xx: 1}]}]",
            "2:35 S001 unknown key 'xx' (other keys known here: expires, via)",
        ),
        ("steps: [{if: {}, then: [], esle: []}]", "2:28 S001 unknown key 'esle' (did you mean 'else'?)"),
    ],
)
def test_one_mistake_gives_one_plain_sentence_at_its_place(line: str, answer: str) -> None:
    assert said(f"journey: a\n{line}\n") == [f"j:{answer}"]


def test_a_rule_points_below_the_value_it_judges() -> None:
    assert said("journey: bad\nsteps:\n  - send: x\n") == ["j:3:5 S020 bad is refused (call it good)"]


def test_all_mistakes_come_at_once() -> None:
    text = "journey: a\nstatus: lve\nsteps:\n  - {send: x, vai: y}\n  - {if: {}, then: [{send: 1}]}\n"
    assert [line.split()[0] for line in said(text)] == ["j:2:9", "j:4:15", "j:5:28"]


def test_a_part_of_a_document_is_checked_at_its_own_places() -> None:
    document = source.parse("other: 1\nsteps:\n  - {send: x, vai: y}\n", "j")
    with pytest.raises(SourceErrors, match="j:3:15 S001 unknown key 'vai'"):
        shapes.validate(document, Send, ("steps", 0))


def test_the_context_reaches_the_rules() -> None:
    class Asks(shapes.Strict):
        a: str

        @pydantic.field_validator("a")
        @classmethod
        def _known(cls, value: str, info: pydantic.ValidationInfo) -> str:
            return str((info.context or {})[value])

    assert shapes.validate(source.parse("a: b\n", "j"), Asks, context={"b": "found"}).a == "found"


def test_report_raises_only_for_problems() -> None:
    shapes.report([])
    problem = source.parse("a: 1\n", "j").problem((), "S020", "wrong")
    with pytest.raises(SourceErrors, match="j:1:1 S020 wrong"):
        shapes.report([problem])


def test_a_form_is_said_in_words_where_it_can_be() -> None:
    assert sentences.form("^[A-Za-z0-9_-]{6,64}$") == "6 to 64 characters of A-Z a-z 0-9 _ -"
    assert sentences.form("^https?://") == "its form, as a regular expression: ^https?://"
