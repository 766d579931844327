from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from automation.kernel.ports import Denied, Reason, Unknown
from bots import http
from tests import ports

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


def read_request(connection: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        piece = connection.recv(65536)
        if not piece:
            return b""
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    length = next((int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0)
    while len(body) < length:
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


@contextmanager
def server(behave: Callable[[socket.socket, int], None], backlog: int = 16) -> Iterator[str]:
    """Calls `behave(connection, number of the request)` for each request of every connection."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=backlog)

    def serve(connection: socket.socket) -> None:
        with connection:
            number = 0
            while True:
                try:
                    behave(connection, number)
                except OSError:
                    return
                number += 1

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}/path?secret=S3CRET"
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()


def request_or_end(connection: socket.socket) -> bytes:
    data = read_request(connection)
    if not data:
        raise OSError("end")
    return data


def test_json_arrives_as_utf8_over_one_kept_connection() -> None:
    seen: list[tuple[int, bytes]] = []

    def behave(connection: socket.socket, number: int) -> None:
        seen.append((number, request_or_end(connection)))
        connection.sendall(b'HTTP/1.1 200 OK\r\nX-A: 1\r\nx-a: 2\r\nContent-Length: 9\r\n\r\n{"a":"b"}')

    client = http.Client(timeout=30)
    with server(behave) as url:
        replies = [client.post_json(url, {"name": "王芳"}, {"X-Own": "1"}) for _ in range(3)]
    assert [reply.json() for reply in replies] == [{"a": "b"}] * 3
    assert replies[0].headers["x-a"] == "2"
    assert [number for number, _ in seen] == [0, 1, 2]
    assert '{"name":"王芳"}'.encode() in seen[0][1]
    assert b"X-Own: 1" in seen[0][1]
    assert b"expect" not in seen[0][1].lower()


def test_a_refused_connection_sent_nothing() -> None:
    with pytest.raises(http.NotSent) as caught:
        http.Client(timeout=30).post_json(f"http://127.0.0.1:{ports.refusing()}/", {})
    assert caught.value.outcome() == Denied(Reason.UNAVAILABLE, "refused", permanent=False)


def test_a_name_that_does_not_exist_sent_nothing() -> None:
    with pytest.raises(http.NotSent):
        http.Client(timeout=30).post_json("http://nowhere.invalid/", {})


def test_a_connection_that_is_never_completed_sent_nothing() -> None:
    listener = socket.create_server(("127.0.0.1", 0), backlog=0)
    full = [socket.socket() for _ in range(8)]
    for one in full:
        one.setblocking(False)
        one.connect_ex(listener.getsockname())
    try:
        with pytest.raises(http.NotSent) as caught:
            http.Client(timeout=30, connect_timeout=0.2).post_json(f"http://127.0.0.1:{listener.getsockname()[1]}/", {})
        assert caught.value.code == "timeout"
    finally:
        for one in [*full, listener]:
            one.close()


def test_silence_after_the_request_leaves_it_unknown() -> None:
    def behave(connection: socket.socket, number: int) -> None:
        request_or_end(connection)

    with server(behave) as url, pytest.raises(http.AnswerLost) as caught:
        http.Client(timeout=0.3).post_json(url, {"a": 1})
    assert caught.value.outcome() == Unknown("timeout")


def test_an_answer_that_drips_for_ever_is_given_up_in_time() -> None:
    def behave(connection: socket.socket, number: int) -> None:
        request_or_end(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
        while True:
            connection.sendall(b"x")
            threading.Event().wait(0.02)

    with server(behave) as url, pytest.raises(http.AnswerLost):
        http.Client(timeout=0.4).post_json(url, {"a": 1})


@pytest.mark.parametrize("kept", [0, 1])
def test_a_request_is_never_repeated_when_the_connection_dies(kept: int) -> None:
    bodies: list[bytes] = []

    def behave(connection: socket.socket, number: int) -> None:
        bodies.append(request_or_end(connection))
        if number < kept:
            connection.sendall(OK)
        else:
            connection.shutdown(socket.SHUT_RDWR)

    client = http.Client(timeout=30)
    with server(behave) as url:
        for _ in range(kept):
            client.post(url, b"1")
        with pytest.raises(http.AnswerLost):
            client.post(url, b"2")
    assert len(bodies) == kept + 1


def test_a_connection_closed_while_idle_is_replaced_quietly() -> None:
    def behave(connection: socket.socket, number: int) -> None:
        request_or_end(connection)
        connection.sendall(OK)
        connection.shutdown(socket.SHUT_RDWR)

    client = http.Client(timeout=30)
    with server(behave) as url:
        for _ in range(3):
            assert client.post(url, b"x").status == 200
            threading.Event().wait(0.05)


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + b"x" * 100_000,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"2000\r\n" + b"x" * 0x2000 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort",
        b"this is not HTTP\r\n\r\n",
    ],
    ids=["too long", "chunks without end", "cut short", "no HTTP"],
)
def test_an_answer_that_is_too_long_or_broken_is_unknown(answer: bytes) -> None:
    def behave(connection: socket.socket, number: int) -> None:
        request_or_end(connection)
        connection.sendall(answer)
        connection.shutdown(socket.SHUT_RDWR)

    with server(behave) as url, pytest.raises(http.AnswerLost):
        http.Client(timeout=30, max_bytes=4096).post_json(url, {"a": 1})


def test_redirects_are_answers_not_followed() -> None:
    def behave(connection: socket.socket, number: int) -> None:
        request_or_end(connection)
        connection.sendall(b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n")

    with server(behave) as url:
        assert http.Client(timeout=30).post_json(url, {}).status == 302


def test_the_proxy_of_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{ports.refusing()}")
    monkeypatch.setenv("ALL_PROXY", f"http://127.0.0.1:{ports.refusing()}")

    def behave(connection: socket.socket, number: int) -> None:
        request_or_end(connection)
        connection.sendall(OK)

    with server(behave) as url:
        assert http.Client(timeout=30).post_json(url, {}).status == 200


def test_errors_hold_no_path_query_body_or_password() -> None:
    url = f"http://user:PASSW0RD@127.0.0.1:{ports.refusing()}/hook/T0KEN?access_token=S3CRET"
    with pytest.raises(http.TransportError) as caught:
        http.Client(timeout=30).post_json(url, {"phone": "13800000001"})
    shown = f"{caught.value!r} {caught.value} {caught.value.__cause__!r} {caught.value.__suppress_context__}"
    for secret in ("PASSW0RD", "T0KEN", "S3CRET", "13800000001"):
        assert secret not in shown
    assert "127.0.0.1" in shown


def test_a_header_with_a_line_break_is_refused_before_anything_leaves() -> None:
    with pytest.raises(ValueError, match="line break"):
        http.Client().post_json("http://127.0.0.1:1/", {}, {"X-A": "1\r\nX-B: 2"})


def test_text_that_is_not_json_is_a_value_error_without_the_text() -> None:
    with pytest.raises(ValueError, match=r"^the answer is not JSON$"):
        http.Reply(200, {}, b"13800000001 <html>").json()


@pytest.mark.parametrize(
    ("value", "seconds"), [("7", 7), ("", None), ("Sun, 22 Nov 2026 07:00:00 GMT", None), ("-1", None)]
)
def test_retry_after_is_read_as_seconds(value: str, seconds: int | None) -> None:
    assert http.Reply(429, {"retry-after": value}, b"").retry_after == seconds


def test_eight_threads_share_a_client() -> None:
    def behave(connection: socket.socket, number: int) -> None:
        body = request_or_end(connection).partition(b"\r\n\r\n")[2]
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)

    client = http.Client(timeout=30)
    wrong: list[str] = []

    def work(thread: int) -> None:
        for n in range(40):
            sent = f"{thread}:{n}".encode() * 50
            if client.post(url, sent).body != sent:
                wrong.append("mixed up")

    with server(behave) as url:
        threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert wrong == []


def test_a_certificate_must_be_trusted(pem: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        for _ in range(2):
            connection, _ = listener.accept()
            try:
                with context.wrap_socket(connection, server_side=True) as secure:
                    request_or_end(secure)
                    secure.sendall(OK)
            except OSError:
                connection.close()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    url = f"https://127.0.0.1:{listener.getsockname()[1]}/"
    with pytest.raises(http.NotSent) as caught:
        http.Client(timeout=30).post_json(url, {})
    assert caught.value.code == "certificate"
    trusting = http.Client(timeout=30, ca_file=str(pem))
    assert trusting.post_json(url, {}).status == 200
    trusting.close()
    thread.join(30)
    listener.close()


def echo(connection: socket.socket, number: int) -> None:
    body = request_or_end(connection).partition(b"\r\n\r\n")[2]
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)


def posts(url: str, *bodies: bytes) -> list[http.Post]:
    return [http.Post(url, body) for body in bodies]


def test_many_requests_are_on_their_way_at_once_and_answered_in_order() -> None:
    together = threading.Barrier(20)

    def behave(connection: socket.socket, number: int) -> None:
        body = request_or_end(connection).partition(b"\r\n\r\n")[2]
        together.wait(30)  # nobody is answered before all have arrived
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)

    client = http.Client(timeout=30)
    sent = [b"%d" % n for n in range(20)]
    with server(behave, backlog=64) as url:
        for _ in range(3):
            answers = client.post_many(posts(url, *sent))
            assert [answer.body for answer in answers if isinstance(answer, http.Reply)] == sent


def test_many_requests_use_kept_connections() -> None:
    seen: list[int] = []

    def behave(connection: socket.socket, number: int) -> None:
        request_or_end(connection)
        seen.append(number)  # before the answer: the client may be done with the last one at once
        connection.sendall(OK)

    client = http.Client(timeout=30)
    with server(behave, backlog=64) as url:
        for _ in range(4):
            client.post_many(posts(url, b"a", b"b", b"c"))
    assert sorted(seen) == sorted([0, 1, 2, 3] * 3)


def test_of_many_requests_each_fails_for_itself() -> None:
    def behave(connection: socket.socket, number: int) -> None:
        body = request_or_end(connection).partition(b"\r\n\r\n")[2]
        if body == b"hang up":
            connection.shutdown(socket.SHUT_RDWR)
        elif body == b"long":
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + b"x" * 100_000)
        elif body != b"silence":
            connection.sendall(OK)

    client = http.Client(timeout=2, max_bytes=4096)
    with server(behave) as url:
        wanted = posts(url, b"fine", b"hang up", b"silence", b"long")
        wanted.append(http.Post(f"http://127.0.0.1:{ports.refusing()}/?s=S3CRET", b"x"))
        fine, gone, silent, long, refused = client.post_many(wanted)
    assert isinstance(fine, http.Reply)
    assert isinstance(gone, http.AnswerLost)
    assert isinstance(silent, http.AnswerLost)
    assert silent.outcome() == Unknown("timeout")
    assert isinstance(long, http.AnswerLost)
    assert long.code == "answer_too_large"
    assert isinstance(refused, http.NotSent)
    assert "S3CRET" not in f"{refused!r} {wanted!r}"


@pytest.mark.parametrize("kept", [0, 1])
def test_none_of_many_requests_is_repeated_when_its_connection_dies(kept: int) -> None:
    bodies: list[bytes] = []

    def behave(connection: socket.socket, number: int) -> None:
        bodies.append(request_or_end(connection))
        if number < kept:
            connection.sendall(OK)
        else:
            connection.shutdown(socket.SHUT_RDWR)

    client = http.Client(timeout=30)
    with server(behave) as url:
        for _ in range(kept):
            client.post_many(posts(url, b"1", b"1"))
        answers = client.post_many(posts(url, b"2", b"3"))
    assert [type(answer) for answer in answers] == [http.AnswerLost] * 2
    assert len(bodies) == 2 * kept + 2


def test_connections_closed_while_idle_are_replaced_quietly_for_many() -> None:
    def behave(connection: socket.socket, number: int) -> None:
        request_or_end(connection)
        connection.sendall(OK)
        connection.shutdown(socket.SHUT_RDWR)

    client = http.Client(timeout=30)
    with server(behave) as url:
        for _ in range(3):
            answers = client.post_many(posts(url, b"x", b"y", b"z"))
            assert [type(answer) for answer in answers] == [http.Reply] * 3
            threading.Event().wait(0.05)


def test_a_bad_header_among_many_stops_all_before_anything_leaves() -> None:
    seen: list[bytes] = []

    def behave(connection: socket.socket, number: int) -> None:
        seen.append(request_or_end(connection))
        connection.sendall(OK)

    client = http.Client(timeout=30)
    with server(behave) as url:
        with pytest.raises(ValueError, match="line break"):
            client.post_many([*posts(url, b"a"), http.Post(url, b"b", {"X": "1\n2"})])
        assert [type(answer) for answer in client.post_many(posts(url, b"c"))] == [http.Reply]
    assert len(seen) == 1


def test_no_requests_are_no_answers() -> None:
    assert http.Client().post_many([]) == []


def test_eight_threads_send_many_at_once() -> None:
    client = http.Client(timeout=30)
    wrong: list[str] = []

    def work(thread: int) -> None:
        for turn in range(5):
            sent = [f"{thread}:{turn}:{n}".encode() for n in range(10)]
            answers = client.post_many(posts(url, *sent))
            if [answer.body for answer in answers if isinstance(answer, http.Reply)] != sent:
                wrong.append("mixed up")

    with server(echo, backlog=256) as url:
        threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert wrong == []


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (429, Denied(Reason.RATE_LIMITED, "http_429", permanent=False, retry_after=9)),
        (503, Denied(Reason.UNAVAILABLE, "http_503", permanent=False, retry_after=9)),
        (404, Denied(Reason.NOT_ALLOWED, "http_404", permanent=False)),
        (302, Denied(Reason.NOT_ALLOWED, "http_302", permanent=False)),
        (500, Unknown("http_500")),
    ],
)
def test_a_status_that_is_not_200_is_told_in_the_common_words(status: int, outcome: object) -> None:
    assert http.refusal(http.Reply(status, {"retry-after": "9"}, b"")) == outcome
