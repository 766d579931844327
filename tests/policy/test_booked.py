"""What is booked for a message: of its own lane, window and template, and only when it leaves."""

from __future__ import annotations

import pytest

from automation.kernel.ports import Accepted, Denied, Lane, Limit, Reason
from tests.delivery.house import BOTH, FILES, House
from tests.policy.test_lanes import (
    ASKED,
    NOON,
    NOTICE,
    SUBSCRIBE,
    TALK,
    TEMPLATE,
    WORDS,
    again,
    grant,
    open_window,
    went,
)


@pytest.fixture
def house(house: House) -> House:
    house.wechat.lanes = [TALK, TEMPLATE, SUBSCRIBE]
    return house


def granted(house: House) -> dict[str, int]:
    return dict(house.store.rows("SELECT template, messages FROM send_grant"))


def test_a_limit_counts_what_left_on_its_own_lane_only(house: House) -> None:
    talk = Lane(
        "talk", "openid", BOTH, 100, 600, parts=frozenset({"text"}), window=True, limits=(Limit(1, "day", "X"),)
    )
    house.wechat.lanes = [talk, TEMPLATE]
    house.texts_of = {**FILES, "wechat.yaml": WORDS + NOTICE}
    (person,) = house.send_one(NOON)
    house.deliver(NOON)
    open_window(house, person, messages=5)
    for minute in (1, 2):
        again(house, person, f"2026-03-02 12:0{minute}")
    assert [lane for _, lane in went(house)] == ["template", "talk", "template"]


@pytest.mark.parametrize(("part", "table"), [(WORDS, "reply_window"), (ASKED, "send_grant")])
def test_who_waits_in_line_has_used_nothing_up(house: House, part: str, table: str) -> None:
    house.config = house.config.replace("plays: wechat,", "plays: wechat, rate: 1,")
    house.texts_of = {**FILES, "wechat.yaml": part}
    for person in house.send_one(NOON, "{send: hello, via: [wechat], expires: 3d}", people=2):
        open_window(house, person)
        grant(house, person, "sale_on", 1)
    house.deliver(NOON)
    assert sorted(state for state, _ in house.states()) == ["QUEUED", "SENT"]
    assert house.store.value(f"SELECT sum(messages) FROM {table}") == 1


def test_the_platforms_refusal_of_one_template_leaves_the_grants_of_others(house: House) -> None:
    house.texts_of = {**FILES, "wechat.yaml": ASKED}
    (person,) = house.send_one(NOON)
    grant(house, person, "sale_on", 3)
    grant(house, person, "other", 5)
    house.wechat.answer = lambda _: Denied(Reason.NO_GRANT, "43101")
    house.deliver(NOON)
    assert granted(house) == {"sale_on": 0, "other": 5}


def test_a_grant_that_was_not_used_is_given_back_to_its_own_template(house: House) -> None:
    house.texts_of = {**FILES, "wechat.yaml": ASKED}
    (person,) = house.send_one(NOON)
    grant(house, person, "sale_on", 3)
    grant(house, person, "other", 5)
    house.wechat.answer = lambda _: Denied(Reason.UNAVAILABLE, permanent=False, retry_after=5)
    house.deliver(NOON)
    assert granted(house) == {"sale_on": 3, "other": 5}
    house.wechat.answer = lambda _: Accepted("x")
    house.deliver(house.ts(NOON) + 10)
    assert granted(house) == {"sale_on": 2, "other": 5}
