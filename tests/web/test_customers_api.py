"""Customers over HTTP: found or made, fields set and taken away, tags, words of consent."""

from __future__ import annotations

import json
from typing import Any

from automation.app import App
from tests.web.caller import Caller

WANG = {"customer": {"phone": "13800000001"}, "fields": {"name": "王芳", "city": "上海", "birthday": "农历八月十五"}}


def attrs(app: App) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(app.store.value("SELECT attrs FROM person") or "{}")
    return found


def test_a_customer_is_made_then_changed_then_left_alone(call: Caller, app: App) -> None:
    assert call.post("/api/customers", WANG).json == {"status": "created"}
    assert call.post("/api/customers", WANG).json == {"status": "unchanged"}
    moved = {
        "customer": {"phone": "13800000001", "email": "a@example.com"},
        "fields": {"city": "北京", "balance": "9.90"},
    }
    assert call.post("/api/customers", moved).json == {"status": "updated"}
    assert attrs(app) == {"city": "北京", "balance": 990}
    assert app.store.rows("SELECT calendar, month, day FROM person_date") == [(1, 8, 15)]
    assert app.store.value("SELECT count(*) FROM identity") == 2
    told = app.store.rows(
        "SELECT e.props FROM event e JOIN name n ON n.id = e.name_id WHERE n.name = 'customer.changed'"
    )
    assert {json.loads(props)["field"] for (props,) in told} == {"city", "balance"}


def test_two_who_turn_out_to_be_one_are_changed(call: Caller, app: App) -> None:
    call.post("/api/customers", {"customer": {"phone": "13800000001"}})
    call.post("/api/customers", {"customer": {"email": "a@example.com"}})
    both = {"customer": {"phone": "13800000001", "email": "a@example.com"}}
    assert [call.post("/api/customers", both).json for _ in range(2)] == [
        {"status": "updated"},
        {"status": "unchanged"},
    ]


def test_null_takes_a_value_away(call: Caller, app: App) -> None:
    call.post("/api/customers", WANG)
    gone = {"customer": {"phone": "13800000001"}, "fields": {"city": None, "birthday": None}}
    assert call.post("/api/customers", gone).json == {"status": "updated"}
    assert attrs(app) == {}
    assert app.store.rows("SELECT field FROM person_date") == []


def test_tags_and_consent(call: Caller, app: App) -> None:
    said = {
        "customer": {"phone": "13800000001"}, "tags": ["老客", "老客", " ", "、"],
        "consents": [{"channel": "sms", "purpose": "marketing", "granted": True, "at": 1_790_000_000,
                      "text_version": "2026-1", "evidence": "门店登记表"}],
    }  # fmt: skip
    assert call.post("/api/customers", said).json == {"status": "created"}
    assert app.store.rows("SELECT n.name, t.source FROM person_tag t JOIN name n ON n.id = t.tag_id") == [
        ("老客", "shop")
    ]
    word = app.store.row("SELECT channel, purpose, granted, source, at, text_version, evidence FROM consent")
    assert word == ("sms", "marketing", 1, "shop", 1_790_000_000, "2026-1", "门店登记表")


def test_a_yes_without_a_date_undoes_no_refusal(call: Caller, app: App) -> None:
    def say(granted: bool) -> None:
        words = [{"channel": "sms", "purpose": "marketing", "granted": granted}]
        assert call.post("/api/customers", {"customer": {"phone": "13800000001"}, "consents": words}).status == 200

    say(True)
    say(False)
    say(True)
    assert app.store.value("SELECT granted FROM consent") == 0


def test_each_bad_record_is_named_and_the_others_are_taken(call: Caller, app: App) -> None:
    bad = [
        {"customer": {"phone": "13800000002"}, "fields": {"tier": "platinum"}},
        {"customer": {"phone": "13800000003"}, "fields": {"points": 10}},
        {"customer": {"phone": "13800000004"}, "fields": {"phone": "13800000005"}},
        {
            "customer": {"phone": "13800000005"},
            "consents": [{"channel": "fax", "purpose": "marketing", "granted": True}],
        },
    ]
    answer = call.post("/api/customers", {"customers": [WANG, *bad]})
    assert answer.status == 207
    assert [one["status"] for one in answer.json["results"]] == ["created", *["refused"] * 4]
    assert "silver" in answer.json["results"][1]["error"]["message"]
    assert app.store.value("SELECT count(*) FROM person") == 1


def test_many_are_written_in_several_transactions(call: Caller, app: App) -> None:
    many = [{"customer": {"phone": f"138{number:08d}"}, "fields": {"city": "上海"}} for number in range(1, 121)]
    answer = call.post("/api/customers", {"customers": many})
    assert (answer.status, answer.json["taken"]) == (200, 120)
    assert app.store.value("SELECT count(*) FROM person") == 120
