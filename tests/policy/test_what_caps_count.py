"""What a cap counts: messages of its own class, on its own channel, in its own span of time."""

from __future__ import annotations

import pytest

from tests.delivery.house import House
from tests.policy.test_asking import NOON, again, policy

HEAD = "enter: {manual: true}\nagain: finished\n"


def journey(house: House, name: str, purpose: str, via: str = "sms") -> None:
    """One more journey of one send."""
    steps = f"steps: [{{send: hello, via: [{via}], expires: 3d}}]\n"
    house.open(NOON, **{name: f"purpose: {purpose}\n{HEAD}{steps}"})


def sends(house: House, name: str, person: int, at: str) -> None:
    house.enter(name, person, at)
    house.tick(at)
    house.deliver(at)


def test_a_cap_counts_the_messages_of_its_own_class_only(house: House) -> None:
    policy(house, "caps: {all: 1 per 7d}, on_cap: skip")
    house.files["policy"] += "  news: {kind: marketing, caps: {all: 1 per 7d}, on_cap: skip}\n"
    (person,) = house.send_one(NOON, purpose="ads")
    house.deliver(NOON)
    journey(house, "k", "news")
    sends(house, "k", person, "2026-03-03 12:00")
    again(house, person, "2026-03-04 12:00")
    assert house.states() == [("SENT", None), ("SENT", None), ("SUPPRESSED", "cap all 1 per 7d")]


def test_a_cap_of_one_kind_of_channel_does_not_count_what_left_by_another(house: House) -> None:
    policy(house, "caps: {sms: 1 per 7d}, on_cap: skip")
    (person,) = house.send_one(NOON, "{send: hello, via: [wechat], expires: 3d}", purpose="ads")
    house.deliver(NOON)
    journey(house, "k", "ads")
    sends(house, "k", person, "2026-03-03 12:00")
    sends(house, "k", person, "2026-03-04 12:00")
    assert house.states() == [("SENT", None), ("SENT", None), ("SUPPRESSED", "cap sms 1 per 7d")]


@pytest.mark.parametrize(
    ("on_cap", "want"),
    [("skip", ("SUPPRESSED", "cap wechat 1 per day")), ("postpone", ("QUEUED", "cap wechat 1 per day"))],
)
def test_a_cap_of_one_kind_of_channel_decides_over_the_message_where_it_does_not_move_on(
    house: House, on_cap: str, want: tuple[str, str]
) -> None:
    policy(house, f"caps: {{wechat: 1 per day}}, on_cap: {on_cap}")
    (person,) = house.send_one(NOON, purpose="ads")
    house.deliver(NOON)
    again(house, person, "2026-03-02 13:00")
    assert (house.states()[1], house.sms.sent) == (want, [])
    assert on_cap == "skip" or house.due(1) == "2026-03-03 00:00"


@pytest.mark.parametrize(
    ("per", "first", "before", "after"),
    [
        ("6h", "2026-03-02 10:00", "2026-03-02 15:59", "2026-03-02 16:00"),
        ("1mo", "2026-02-10 12:00", "2026-03-10 11:59", "2026-03-10 12:00"),
        ("1mo", "2026-03-10 12:00", "2026-04-10 11:59", "2026-04-10 12:00"),
    ],
)
def test_a_rolling_cap_of_hours_or_months_is_as_long_as_it_says(
    house: House, per: str, first: str, before: str, after: str
) -> None:
    policy(house, f"caps: {{all: 1 per {per}}}, on_cap: skip")
    (person,) = house.send_one(first, purpose="ads")
    house.deliver(first)
    again(house, person, before)
    again(house, person, after)
    assert house.states() == [("SENT", None), ("SUPPRESSED", f"cap all 1 per {per}"), ("SENT", None)]
