"""What strangers send: each is refused clearly, none of it is a 500, and nothing of it is taken."""

from __future__ import annotations

import queue
import socket
import time
from collections.abc import Iterator
from typing import Any

import peewee
import pytest

from automation.app import App
from automation.web import callers, connection
from automation.web.server import Edge
from tests.web.caller import KEY, Caller

HEAD = f"POST /api/events HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {KEY}\r\n".encode()
VIEW = b'{"event":"page.viewed","customer":{"phone":"13800000001"}}'


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b'{"a":NaN}', "NaN"),
        (b'{"a":-Infinity}', "Infinity"),
        (b'{"a":1e999}', "too large"),
        (b'{"event":"a","event":"b"}', "twice"),
        (b"\xff\xfe{}", "not UTF-8"),
        (b'{"event":"\xe4\xb8"}', "not UTF-8"),
        (b'{"event":"\\ud800"}', "surrogate"),
        (b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "deeply"),
        (b'{"a":' * 60_000 + b"1" + b"}" * 60_000, "deeply"),
        (b'{"a":' + b"9" * 10_000 + b"}", "too long"),
        (b"\xef\xbb\xbf" + VIEW, "not JSON"),
    ],
)
def test_what_has_no_single_reading_as_json_is_refused(call: Caller, app: App, body: bytes, words: str) -> None:
    answer = call.post("/api/events", body)
    assert answer.status == 400
    assert words in answer.json["error"]["message"]
    assert app.store.value("SELECT count(*) FROM event") == 0


@pytest.mark.parametrize("body", [b"[]", b'"x"', b"1", b"null", b'{"events":{}}', b'{"events":[]}', b'{"events":1}',
                                  b'{"events":[1],"event":"x"}', b"{}"])  # fmt: skip
def test_another_shape_is_refused(call: Caller, body: bytes) -> None:
    assert call.post("/api/events", body).status == 422


def test_too_many_in_one_request(call: Caller) -> None:
    answer = call.post("/api/events", {"events": [1] * 1001})
    assert (answer.status, answer.json["error"]["where"]) == (422, "events")


def test_a_body_that_says_it_is_too_large_is_not_waited_for(call: Caller) -> None:
    answer = call.raw(HEAD + b"content-length: 99999999999\r\n\r\n" + b"x" * 70_000)
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"connection: close" in answer


def test_a_body_that_hides_its_size_is_cut_off(call: Caller) -> None:
    with socket.create_connection(call.place, timeout=15) as made:
        made.sendall(HEAD + b"transfer-encoding: chunked\r\n\r\n")
        piece = b"10000\r\n" + b"x" * 65536 + b"\r\n"
        for _ in range(100):
            made.sendall(piece)
        answer = made.recv(65536)
    assert answer.startswith(b"HTTP/1.1 413 ")


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(connection, "HEAD_TIME", 0.2)
    monkeypatch.setattr(connection, "BODY_TIME", 0.2)
    yield


@pytest.mark.parametrize(
    "start", [b"", b"POST /api/events HTTP/1.1\r\nhost: x\r\n", HEAD + b"content-length: 10\r\n\r\nx"]
)
def test_whoever_sends_slowly_is_cut_off(hasty: None, call: Caller, start: bytes) -> None:
    since = time.monotonic()
    call.raw(start, wait=30)
    assert time.monotonic() - since < 20


def test_a_head_without_end_is_cut_off(call: Caller) -> None:
    answer = b""
    with socket.create_connection(call.place, timeout=15) as made:
        try:
            made.sendall(b"GET /healthz HTTP/1.1\r\nhost: x\r\n")
            for number in range(200):
                made.sendall(b"x-%d: %s\r\n" % (number, b"y" * 1000))
                time.sleep(0.001)
            answer = made.recv(65536)
        except OSError:
            answer = answer or b"HTTP/1.1 431 (reset before it was read)"
    assert answer.startswith(b"HTTP/1.1 431 ")


@pytest.mark.parametrize(
    "text",
    [
        b"\x00\x01\x02\r\n\r\n", b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"GET http://[::1 HTTP/1.1\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\nhost: x\r\n\r\n", b"POST /api/events HTTP/1.1\r\ncontent-length: x\r\n\r\n",
        b"POST /api/events HTTP/1.1\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n",
    ],
)  # fmt: skip
def test_what_is_not_http_ends_with_400(call: Caller, text: bytes) -> None:
    assert call.raw(text).startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 401 "))


@pytest.mark.parametrize("protocol", [b"h2c", b"websocket", b"TLS/1.0, x/9", b""])
@pytest.mark.parametrize("size", [7, 90, 1 << 20])
@pytest.mark.parametrize("extra", [b"", b"Idempotency-Key: k\r\n"])
def test_whoever_asks_for_another_protocol_is_answered_in_this_one(
    call: Caller, app: App, protocol: bytes, size: int, extra: bytes
) -> None:
    """Alone, twice on one connection without waiting, and in pieces; the second is a plain one."""
    body = b"content-length: %d\r\n\r\n" % len(VIEW) + VIEW
    asks = HEAD + b"Connection: keep-alive, Upgrade\r\nUpgrade: " + protocol + b"\r\nx-empty:\r\n" + extra
    text = asks + body + asks + body + HEAD + b"connection: close\r\n" + body
    with socket.create_connection(call.place, timeout=30) as made:
        for start in range(0, len(text), size):
            made.sendall(text[start : start + size])
        answer = b"".join(iter(lambda: made.recv(65536), b""))
    assert answer.count(b"HTTP/1.1 200 OK\r\n") == 3, answer
    assert answer.count(b"HTTP/1.1 ") == 3
    assert app.store.value("SELECT count(*) FROM event") == (2 if extra else 3)


def test_a_chunked_body_behind_an_upgrade_is_read_and_bounded(call: Caller, app: App) -> None:
    asks = HEAD + b"connection: upgrade, close\r\nupgrade: h2c\r\ntransfer-encoding: chunked\r\n\r\n"
    assert b" 200 OK" in call.raw(asks + b"%x\r\n" % len(VIEW) + VIEW + b"\r\n0\r\n\r\n")
    assert app.store.value("SELECT count(*) FROM event") == 1
    large = HEAD + b"connection: upgrade\r\nupgrade: h2c\r\ncontent-length: 99999999999\r\n\r\n"
    assert call.raw(large + b"x" * 70_000).startswith(b"HTTP/1.1 413 ")
    assert call.raw(asks.replace(b"POST", b"GET ", 1) + b"0\r\n\r\n").startswith(b"HTTP/1.1 4")
    assert call.raw(asks + b"no chunk\r\n").startswith(b"HTTP/1.1 400 ")


def test_one_who_asks_for_another_protocol_and_sends_no_body_is_cut_off(hasty: None, call: Caller) -> None:
    since = time.monotonic()
    call.raw(HEAD + b"connection: upgrade\r\nupgrade: h2c\r\ncontent-length: 10\r\n\r\nx", wait=30)
    assert time.monotonic() - since < 20


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/events", 405), ("PUT", "/api/events", 405), ("DELETE", "/api/customers", 405),
        ("OPTIONS", "/api/events", 405), ("POST", "/healthz", 405), ("POST", "/c/x", 405), ("PUT", "/u/x", 405),
        ("BREW", "/healthz", 400), ("GET", "/", 404), ("GET", "/api", 404), ("GET", "/api/events/", 404),
        ("GET", "/../../etc/passwd", 404), ("GET", "/hooks/wechat_main", 404), ("GET", "/%00", 404),
        ("GET", "/hooks/a/b/c", 404), ("GET", "/c/" + "x" * 9000, 404), ("TRACE", "/metrics", 405),
    ],
)  # fmt: skip
def test_other_methods_and_paths(call: Caller, method: str, path: str, status: int) -> None:
    assert call(method, path).status == status


def test_every_answer_is_safe_to_show_and_tells_nothing_of_the_server(call: Caller) -> None:
    for answer in (
        call("GET", "/nothing"),
        call("GET", "/healthz"),
        call.post("/api/events", VIEW),
        call("GET", "/u/x"),
    ):
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert "server" not in answer.headers


@pytest.mark.parametrize(
    "given", ["", "Bearer", "Bearer ", "Bearer wrong", f"Basic {KEY}", f"Bearer {KEY}x", f"Bearer {KEY[:-1]}"]
)
def test_without_a_key_nothing_is_read(call: Caller, app: App, given: str) -> None:
    answer = call("POST", "/api/events", VIEW, {"authorization": given} if given else {})
    assert (answer.status, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert app.store.value("SELECT count(*) FROM event") == 0


def test_a_wrong_key_is_told_from_none_and_nothing_is_told_of_the_right_ones(call: Caller) -> None:
    def told(given: str) -> tuple[str, str]:
        error = call("POST", "/api/events", VIEW, {"authorization": given} if given else {}).json["error"]
        return error["code"], error["message"]

    missing, form, wrong, close = (told(given) for given in ("", KEY, "Bearer x", f"Bearer {KEY[:-1]}"))
    assert (missing[0], form[0], wrong[0]) == ("no_key", "no_key", "wrong_key")
    assert len({missing, form, wrong}) == 3
    assert wrong == close


def test_whoever_guesses_is_put_off_and_others_are_not(call: Caller) -> None:
    def ask(address: str, key: str) -> int:
        return call("POST", "/api/events", VIEW, {"authorization": f"Bearer {key}", "x-forwarded-for": address}).status

    assert [ask("203.0.113.9", "guess") for _ in range(callers.WRONG)] == [401] * callers.WRONG
    last = call("POST", "/api/events", VIEW, {"authorization": "Bearer guess", "x-forwarded-for": "203.0.113.9"})
    assert last.status == 429
    assert int(last.headers["retry-after"]) > 0
    assert ask("203.0.113.10", KEY) == 200
    assert ask("1.1.1.1, 203.0.113.10", KEY) == 200
    assert ask("203.0.113.9, 203.0.113.10", KEY) == 200  # what the caller says of itself stands further left
    assert call.post("/api/events", VIEW).status == 200  # the proxy itself is never put off


def test_keys_of_idempotency_are_bounded(call: Caller) -> None:
    assert call.post("/api/events", VIEW, idempotency_key="x" * 201).status == 400
    assert call.post("/api/events", VIEW, idempotency_key="ключ".encode().decode("latin-1")).status == 400


def test_a_full_disk_is_said_at_once_and_nothing_is_half_done(
    call: Caller, app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    from automation.engine.delivery import reserve

    monkeypatch.setattr(reserve, "free", lambda folder: 0)
    time.sleep(1.1)
    answer = call.post("/api/events", VIEW)
    if app.store.path is None:  # the server's disk is not ours to look at
        assert answer.status == 200
        return
    assert (answer.status, answer.headers["retry-after"]) == (503, "2")
    assert call("GET", "/healthz").status == 200
    assert app.store.value("SELECT count(*) FROM event") == 0


def test_a_taken_port_is_said_with_what_to_do(app: App, edge: Edge) -> None:
    from automation.kernel import errors

    port = int(edge.url.rsplit(":", 1)[1])
    app.settings = app.settings.model_copy(update={"web": app.settings.web.model_copy(update={"port": port})})
    with pytest.raises(errors.ServiceAway, match=f"port {port} .* is taken.*web.port"):
        Edge(app).start()


def test_what_cannot_be_read_at_the_moment_is_asked_for_again(
    call: Caller, app: App, edge: Edge, monkeypatch: pytest.MonkeyPatch
) -> None:
    full: queue.Queue[Any] = queue.Queue(1)
    full.put(None)
    with monkeypatch.context() as busy:
        busy.setattr(edge._context.readers, "_jobs", full)
        answers = [call("GET", "/c/abc"), call("GET", "/u/abc"), call("POST", "/u/abc", b"")]
    with monkeypatch.context() as locked:
        locked.setattr(app.store, "row", _locked)
        answers.append(call.post("/api/events", VIEW, idempotency_key="k"))
    assert [(one.status, one.headers["retry-after"]) for one in answers] == [(503, "2")] * 4


def _locked(*_: object, **__: object) -> None:
    raise peewee.OperationalError("database is locked")
