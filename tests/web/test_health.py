"""Whether it lives, its figures, and the document of its interface."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from automation.app import App
from automation.web import openapi
from automation.web.server import Edge
from tests.web.caller import Caller


def test_it_says_that_it_is_well(call: Caller) -> None:
    answer = call("GET", "/healthz")
    assert (answer.status, answer.json) == (200, {"alive": True, "database": True, "engine": True})


def test_an_engine_that_stands_still_is_not_well(make_app: Callable[..., App]) -> None:
    edge = Edge(make_app(), lambda: False)
    edge.start()
    answer = Caller(edge.url)("GET", "/healthz")
    edge.stop()
    assert (answer.status, answer.json["engine"]) == (503, False)


def test_figures_are_for_this_machine_or_for_who_has_a_key(call: Caller, keyed: dict[str, str]) -> None:
    assert call("GET", "/metrics").status == 200
    elsewhere = {"x-forwarded-for": "203.0.113.4"}
    assert call("GET", "/metrics", headers=elsewhere).status == 401
    assert call("GET", "/metrics", headers={**elsewhere, **keyed}).status == 200
    assert call("GET", "/api/openapi.json", headers=elsewhere).status == 401


def test_figures_say_what_waits_and_nothing_about_people(call: Caller, app: App) -> None:
    call.post("/api/events", {"event": "page.viewed", "customer": {"phone": "13800000001"}})
    call.post("/api/events", b"{")
    text = call("GET", "/metrics").body.decode()
    for line in (
        "lucheng_events_queued 1.0", "lucheng_messages_due 0.0", "lucheng_stuck 0.0",
        'lucheng_channel_rests{channel="sms_main"} 0.0',
        'lucheng_web_requests_total{route="api/events",status="200"} 1.0',
        'lucheng_web_requests_total{route="api/events",status="400"} 1.0',
    ):  # fmt: skip
        assert line in text.splitlines()
    assert "13800000001" not in text


def test_paths_that_strangers_type_do_not_become_figures(call: Caller) -> None:
    for number in range(20):
        call("GET", f"/secret-{number}")
    text = call("GET", "/metrics").body.decode()
    assert 'lucheng_web_requests_total{route="other",status="404"} 20.0' in text
    assert "secret" not in text


@pytest.fixture
def described(call: Caller) -> dict[str, Any]:
    answer = call("GET", "/api/openapi.json")
    assert answer.status == 200
    found: dict[str, Any] = answer.json
    return found


def test_the_document_is_whole(described: dict[str, Any], app: App) -> None:
    assert described["openapi"] == "3.1.0"
    assert set(described["paths"]) == {"/api/events", "/api/customers"}
    for path in _references(described):
        found: Any = described
        for part in path.removeprefix("#/").split("/"):
            found = found[part]


def test_the_document_knows_the_shop(described: dict[str, Any], app: App) -> None:
    schemas = described["components"]["schemas"]
    paid = schemas["Event.order.paid"]["properties"]
    assert paid["event"] == {"const": "order.paid"}
    assert paid["properties"]["required"] == ["order_id"]
    assert "yuan" in paid["properties"]["properties"]["amount"]["description"]
    assert schemas["CustomerFields"]["properties"]["tier"]["anyOf"][0]["enum"] == ["basic", "silver", "gold"]
    assert not {"points", "phone", "created_at", "monetary"} & set(schemas["CustomerFields"]["properties"])
    told = {one["$ref"].rsplit("Event.", 1)[1] for one in schemas["AnyEvent"]["oneOf"]}
    assert {"order.paid", "page.viewed", "coupon.redeemed"} <= told
    assert not {"message.sent", "customer.changed"} & told


def test_every_answer_is_in_the_document(described: dict[str, Any]) -> None:
    assert set(described["paths"]["/api/events"]["post"]["responses"]) == {"200", "207", *openapi.ANSWERS}


def _references(part: Any) -> list[str]:
    text = json.dumps(part)
    return [piece.split('"')[0] for piece in text.split('"$ref": "')[1:]]
