"""What wechatpy sends with requests goes through our client: where we say, once, and without secrets in errors."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import requests

from bots import http, wechatpy_transport

URL = "https://api.weixin.qq.com/cgi-bin/token?appid=a&secret=S3CRET"


@pytest.fixture
def seen() -> Iterator[list[tuple[str, bytes]]]:
    """What a server got; its address is the first entry. It redirects from /away and fails at /broken."""
    got: list[tuple[str, bytes]] = []

    class Page(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            got.append((self.path, self.rfile.read(int(self.headers.get("content-length", 0)))))
            self.send_response(302 if "away" in self.path else 500 if "broken" in self.path else 200)
            self.send_header("location", "http://127.0.0.1:1/")
            self.send_header("content-length", "8")
            self.end_headers()
            self.wfile.write(b'{"a": 1}')

        do_GET = do_POST

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    got.append((f"http://127.0.0.1:{server.server_port}/wechat", b""))
    yield got
    server.shutdown()
    server.server_close()


def session(base: str | None, timeout: float = 5) -> requests.Session:
    made = requests.Session()
    wechatpy_transport.mount(made, http.Client(timeout=timeout), base)
    return made


def test_official_addresses_lead_below_the_base_with_path_query_and_body(seen: list[tuple[str, bytes]]) -> None:
    made = session(seen[0][0])
    assert made.get(URL).json() == {"a": 1}
    assert made.post("https://mp.weixin.qq.com/x", data="王芳".encode()).status_code == 200
    assert seen[1:] == [("/wechat/cgi-bin/token?appid=a&secret=S3CRET", b""), ("/wechat/x", "王芳".encode())]


def test_redirects_are_answers_not_followed(seen: list[tuple[str, bytes]]) -> None:
    assert session(seen[0][0]).get("https://api.weixin.qq.com/away").status_code == 302
    assert len(seen) == 2


def test_no_error_holds_the_address(seen: list[tuple[str, bytes]]) -> None:
    with pytest.raises(requests.HTTPError) as caught:
        session(seen[0][0]).get("https://api.weixin.qq.com/broken?access_token=S3CRET").raise_for_status()
    assert "S3CRET" not in f"{caught.value!r} {caught.value} {caught.value.response.url}"
    with pytest.raises(http.NotSent) as lost:
        session("http://127.0.0.1:9").get(URL)
    assert "S3CRET" not in f"{lost.value!r} {lost.value}"


def test_what_is_no_https_or_no_get_and_post_does_not_leave(seen: list[tuple[str, bytes]]) -> None:
    made = session(seen[0][0])
    with pytest.raises(requests.exceptions.InvalidSchema):
        made.get("http://api.weixin.qq.com/")
    with pytest.raises(ValueError, match="DELETE"):
        made.delete(URL)
    assert len(seen) == 1
