"""RFM scores where an operator looks: at one customer, at a sample of a segment and in its export."""

from __future__ import annotations

import csv
import re
from typing import Any

import pytest

NAMES = ("recency", "frequency", "monetary")
SLIP = """\
journey: slip
purpose: service
status: live
enter: {manual: true}
again: never
steps:
  - choose:
      - {if: {recency: {at_most: 2}}, then: [{tag: 快走}]}
      - {if: {recency: {exists: true}}, then: [{tag: 常客}]}
      - else: [{tag: 没买}]
"""


def own_journeys(shop: Any) -> None:
    """A folder `own` of journeys beside the settings."""
    config = (shop.folder / "config.yaml").read_text(encoding="utf-8")
    shop.write("config.yaml", re.sub("journeys: [^,]+", "journeys: own", config))
    (shop.folder / "own").mkdir()


def test_a_customer_is_shown_with_scores_or_why_there_are_none(shop: Any) -> None:
    assert (
        "RFM scores, 5 is best: recency 1, frequency 1, monetary 2\n"
        in shop.fine("customers", "show", "13800000001").out
    )
    never = shop.fine("customers", "show", "13800000003").out
    assert "no RFM scores: no order.paid before the last count" in never
    found = shop.fine("customers", "show", "13800000002", "--json").json
    assert [found[name] for name in NAMES] == [5, 1, 1]
    found = shop.fine("customers", "show", "13800000003", "--json").json
    assert [found[name] for name in NAMES] == [None] * 3


def test_a_sample_and_an_export_have_the_scores(shop: Any) -> None:
    out = shop.fine("segment", "sample", "buyers_365d").out
    assert " ".join(NAMES) in " ".join(out.splitlines()[0].split())
    people = shop.fine("segment", "sample", "buyers_365d", "--json").json["people"]
    assert {row["name"]: [row[name] for name in NAMES] for row in people} == {"王*": [1, 1, 2], "李*": [5, 1, 1]}
    path = shop.folder / "out.csv"
    shop.fine("segment", "export", "buyers_365d", "--to", path)
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert sorted([row[name] for name in NAMES] for row in rows) == [["1", "1", "2"], ["5", "1", "1"]]


def test_who_is_asked_for_by_scores_is_found(shop: Any) -> None:
    texts = "fresh: {title: 新近, if: {recency: {at_least: 4}}}\nother: {title: 未购, if: {recency: {exists: false}}}\n"
    own_journeys(shop)
    shop.write("own/segments.yaml", texts)
    for name, expected in (("fresh", "李*"), ("other", "韩*")):
        people = shop.fine("segment", "sample", name, "--json").json["people"]
        assert [row["name"] for row in people] == [expected]


@pytest.mark.parametrize(
    ("said", "tag"),
    [("{recency: 2, frequency: 5}", "快走"), ("{recency: 5}", "常客"), ("{without: [recency]}", "没买")],
)
def test_a_journey_that_asks_for_scores_is_tested_with_a_customer_who_has_them(shop: Any, said: str, tag: str) -> None:
    own_journeys(shop)
    shop.write("own/slip.yaml", SLIP)
    (shop.folder / "tests").mkdir()
    case = "test: 评分\njourney: slip\nat: 2026-06-01 08:00\ncustomer: SAID\nexpect:\n  - {tag: TAG}\n"
    shop.write("tests/slip.yaml", case.replace("SAID", said).replace("TAG", tag))
    shop.fine("test")


def test_a_score_that_nobody_can_have_is_told(shop: Any) -> None:
    own_journeys(shop)
    shop.write("own/slip.yaml", SLIP)
    (shop.folder / "tests").mkdir()
    shop.write(
        "tests/slip.yaml",
        "test: x\njourney: slip\nat: 2026-06-01 08:00\ncustomer: {monetary: 6}\nends: {reason: finished}\n",
    )
    assert "tests/slip.yaml:4:22 K608 monetary: a score from 1 to 5 is due" in shop("test").out
