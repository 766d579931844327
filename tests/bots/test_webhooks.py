"""Web hooks against a real server on loopback."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from automation.kernel.ports import Accepted, Denied, Outcome, Reason
from bots.webhooks import Poster


class Receiver(BaseHTTPRequestHandler):
    """Answers with the status that the path names, and keeps what came."""

    seen: list[tuple[str, bytes]] = []  # noqa: RUF012

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.seen.append((self.headers["webhook-id"], body))
        self.send_response(int(self.path[1:]))
        self.send_header("content-length", "0")
        self.send_header("retry-after", "7")
        self.end_headers()

    def log_message(self, *arguments: object) -> None: ...


@pytest.fixture
def url() -> Iterator[str]:
    Receiver.seen.clear()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_body_and_headers_arrive_as_given(url: str) -> None:
    assert Poster().post(f"{url}/204", b'{"a":1}', {"webhook-id": "w1"}) == Accepted()
    assert Receiver.seen == [("w1", b'{"a":1}')]


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (200, Accepted()),
        (400, Denied(Reason.BAD_CONTENT, "400", permanent=True)),
        (408, Denied(Reason.UNAVAILABLE, "408", permanent=False)),
        (410, Denied(Reason.BAD_CONTENT, "410", permanent=True)),
        (429, Denied(Reason.RATE_LIMITED, "429", permanent=False, retry_after=7)),
        (500, Denied(Reason.UNAVAILABLE, "500", permanent=False)),
        (302, Denied(Reason.UNAVAILABLE, "302", permanent=False)),
    ],
)
def test_what_an_answer_means(url: str, status: int, outcome: Outcome) -> None:
    assert Poster().post(f"{url}/{status}", b"{}", {"webhook-id": "w1"}) == outcome


def test_a_receiver_that_is_away_is_tried_again_later() -> None:
    answer = Poster().post("http://127.0.0.1:9/200", b"{}", {})
    assert isinstance(answer, Denied)
    assert not answer.permanent
