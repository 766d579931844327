"""Journeys: counts, steps, and the operator's order to pause."""

from __future__ import annotations

from typing import Any

DORMANT = {"event": "order.paid"}


def enter_everybody(shop: Any) -> None:
    """The daily check at nine the next morning: one dormant customer with consent."""
    shop.clock.set(shop.clock.now() + 86_400)
    shop.fine("tick")


def row(shop: Any, name: str) -> dict[str, Any]:
    found = shop.fine("journeys", "list", "--json").json["journeys"]
    return next(one for one in found if one["name"] == name)


def test_who_is_inside_is_counted_and_stands_at_a_step(shop: Any) -> None:
    assert row(shop, "dormant_wakeup")["inside"] == 0
    enter_everybody(shop)
    found = row(shop, "dormant_wakeup")
    assert found["inside"] + found["holdout"] == 1
    assert found["entered_today"] == 1
    steps = {one["step"]: one for one in shop.fine("journeys", "show", "dormant_wakeup", "--json").json["steps"]}
    assert list(steps) == list(dict.fromkeys(steps))
    assert steps["hello_click"]["people"] == found["inside"]
    run = shop.fine("customers", "show", "13800000001", "--json").json["runs"][0]
    assert run["journey"] == "dormant_wakeup"
    assert run["path"][0]["step"] == "start"
    assert run["why"]


def test_pausing_and_resuming_are_orders_in_the_audit(shop: Any) -> None:
    shop.fine("journeys", "pause", "dormant_wakeup", "--who", "anna")
    assert row(shop, "dormant_wakeup")["status"] == "paused by order"
    assert shop("journeys", "pause", "dormant_wakeup").code == 1
    assert shop.fine("journeys", "resume", "dormant_wakeup").out == "dormant_wakeup goes on; nobody had been held\n"
    assert row(shop, "dormant_wakeup")["status"] == "live"
    assert shop.fine("audit", "list", "--json").json["audit"][1]["who"] == "anna"


def test_an_unknown_journey_is_answered_with_the_one_that_was_meant(shop: Any) -> None:
    done = shop("journeys", "show", "dormant_wakup")
    assert done.code == 1
    assert "dormant_wakeup" in done.err


def test_journeys_that_no_engine_took_up_yet_are_listed_as_such(bare: Any) -> None:
    assert row(bare, "paid")["status"] == "live, not yet installed"


def test_nobody_stuck_is_said(shop: Any) -> None:
    assert "nobody" in shop.fine("journeys", "retry").out
