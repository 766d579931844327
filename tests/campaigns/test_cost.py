"""What a campaign by SMS is billed, and that it keeps the rules a journey keeps."""

from __future__ import annotations

from pathlib import Path

import pytest

from automation.campaigns import cost, draft
from automation.campaigns.cost import Cost
from automation.campaigns.draft import Draft
from automation.kernel import errors
from automation.store.database import Store
from tests.delivery.house import House

NOON = "2026-03-04 12:00"
POLICY = "purposes:\n  ads: {kind: marketing, quiet: 21:00-09:00, caps: {all: 1 per 7d}}\n"


@pytest.fixture
def house(store: Store, tmp_path: Path) -> House:
    made = House(store, tmp_path)
    made.files["policy"] = POLICY
    return made


def opened(house: House, preview: str) -> House:
    house.texts_of = {"sms.yaml": f"template: t\nparams: {{name: '{{{{ customer.name }}}}'}}\npreview: {preview}\n"}
    house.open(NOON, j="purpose: service\nenter: {manual: true}\nagain: finished\nsteps:\n  - {send: hello}\n")
    return house


def wanted(house: House) -> Draft:
    return Draft("hello", ("sms",), house.ts(NOON), "ads")


def test_a_short_text_is_one_part_and_a_long_one_several(house: House) -> None:
    short = opened(house, "【旅程】{name}，您好。拒收请回复R")
    send = next(iter(draft.compiled(short.parts.project, wanted(short), "campaign_x").sends.values()))
    assert cost.of(short.parts, send, {"sms_main": 200, "mail_main": 5, "wechat_main": 0}) == (
        Cost("sms_main", 200, 1, None),
    )


def test_parts_are_counted_with_what_parameters_take(house: House) -> None:
    long = opened(house, f"【旅程】{{name}}{'字' * 54}，拒收请回复R")  # 72 with six characters for the name
    send = next(iter(draft.compiled(long.parts.project, wanted(long), "campaign_x").sends.values()))
    assert [one.parts for one in cost.of(long.parts, send, {"sms_main": 3})] == [2]


def test_a_campaign_that_breaks_a_rule_is_refused_with_the_rule(house: House) -> None:
    wrong = opened(house, "【旅程】{name}，全场八折")
    with pytest.raises(errors.Refused, match="does not say how to refuse"):
        draft.compiled(wrong.parts.project, wanted(wrong), "campaign_x")
