"""Which headings of a table become fields, and what is said of those that cannot."""

from __future__ import annotations

import pytest

from automation.journey import built_in
from automation.journey.catalog import Catalog
from automation.kernel import errors
from automation.people.importing import columns

CATALOG = Catalog(built_in.FIELDS, built_in.EVENTS, {})


def test_what_the_shop_counts_itself_is_not_taken_from_a_file() -> None:
    found = columns.read(["手机号", "积分", "recency", "消费金额分", "建档时间", "会员号"], {}, CATALOG)
    assert found.targets == ("phone", None, None, None, "created_at", "member_no")
    assert found.unknown == tuple(
        f"{heading}: would be {name}, which no file sets"
        for heading, name in (("积分", "points"), ("recency", "recency"), ("消费金额分", "monetary"))
    )


def test_nor_by_the_mapping_of_a_shop() -> None:
    with pytest.raises(errors.Refused, match="'frequency', which no file sets"):
        columns.read(["手机号", "频次"], {"频次": "frequency"}, CATALOG)


@pytest.mark.parametrize(
    "target", ["consent.markting", "consent.marketing.smss", "consent.marketing.pigeon", "consent."]
)
def test_a_consent_that_no_journey_asks_for_is_none(target: str) -> None:
    with pytest.raises(
        errors.Refused, match=r"no such consent \(there are consent.marketing, consent.marketing.wechat,"
    ):
        columns.read(["手机号", "同意"], {"同意": target}, CATALOG)


@pytest.mark.parametrize("target", ["consent.marketing", "consent.service", "consent.marketing.wecom"])
def test_a_consent_there_is_may_be_mapped(target: str) -> None:
    assert columns.read(["手机号", "同意"], {"同意": target}, CATALOG).targets[1] == target


def test_an_unknown_heading_is_shown_short_and_harmless_to_a_terminal() -> None:
    strange = "\x1b[2J\u202e" + "名" * 200
    (hint,) = columns.read(["手机号", strange], {}, CATALOG).unknown
    assert hint.isprintable()
    assert len(hint) < 140
    with pytest.raises(errors.Refused) as refusal:
        columns.require(["手机号", strange], ["券码"])
    assert str(refusal.value).isprintable()


def test_the_nearest_word_is_looked_for_only_for_the_first_unknown_headings() -> None:
    unknown = columns.read(["手机号", *[f"email{n}" for n in range(200)]], {}, CATALOG).unknown
    assert len(unknown) == 200
    assert sum("did you mean" in hint for hint in unknown) == columns.GUESSED
