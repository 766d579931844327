"""What follows from an answer, as values."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from automation.engine.delivery import outcomes
from automation.engine.delivery.prepared import idempotency_key
from automation.kernel import json_text
from automation.policy.claimed import Door

DOOR = Door(0, "sms_main", "sms", "sms", "phone")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@given(st.integers(1, 10**9), st.integers(0, 60))
def test_waits_double_up_to_an_hour_with_a_stable_spread(number: int, attempts: int) -> None:
    wait = outcomes.back_off(number, attempts)
    least = min(3600, 30 * 2**attempts)
    assert least <= wait <= min(3600, least * 1.25)
    assert wait == outcomes.back_off(number, attempts)


def test_the_spread_differs_between_messages() -> None:
    assert len({outcomes.back_off(number, 3) for number in range(100)}) > 20


@given(st.dictionaries(st.text(max_size=8), JSON, max_size=5))
def test_a_body_comes_back_as_it_was_in_the_same_order(body: dict[str, object]) -> None:
    back = json_text.read(json_text.write(body))
    assert back == body and list(back) == list(body)


def test_the_key_depends_on_everything_that_names_the_message() -> None:
    ways = [
        idempotency_key(b"s" * 32, number, run, door)
        for number in (1, 2, 2**40 + 1)
        for run in ("j 1 5 1 0", "j 2 5 1 0", "j 1 6 1 0", "k 1 5 1 0", "j 1 5 2 0", "j 1 5 1 1")
        for door in (DOOR, Door(1, "sms_two", "sms", "sms", "phone"), Door(2, "sms_main", "sms", "other", "phone"))
    ]
    assert len(set(ways)) == len(ways)
    first = idempotency_key(b"s" * 32, 1, "j 1 5 1 0", DOOR)
    assert ways[0] == first != idempotency_key(b"t" * 32, 1, "j 1 5 1 0", DOOR) and len(first) == 32
    assert ways[0][10:] != ways[3][10:]
    assert idempotency_key(b"s" * 32, 9, "j", DOOR) < idempotency_key(b"s" * 32, 16, "k", DOOR)
