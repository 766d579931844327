"""Heads that come again: the same bytes are read once, and mean afterwards what they meant the first time."""

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
from automation.web import connection, heads, server, writer
from automation.web.heads import Head, Heads
from automation.web.server import Edge
from tests.web.caller import KEY, Caller

SCOPE = {"query_string": b""}


def take(scope: Any, body: bytes, answer: Any) -> bool:
    return True


# -- what is kept ------------------------------------------------------------------------------------------------


def kept(piece: bytes, body: bytes, query: bytes = b"") -> Head | None:
    known = Heads()
    known.keep(piece, {"query_string": query}, body, take)
    return known.find(piece)


def test_a_piece_that_is_head_and_body_is_kept() -> None:
    found = kept(b"POST / HTTP/1.1\r\na: b\r\n\r\n{}", b"{}")
    assert found is not None
    assert (found.start, found.whole) == (25, 27)


@pytest.mark.parametrize(
    ("piece", "body"),
    [
        (b"POST / HTTP/1.1\r\na: b\r\n\r\n{}POST ", b"{}"),  # the next one begins
        (b"POST / HTTP/1.1\r\na: b\r\n\r\n2\r\n{}\r\n0\r\n\r\n", b"{}"),  # in chunks
        (b"\r\n\r\nPOST / HTTP/1.1\r\na: b\r\n\r\n{}", b"{}"),  # empty lines before it
        (b"a: b\r\n\r\n{", b"{}"),  # the rest of it
        (b"", b"{}"),
        (b"POST / HTTP/1.1\r\na: " + b"b" * heads.LONGEST + b"\r\n\r\n{}", b"{}"),
        (b"POST / HTTP/1.1\r\na: b\r\n\r\n{}", b"[]"),
    ],
)
def test_nothing_else_is_kept(piece: bytes, body: bytes) -> None:
    assert kept(piece, body) is None


def test_what_has_a_query_is_not_kept() -> None:
    assert kept(b"POST /?a HTTP/1.1\r\na: b\r\n\r\n{}", b"{}", query=b"a") is None


def test_a_body_of_another_length_is_not_found_by_the_same_head() -> None:
    known = Heads()
    head = b"POST / HTTP/1.1\r\na: b\r\n\r\n"
    known.keep(head + b"{}", SCOPE, b"{}", take)
    assert known.find(head + b"[]") is not None
    assert [known.find(head + body) for body in (b"", b"{", b"{} ", b"{}" + head + b"{}")] == [None] * 4


def test_a_sender_whose_heads_never_repeat_fills_no_memory() -> None:
    known = Heads()
    for number in range(3 * heads.KEPT):
        known.keep(b"POST / HTTP/1.1\r\na: %d\r\n\r\n{}" % number, SCOPE, b"{}", take)
    assert len(known._known) <= heads.KEPT


# -- over a connection -------------------------------------------------------------------------------------------


@pytest.fixture
def again(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[bool]]:
    """Of each request that began a piece, whether its head was known."""
    seen: list[bool] = []
    find = Heads.find

    def watched(known: Heads, piece: bytes) -> Head | None:
        found = find(known, piece)
        seen.append(found is not None)
        return found

    monkeypatch.setattr(Heads, "find", watched)
    yield seen


def event(number: int, name: str = "order.paid") -> bytes:
    return json.dumps({"event": name, "customer": {"phone": "13800000001"}, "id": f"e{number}",
                       "properties": {"order_id": f"D{number}", "amount": "9.90"}}).encode()  # fmt: skip


def request(body: bytes, *headers: str) -> bytes:
    lines = ["POST /api/events HTTP/1.1", "host: x", f"authorization: Bearer {KEY}", *headers]
    return "\r\n".join([*lines, f"content-length: {len(body)}", "", ""]).encode() + body


def answer(made: socket.socket) -> tuple[int, Any]:
    """The next one of a connection, read to its end and no further."""
    text = b""
    while (end := text.find(b"\r\n\r\n") + 4) == 3:
        piece = made.recv(1)
        assert piece, "the connection was closed"
        text += piece
    found = re.search(rb"content-length: (\d+)", text)
    assert found is not None
    while len(text) < end + int(found[1]):
        text += made.recv(end + int(found[1]) - len(text))
    return int(text[9:12]), json.loads(text[end:])


@pytest.fixture
def made(call: Caller) -> Iterator[socket.socket]:
    with socket.create_connection(call.place, timeout=30) as connected:
        yield connected


def say(made: socket.socket, body: bytes, *headers: str) -> tuple[int, Any]:
    made.sendall(request(body, *headers))
    return answer(made)


def wait_for(seen: list[bool], count: int) -> None:
    """Until so many pieces were looked at."""
    until = time.monotonic() + 30
    while len(seen) < count:
        assert time.monotonic() < until
        time.sleep(0.002)


def until_nobody_listens(place: tuple[str, int]) -> None:
    until = time.monotonic() + 30
    while time.monotonic() < until:
        try:
            socket.create_connection(place, timeout=30).close()
        except ConnectionError:
            return
        time.sleep(0.002)
    raise AssertionError("the edge listens still")


def events(app: App) -> int:
    return int(app.store.value("SELECT count(*) FROM event"))


def test_the_same_head_with_another_body_tells_another_event(again: list[bool], made: socket.socket, app: App) -> None:
    found = [say(made, event(number)) for number in (1, 2, 2, 3)]
    assert found == [(200, {"status": status}) for status in ("added", "added", "known", "added")]
    assert again == [False, True, True, True]
    assert events(app) == 3


def test_other_connections_know_it_too(again: list[bool], made: socket.socket, call: Caller, app: App) -> None:
    say(made, event(1))
    with socket.create_connection(call.place, timeout=30) as other:
        assert say(other, event(2)) == (200, {"status": "added"})
    assert (again, events(app)) == ([False, True], 2)


def test_what_is_wrong_with_a_body_is_said_as_ever(again: list[bool], made: socket.socket, app: App) -> None:
    good = event(1)
    say(made, good)
    assert say(made, good[:-1] + b" ")[1]["error"]["code"] == "not_json"
    assert say(made, event(1, "order.pai!"))[1]["error"]["where"] == "event"
    assert say(made, event(2)) == (200, {"status": "added"})
    assert (again, events(app)) == ([False, True, True, True], 2)


def test_of_a_head_with_another_key_or_an_idempotency_key_nothing_is_known(
    again: list[bool], made: socket.socket, app: App
) -> None:
    say(made, event(1))
    wrong = request(event(2)).replace(KEY.encode(), b"x" * len(KEY))
    for _ in range(2):
        made.sendall(wrong)
        assert answer(made)[0] == 401
    assert [say(made, event(3), "idempotency-key: k")[0] for _ in range(2)] == [200, 200]
    assert (any(again), events(app)) == (False, 2)


def test_requests_that_follow_without_waiting_are_answered_in_order(
    again: list[bool], made: socket.socket, app: App
) -> None:
    say(made, event(0))
    with app.store.write():  # on SQLite the first is at work until this ends
        made.sendall(request(event(1)))
        wait_for(again, 2)
        made.sendall(request(b"{}") + request(event(2)) + request(event(2)))
        time.sleep(0.05)
        made.sendall(request(event(3)))
    found = [answer(made) for _ in range(5)]
    assert [status for status, _ in found] == [200, 422, 200, 200, 200]
    assert [told["status"] for status, told in found if status == 200] == ["added", "added", "known", "added"]
    assert again[1]
    assert events(app) == 4


def test_a_request_that_comes_in_pieces_is_read_as_ever(again: list[bool], made: socket.socket, app: App) -> None:
    say(made, event(1))
    for start in range(0, len(whole := request(event(2))), 60):
        made.sendall(whole[start : start + 60])
        time.sleep(0.002)
    assert answer(made) == (200, {"status": "added"})
    assert say(made, event(3)) == (200, {"status": "added"})
    assert events(app) == 3


def test_one_at_work_is_answered_though_the_edge_stops(
    again: list[bool], made: socket.socket, edge: Edge, app: App
) -> None:
    say(made, event(1))
    with app.store.write():
        made.sendall(request(event(2)))
        wait_for(again, 2)
        stopping = threading.Thread(target=edge.stop)
        stopping.start()
        until_nobody_listens(Caller(edge.url).place)
    assert answer(made) == (200, {"status": "added"})
    assert made.recv(1) == b""
    stopping.join()
    assert events(app) == 2


def test_whoever_leaves_before_the_answer_disturbs_nobody(
    again: list[bool], made: socket.socket, call: Caller, app: App
) -> None:
    say(made, event(1))
    with app.store.write():
        made.sendall(request(event(2)))
        wait_for(again, 2)
        made.close()
    assert call.post("/api/events", event(3)).status == 200
    assert events(app) == 3


def test_when_too_much_waits_the_sender_comes_again(
    again: list[bool], made: socket.socket, app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    say(made, event(1))
    with monkeypatch.context() as full:
        full.setattr(writer, "MOST", 0)
        assert say(made, event(2))[0] == 503
    assert say(made, event(2))[0] == 200
    assert (again, events(app)) == ([False, True, True], 2)


def test_connections_that_rest_are_closed_whatever_was_the_last_they_sent(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "KEEP_ALIVE", 1)
    edge = Edge(app)
    edge.start()
    place = Caller(edge.url).place
    read, known, dropped = (socket.create_connection(place, timeout=30) for _ in range(3))
    with read, known, dropped:
        assert [say(one, event(number))[0] for number, one in enumerate((read, known))] == [200, 200]
        dropped.sendall(request(b"x" * (5 << 20)))
        assert answer(dropped)[0] == 413
        assert [one.recv(1) for one in (read, known, dropped)] == [b""] * 3
    edge.stop()


def test_a_connection_in_use_outlives_its_timer(edge: Edge, made: socket.socket, app: App) -> None:
    say(made, event(1))
    say(made, event(2))
    server, context = edge._server, edge._context
    assert server is not None
    assert context.writer._loop is not None
    for one in server.server_state.connections:
        context.writer._loop.call_soon_threadsafe(one.timeout_keep_alive_handler)  # as if it had rested long
    assert say(made, event(3)) == (200, {"status": "added"})


def test_a_body_that_is_too_large_is_refused_with_words_and_the_connection_goes_on(
    made: socket.socket, app: App
) -> None:
    made.sendall(request(b"x" * (5 << 20)))  # all of it before the answer is looked at
    status, told = answer(made)
    assert (status, told["error"]["code"]) == (413, "too_large")
    assert say(made, event(1)) == (200, {"status": "added"})


def test_whoever_asks_before_a_body_that_is_too_large_need_not_send_it(made: socket.socket) -> None:
    head = request(b"x" * (5 << 20), "expect: 100-continue").partition(b"\r\n\r\n")[0]
    made.sendall(head + b"\r\n\r\n")
    assert answer(made)[0] == 413


def test_what_follows_an_answer_is_dropped_only_up_to_a_bound(
    made: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "DROPPED", 1 << 20)
    made.sendall(request(b"", "transfer-encoding: chunked").replace(b"content-length: 0\r\n", b""))
    piece = b"10000\r\n" + b"x" * 65536 + b"\r\n"
    with pytest.raises(OSError):
        for _ in range(1000):
            made.sendall(piece)
