"""Events over HTTP: one and many, known and new customers, keys, and what is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from automation.app import App
from tests.web.caller import Caller

VIEW = {"event": "page.viewed", "customer": {"phone": "13800000001"}, "properties": {"page": "/a"}}


def order(number: int, **more: Any) -> dict[str, Any]:
    return {
        "event": "order.paid", "customer": {"phone": f"138{number:08d}"}, "id": f"e{number}",
        "properties": {"order_id": f"D{number}", "amount": "299.00"}, **more,
    }  # fmt: skip


def test_an_event_of_a_stranger_makes_them_and_waits_for_the_engine(call: Caller, app: App) -> None:
    answer = call.post("/api/events", order(1))
    assert (answer.status, answer.json) == (200, {"status": "added"})
    rows = app.store.rows("SELECT e.key, e.props, e.source, e.dedupe, q.id IS NOT NULL FROM event e"
                          " JOIN event_queue q ON q.event_id = e.id")  # fmt: skip
    assert [(key, json.loads(props)["amount"], source, dedupe) for key, props, source, dedupe, _ in rows] == [
        ("D1", 29900, "shop", "e1")
    ]
    assert app.store.value("SELECT count(*) FROM identity WHERE kind = 'phone'") == 1


def test_the_same_id_counts_once_also_within_a_batch(call: Caller, app: App) -> None:
    assert call.post("/api/events", order(1)).json == {"status": "added"}
    answer = call.post("/api/events", {"events": [order(1), order(2), order(2)]})
    assert answer.status == 200
    assert [one["status"] for one in answer.json["results"]] == ["known", "added", "known"]
    assert app.store.value("SELECT count(*) FROM event") == 2
    assert app.store.value("SELECT count(*) FROM event_queue") == 2


def test_another_sender_may_use_the_same_ids(call: Caller, app: App) -> None:
    call.post("/api/events", order(1))
    assert call.post("/api/events", order(1), authorization="Bearer till-key").json == {"status": "added"}
    assert app.store.column("SELECT 1 FROM event WHERE source = 'till'")


def test_good_ones_are_taken_and_bad_ones_named_by_their_place(call: Caller, app: App) -> None:
    bad = [order(2, properties={"order_id": "D2", "amount": "12.345"}), order(3, event="order.payed"), 17]
    answer = call.post("/api/events", {"events": [order(1), *bad, order(4)]})
    assert answer.status == 207
    found = answer.json
    assert (found["taken"], found["refused"]) == (2, 3)
    assert [one["status"] for one in found["results"]] == ["added", "refused", "refused", "refused", "added"]
    assert [one["index"] for one in found["results"]] == [0, 1, 2, 3, 4]
    errors = [one["error"] for one in found["results"][1:4]]
    assert (errors[0]["where"], "two decimals" in errors[0]["message"]) == ("properties", True)
    assert (errors[1]["where"], "order.paid" in errors[1]["message"]) == ("event", True)
    assert app.store.value("SELECT count(*) FROM event") == 2


def test_two_identities_of_two_people_prove_that_they_are_one(call: Caller, app: App) -> None:
    call.post("/api/events", order(1))
    call.post("/api/events", {**VIEW, "customer": {"email": "a@example.com"}})
    both = {"phone": "13800000001", "email": "A@example.com"}
    answer = call.post("/api/events", {"events": [{**VIEW, "customer": both}, {**VIEW, "customer": both}]})
    assert answer.json["taken"] == 2
    assert app.store.value("SELECT count(*) FROM person WHERE merged_into IS NULL") == 1
    assert app.store.value("SELECT count(DISTINCT person_id) FROM event") == 1


def test_strangers_of_one_batch_who_share_an_identity_are_one(call: Caller, app: App) -> None:
    people = [{"phone": "13800000001"}, {"phone": "13800000001", "member_no": "M1"}, {"member_no": "M1"}]
    assert call.post("/api/events", {"events": [{**VIEW, "customer": one} for one in people]}).status == 200
    assert app.store.value("SELECT count(*) FROM person WHERE merged_into IS NULL") == 1
    assert app.store.value("SELECT count(DISTINCT person_id) FROM event") == 1


def test_an_openid_is_the_only_account_s(call: Caller, app: App) -> None:
    assert call.post("/api/events", {**VIEW, "customer": {"openid": "o-fake-1"}}).status == 200
    assert app.store.value("SELECT account FROM identity WHERE kind = 'openid'") == "wechat_main"
    refused = call.post("/api/events", {**VIEW, "customer": {"openid": "o-fake-1", "account": "sms_main"}})
    assert (refused.status, refused.json["error"]["where"]) == (422, "customer.account")


def test_a_key_repeats_its_answer_and_refuses_another_body(call: Caller, app: App) -> None:
    first = call.post("/api/events", VIEW, idempotency_key="k-1")
    again = call.post("/api/events", VIEW, idempotency_key="k-1")
    assert (first.body, again.body) == (b'{"status":"added"}', b'{"status":"added"}')
    assert again.headers["idempotency-replayed"] == "true"
    other = call.post("/api/events", order(2), idempotency_key="k-1")
    assert (other.status, other.json["error"]["code"]) == (409, "other_body")
    assert app.store.value("SELECT count(*) FROM event") == 1
    assert call.post("/api/events", VIEW, idempotency_key="k-1", authorization="Bearer till-key").status == 200
    assert app.store.value("SELECT count(*) FROM event") == 2


def test_a_key_makes_a_batch_safe_that_was_written_and_not_answered(call: Caller, app: App) -> None:
    batch = {"events": [VIEW, VIEW, VIEW]}
    call.post("/api/events", batch, idempotency_key="k-2")
    with app.store.write() as tx:  # the process died before it kept the answer
        tx.run("DELETE FROM api_request")
    again = call.post("/api/events", batch, idempotency_key="k-2")
    assert [one["status"] for one in again.json["results"]] == ["known"] * 3
    assert app.store.value("SELECT count(*) FROM event") == 3


def test_a_refusal_is_repeated_too(call: Caller) -> None:
    wrong = {"event": "page.viewed", "customer": {}}
    first = call.post("/api/events", wrong, idempotency_key="k-3")
    again = call.post("/api/events", wrong, idempotency_key="k-3")
    assert (first.status, first.body) == (again.status, again.body)
    assert first.status == 422


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"customer": {"phone": "123"}}, "customer.phone"),
        ({"customer": {"phone": 13800000001}}, "customer.phone"),
        ({"customer": {}}, "customer"),
        ({"customer": {"fax": "1"}}, "customer.fax"),
        ({"event": "message.clicked"}, "event"),
        ({"at": 1_795_330_800_000}, "at.constrained-int"),
        ({"at": "05/03/2024"}, "at"),
        ({"at": -1}, "at.constrained-int"),
        ({"properties": {"pag": "/a"}}, "properties"),
        ({"properties": {"page": {"a": 1}}}, "properties"),
        ({"properties": {"seconds": 10**30}}, "properties"),
        ({"id": ""}, "id"),
        ({"id": " \x00\u2028"}, "id"),
        ({"at": "0001-01-01T00:00:00+14:00"}, "at"),
        ({"properties": {"seconds": "1e999999999"}}, "properties"),
        ({"extra": 1}, "extra"),
    ],
)
def test_what_is_wrong_is_said_with_its_place_and_without_its_value(
    call: Caller, app: App, change: dict[str, Any], where: str
) -> None:
    answer = call.post("/api/events", {**VIEW, **change})
    assert answer.status == 422
    error = answer.json["error"]
    assert error["where"].split(".")[0] == where.split(".")[0]
    assert "13800000001" not in answer.body.decode()
    assert app.store.value("SELECT count(*) FROM event") == 0


def test_an_event_of_tomorrow_counts_from_now(call: Caller, app: App) -> None:
    call.post("/api/events", {**VIEW, "at": app.clock.now() + 86_400})
    assert app.store.value("SELECT at FROM event") == app.clock.now()


def test_text_that_no_database_takes_is_cleaned_or_refused(call: Caller, app: App) -> None:
    page = {**VIEW, "properties": {"page": "a\x00b\nc]]>😀"}}
    assert call.post("/api/events", page).status == 200
    assert "a b c]]>😀" in str(app.store.value("SELECT props FROM event"))


def test_files_that_change_are_followed(call: Caller, app: App) -> None:
    new = {"event": "visit.made", "customer": {"phone": "13800000001"}}
    assert call.post("/api/events", new).status == 422
    path = app.settings.folders.journeys / "catalog.yaml"
    path.write_text(path.read_text() + "  visit.made: {title: 到店}\n", encoding="utf-8")
    app.reload()
    assert call.post("/api/events", new).json == {"status": "added"}
