"""Where people go when a new version lacks the place they stand at."""

from __future__ import annotations

import pytest

from automation.journey import nodes
from automation.journey.shop import Shop
from tests.journey import shelf


@pytest.fixture(scope="module")
def known() -> Shop:
    return shelf.shop()


OLD = """
- {wait: 1d, id: one}
- wait_for: {event: order.paid}
  id: two
  up_to: 1d
  then: [{wait: 1h, id: thanks}]
  else: [{wait: 2h, id: pity}]
- {wait: 3d, id: three}
"""


def moved(known: Shop, key: str, new: str) -> str | None:
    old = shelf.read(shelf.steps(OLD), known)
    return nodes.map_node(old, shelf.read(shelf.steps(new), known), key)


def test_a_place_that_survives_keeps_its_people_whatever_is_around_it(known: Shop) -> None:
    assert moved(known, "two", "- tag: new\n- {wait: 5d, id: two}\n- {wait: 1d, id: one}") == "two"


def test_where_it_is_gone_the_next_survivor_takes_them(known: Shop) -> None:
    assert moved(known, "one", "- {wait: 3d, id: three}") == "three"
    assert moved(known, "two", "- {wait: 1d, id: one}\n- {wait: 3d, id: three}") == "three"


def test_nobody_is_put_into_a_branch_they_did_not_take(known: Shop) -> None:
    new = OLD.replace("then: [{wait: 1h, id: thanks}]", "then: []")
    assert moved(known, "thanks", new) == "three"
    without_two = "- {if: {tier: gold}, then: [{wait: 2h, id: pity}]}\n- {wait: 3d, id: three}"
    assert moved(known, "two", without_two) == "three"


def test_where_nothing_is_left_the_run_ends(known: Shop) -> None:
    assert moved(known, "three", "- {wait: 1d, id: one}") is None
    assert moved(known, "no such place", OLD) is None


def test_a_place_without_an_id_is_found_by_what_it_is(known: Shop) -> None:
    old = shelf.read(shelf.steps("- wait: 3d\n- tag: a\n- wait: 3d"), known)
    new = shelf.read(shelf.steps("- wait: 3d\n- tag: b\n- tag: a\n- wait: 3d"), known)
    assert (
        [nodes.map_node(old, new, key) for key in old.nodes] == list(new.nodes) == ["start", "wait:3d#1", "wait:3d#2"]
    )


def test_behind_a_coupon_people_go_on_to_the_next_place(known: Shop) -> None:
    old = shelf.read(shelf.steps("- {coupon: birthday_50, else: [{wait: 1d, id: a}]}\n- {wait: 2d, id: b}"), known)
    given = "fence:coupon:birthday_50#1:given"
    assert {key: node.forward_to for key, node in old.nodes.items()} == {"start": None, given: "b", "a": "b", "b": None}
