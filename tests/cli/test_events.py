"""`events add`: what a customer did, told by hand."""

from __future__ import annotations

from typing import Any

import pytest

ADD = ("events", "add", "13800000001", "order.paid")


def test_an_event_is_added_heard_and_audited(shop: Any) -> None:
    shop.fine(*ADD, "order_id=D7", "amount=500", "--who", "anna")
    assert shop.fine("tick", "--json").json["events"] == 1
    newest = shop.fine("customers", "show", "13800000001", "--json").json["events"][0]
    assert (newest["event"], newest["key"], newest["properties"]["amount"]) == ("order.paid", "D7", 500)
    assert shop.fine("audit", "list", "--json").json["audit"][0]["what"] == "event added"


def test_the_same_id_counts_once(shop: Any) -> None:
    shop.fine(*ADD, "order_id=D7", "--id", "x1")
    assert "known already" in shop.fine(*ADD, "order_id=D7", "--id", "x1").out


def test_what_the_catalog_does_not_know_is_wrong_usage(shop: Any) -> None:
    assert shop("events", "add", "13800000001", "order.payd").code == 2
    assert shop(*ADD, "order_id").code == 2
    assert shop(*ADD, "amount=12").code == 2  # the key is missing
    assert shop(*ADD, "order_id=D1", "--at", "2026-12-01").code == 2  # lies in the future


@pytest.mark.parametrize("event", ["message.sent", "customer.changed"])
def test_what_only_lucheng_tells_is_not_told_by_hand(shop: Any, event: str) -> None:
    done = shop("events", "add", "13800000001", event)
    assert done.code == 2 and "told by Lucheng itself" in done.err
