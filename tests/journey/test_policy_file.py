"""Purposes, caps and quiet hours: what a shop may say, and what the defaults protect."""

from __future__ import annotations

from datetime import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from automation.conditions.tree import Happened, InSegment, Tagged
from automation.festivals import durations
from automation.festivals.quiet import Window
from automation.journey import catalog, policy_file, segments
from automation.journey.policy_file import Cap, Policy
from automation.kernel import source
from automation.kernel.document import Document
from automation.kernel.errors import SourceErrors

SHOP = Path(__file__).parents[2] / "journeys"
CATALOG = catalog.load(source.parse("", "catalog.yaml"))


def load(text: str) -> Policy:
    return policy_file.load(source.parse(text, "policy.yaml"), CATALOG, {"staff": Tagged(("员工",))})


def test_an_empty_file_sends_service_freely_and_marketing_carefully() -> None:
    found = load("")
    service, marketing = found.purposes["service"], found.purposes["marketing"]
    assert (service.caps, service.quiet) == ((), None)
    assert marketing.caps == (Cap("all", 1, durations.parse("1d")),)
    assert (marketing.quiet, marketing.on_cap) == (Window(time(21), time(9)), "skip")
    assert service.priority > marketing.priority
    assert not found.unless
    assert not found.warnings


def test_classes_are_read() -> None:
    found = load(
        "purposes:\n"
        "  promo: {kind: marketing, caps: {all: 2 per 7d, sms: [1 per day, 4 per month]}, on_cap: postpone,\n"
        "    quiet: 20:30-09:30, priority: 0, title: 促销}\n"
        "unless: {marketing: {event: {name: wechat.followed, within: 7d}}, service: {segment: staff}}\n"
    )
    promo = found.purposes["promo"]
    assert promo.caps == (
        Cap("all", 2, durations.parse("7d")),
        Cap("sms", 1, "day"),
        Cap("sms", 4, "month"),
    )
    assert (promo.kind, promo.on_cap, promo.priority, promo.title) == ("marketing", "postpone", 0, "促销")
    assert promo.quiet == Window(time(20, 30), time(9, 30))
    assert isinstance(found.unless["marketing"], Happened)
    assert found.unless["service"] == InSegment("staff", Tagged(("员工",)))


def test_what_a_class_does_not_say_comes_from_its_kind() -> None:
    found = load("purposes: {soft: {kind: marketing}, notice: {kind: service}, marketing: {on_cap: postpone}}").purposes
    assert found["soft"].caps == policy_file.BUILT_IN["marketing"].caps
    assert found["soft"].quiet == Window(time(21), time(9))
    assert (found["notice"].caps, found["notice"].quiet) == ((), None)
    assert (found["marketing"].kind, found["marketing"].on_cap) == ("marketing", "postpone")
    assert found["marketing"].caps == policy_file.BUILT_IN["marketing"].caps


@pytest.mark.parametrize(("window", "fine"), [
    ("22:00-08:00", True), ("21:00-09:00", True), ("20:00-10:00", True),
    ("22:01-08:00", False), ("22:00-07:59", False), ("12:00-14:00", False), ("00:00-09:00", False),
    ("23:00-12:00", False), ("09:00-22:00", False),
])  # fmt: skip
def test_marketing_may_only_be_quieter_than_the_providers_demand(window: str, fine: bool) -> None:
    text = f"purposes: {{a: {{kind: marketing, quiet: {window}}}}}"
    if fine:
        assert str(load(text).purposes["a"].quiet) == window
    else:
        with pytest.raises(SourceErrors, match="K403"):
            load(text)
    assert load(text.replace("marketing", "service")).purposes["a"].quiet is not None


@pytest.mark.parametrize(
    ("text", "place", "code", "hint"),
    [
        ("purpose: {}", "1:1", "S001", "did you mean 'purposes'?"),
        ("purposes: {a: {caps: {all: 1 per 1d}}}", "1:15", "S002", "kind"),
        ("purposes: {a: {kind: marketting}}", "1:22", "S017", "did you mean 'marketing'?"),
        ("purposes: {service: {kind: marketing}}", "1:28", "K404", "another name"),
        ("purposes: {a: {kind: marketing, caps: {all: 2}}}", "1:45", "K401", "2 per 7d"),
        ("purposes: {a: {kind: marketing, caps: {all: two per day}}}", "1:45", "K401", "2 per 7d"),
        ("purposes: {a: {kind: marketing, caps: {all: 2 per 3 workdays}}}", "1:45", "K401", "workdays"),
        ("purposes: {a: {kind: marketing, caps: {all: 2 per dya}}}", "1:45", "C016", "duration"),
        ("purposes: {a: {kind: marketing, on_cap: drop}}", "1:41", "S017", "skip"),
        ("purposes: {a: {kind: marketing, quiet: 21-9}}", "1:40", "K402", "such as 09:30"),
        ("purposes: {a: {kind: marketing, quiet: false}}", "1:40", "K403", "21:00-09:00"),
        ("purposes: {a: {kind: marketing, priority: 101}}", "1:43", "S018", "0 to 100"),
        ("unless: {promo: {tag: 甲}}", "1:10", "S001", "marketing"),
        ("unless: {marketing: {event: wechat.followed}}", "1:29", "C021", "within"),
    ],
)
def test_a_slip_is_reported_where_it_stands_with_what_to_do(text: str, place: str, code: str, hint: str) -> None:
    with pytest.raises(SourceErrors) as caught:
        load(text)
    (problem,) = map(str, caught.value.problems)
    assert problem.startswith(f"policy.yaml:{place} {code} "), problem
    assert hint in problem


def test_a_cap_of_nothing_and_marketing_without_caps_are_allowed_with_a_warning() -> None:
    found = load("purposes: {a: {kind: marketing, caps: {sms: 0}}, b: {kind: marketing, caps: {}}}")
    assert found.purposes["a"].caps == (Cap("sms", 0, "day"),)
    assert [(warning.code, warning.line, warning.column) for warning in found.warnings] == [
        ("W401", 1, 45),
        ("W402", 1, 50),
    ]
    assert load("purposes: {a: {kind: marketing, caps: {sms: 0 per 7d}}}").warnings[0].code == "W401"


def test_the_sample_shop_is_right() -> None:
    known = catalog.load(source.read(SHOP / "catalog.yaml"))
    found = segments.load(source.read(SHOP / "segments.yaml"), known)
    policy = policy_file.load(source.read(SHOP / "policy.yaml"), known, segments.conditions(found))
    assert set(policy.purposes) == {"service", "marketing", "promo", "care"}
    assert isinstance(policy.unless["marketing"], Happened)
    assert not policy.warnings


KEYS = st.one_of(
    st.sampled_from(["purposes", "unless", "marketing", "a", "kind", "caps", "quiet", "on_cap", "priority", "sms"]),
    st.text(max_size=3),
)
VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=6), st.sampled_from(["service", "1 per 1d"])
)
ANYTHING: st.SearchStrategy[Any] = st.recursive(
    VALUES,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=4)),
    max_leaves=15,
)


@settings(max_examples=200, deadline=None)
@given(data=ANYTHING)
def test_whatever_stands_in_the_file_only_problems_are_raised(data: Any) -> None:
    try:
        assert isinstance(policy_file.load(Document("policy.yaml", data), CATALOG), Policy)
    except SourceErrors as errors:
        assert errors.problems


@pytest.mark.parametrize(
    ("caps", "hint"),
    [("smss: 4 per 30d", "did you mean 'sms'?"), ("sms_mian: 1 per 1d", "known are all, email, sms, wechat, wecom")],
)
def test_a_cap_of_a_channel_that_does_not_exist_is_a_problem(caps: str, hint: str) -> None:
    with pytest.raises(SourceErrors) as caught:
        load(f"purposes: {{promo: {{kind: marketing, caps: {{{caps}}}}}}}\n")
    assert [(one.line, one.column, one.code, one.hint) for one in caught.value.problems] == [(1, 44, "S001", hint)]
