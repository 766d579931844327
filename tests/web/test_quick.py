"""The quick way of single events and callbacks: it answers as the ordinary way does, whatever way requests arrive."""

from __future__ import annotations

import json
import re
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from automation.app import App
from automation.web import writer
from automation.web.server import Edge
from tests.web.caller import KEY, Caller


def event(number: int) -> dict[str, Any]:
    return {"event": "order.paid", "customer": {"phone": "13800000001"}, "id": f"e{number}",
            "properties": {"order_id": f"D{number}", "amount": "9.90"}}  # fmt: skip


def request(content: Any, *headers: str, version: str = "1.1") -> bytes:
    body = json.dumps(content).encode()
    lines = [f"POST /api/events HTTP/{version}", "host: x", f"authorization: Bearer {KEY}", *headers]
    return "\r\n".join([*lines, f"content-length: {len(body)}", "", ""]).encode() + body


def heads(answer: bytes) -> list[str]:
    return re.findall(r"HTTP/1\.1 \d+ [^\r]+", answer.decode())


def events(app: App) -> int:
    return int(app.store.value("SELECT count(*) FROM event"))


def test_it_answers_with_the_headers_of_the_ordinary_way(call: Caller) -> None:
    quick = call.post("/api/events", event(1))
    ordinary = call.post("/api/events", event(2), idempotency_key="k")
    assert (quick.status, quick.body) == (ordinary.status, ordinary.body) == (200, b'{"status":"added"}')
    assert quick.headers.keys() == ordinary.headers.keys()
    assert {name: text for name, text in quick.headers.items() if name != "date"} == {
        name: text for name, text in ordinary.headers.items() if name != "date"
    }


def test_a_request_may_come_in_pieces(call: Caller, app: App) -> None:
    whole = request(event(1), "connection: close")
    with socket.create_connection(call.place, timeout=15) as made:
        for start in range(0, len(whole), 60):
            made.sendall(whole[start : start + 60])
            time.sleep(0.002)
        answer = b"".join(iter(lambda: made.recv(4096), b""))
    assert (heads(answer), events(app)) == (["HTTP/1.1 200 OK"], 1)


def test_requests_sent_without_waiting_are_all_answered_in_order(call: Caller, app: App) -> None:
    wrong = {**event(2), "event": "order.payed"}
    answer = call.raw(
        request(event(1)) + request(wrong) + request(event(1)) + request(event(3), "connection: close"), wait=15
    )
    assert [line.split()[1] for line in heads(answer)] == ["200", "422", "200", "200"]
    assert answer.index(b"added") < answer.index(b"order.paid") < answer.index(b"known") < answer.rindex(b"added")
    assert events(app) == 2


@pytest.mark.parametrize(("version", "header"), [("1.1", "connection: close"), ("1.0", "x-none: 1")])
def test_a_connection_ends_where_the_sender_wants_it(call: Caller, version: str, header: str) -> None:
    answer = call.raw(request(event(1), header, version=version), wait=5)
    assert heads(answer) == ["HTTP/1.1 200 OK"]
    assert b"\r\nconnection: close\r\n" in answer


def test_a_sender_who_asks_before_the_body_is_told_to_go_on(call: Caller, app: App) -> None:
    head, _, body = request(event(1), "expect: 100-continue", "connection: close").partition(b"\r\n\r\n")
    with socket.create_connection(call.place, timeout=15) as made:
        made.sendall(head + b"\r\n\r\n")
        assert made.recv(100).startswith(b"HTTP/1.1 100 ")
        made.sendall(body)
        answer = b"".join(iter(lambda: made.recv(4096), b""))
    assert (heads(answer), events(app)) == (["HTTP/1.1 200 OK"], 1)


def test_a_long_request_takes_the_ordinary_way(call: Caller, app: App) -> None:
    whole = request({"events": [event(number) for number in range(900)]}, "connection: close")
    with socket.create_connection(call.place, timeout=5) as made:
        for start in range(0, len(whole), 70_000):  # reading pauses after 64 KB until somebody asks for more
            made.sendall(whole[start : start + 70_000])
            time.sleep(0.05)
        answer = b"".join(iter(lambda: made.recv(65536), b""))
    assert (heads(answer), events(app)) == (["HTTP/1.1 200 OK"], 900)


def test_what_is_wrong_is_said_in_full(call: Caller, app: App) -> None:
    assert call.post("/api/events", event(1), authorization="Bearer a-guess").status == 401
    assert call.post("/api/events", b"{").status == 400
    assert call.post("/api/events", {**event(1), "customer": {"phone": "1"}}).json["error"]["where"] == "customer.phone"
    assert events(app) == 0


def test_all_are_counted(call: Caller) -> None:
    call.post("/api/events", event(1))
    call.post("/api/events", {**event(1), "extra": 1})
    text = call("GET", "/metrics").body.decode()
    assert 'lucheng_web_requests_total{route="api/events",status="200"} 1.0' in text
    assert 'lucheng_web_requests_total{route="api/events",status="422"} 1.0' in text


def test_when_too_much_waits_the_sender_comes_again(call: Caller, app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as full:
        full.setattr(writer, "MOST", 0)
        answer = call.post("/api/events", event(1))
    assert (answer.status, answer.headers["retry-after"]) == (503, "2")
    assert call.post("/api/events", event(1)).json == {"status": "added"}
    assert events(app) == 1


@pytest.fixture
def no_third(app: App) -> Iterator[None]:
    """A database that refuses the order D3."""
    sqlite = "CREATE TRIGGER no BEFORE INSERT ON event WHEN NEW.key = 'D3' BEGIN SELECT RAISE(ABORT, 'no'); END"
    postgres = "ALTER TABLE event ADD CONSTRAINT no CHECK (key <> 'D3')"
    is_sqlite = app.store.path is not None
    with app.store.write() as tx:
        tx.run(sqlite if is_sqlite else postgres)
    yield
    with app.store.write() as tx:  # the next test has the same PostgreSQL
        tx.run("DROP TRIGGER no" if is_sqlite else "ALTER TABLE event DROP CONSTRAINT no")


def test_one_that_cannot_be_stored_is_alone_with_it(call: Caller, app: App, no_third: None) -> None:
    found: dict[int, int] = {}

    def send(number: int) -> None:
        found[number] = call.post("/api/events", event(number)).status

    threads = [threading.Thread(target=send, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {number: 422 if number == 3 else 200 for number in range(8)}
    assert events(app) == 7


def test_what_was_begun_is_answered_though_the_edge_stops(edge: Edge, call: Caller, app: App) -> None:
    answers = []
    with socket.create_connection(call.place, timeout=15) as made:
        with app.store.write():  # on SQLite nobody else can write meanwhile
            made.sendall(request(event(1)))
            time.sleep(0.05)
            stopping = threading.Thread(target=edge.stop)
            stopping.start()
            time.sleep(0.05)
        answers.append(b"".join(iter(lambda: made.recv(4096), b"")))
        stopping.join()
    assert (heads(answers[0]), events(app)) == (["HTTP/1.1 200 OK"], 1)


def test_whoever_leaves_before_the_answer_disturbs_nobody(call: Caller, app: App) -> None:
    with app.store.write(), socket.create_connection(call.place, timeout=15) as made:
        made.sendall(request(event(1)))
        time.sleep(0.05)
    assert call.post("/api/events", event(2)).status == 200
    assert events(app) == 2
