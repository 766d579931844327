"""Channels against the sandbox's SMS providers, and a door on this machine through which they call back."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from automation.kernel import clock
from bots import http as client
from bots.sandbox import process
from bots.sms.channel import AliyunSms, TencentSms
from bots.sms.options import AliyunOptions, TencentOptions
from tests.bots.sms.accounts import Control, Door


@pytest.fixture
def aliyun_control(sandbox: process.Sandbox, control: client.Client) -> Iterator[Control]:
    yield from _control(sandbox, control, "aliyun")


@pytest.fixture
def tencent_control(sandbox: process.Sandbox, control: client.Client) -> Iterator[Control]:
    yield from _control(sandbox, control, "tencent")


def _control(sandbox: process.Sandbox, control: client.Client, platform: str) -> Iterator[Control]:
    def do(word: str, **given: Any) -> Any:
        reply = control.post_json(f"{sandbox.url}/{platform}/{word}", given)
        assert reply.status == 200, reply.body
        return reply.json()

    do("_settings")
    yield do
    do("_settings")


@pytest.fixture
def aliyun(sandbox: process.Sandbox, aliyun_control: Control) -> Iterator[Callable[..., AliyunSms]]:
    made: list[AliyunSms] = []

    def build(now: clock.Clock | None = None, **more: Any) -> AliyunSms:
        channel = AliyunSms("sms_main", AliyunOptions.model_validate({"sandbox": sandbox.url, **more}), now)
        made.append(channel)
        return channel

    yield build
    for channel in made:
        channel.close()


@pytest.fixture
def tencent(sandbox: process.Sandbox, tencent_control: Control) -> Iterator[Callable[..., TencentSms]]:
    made: list[TencentSms] = []

    def build(now: clock.Clock | None = None, **more: Any) -> TencentSms:
        channel = TencentSms("sms_main", TencentOptions.model_validate({"sandbox": sandbox.url, **more}), now)
        made.append(channel)
        return channel

    yield build
    for channel in made:
        channel.close()


@pytest.fixture
def door() -> Iterator[Door]:
    found = Door()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            found.bodies.append(self.rfile.read(int(self.headers["content-length"])))
            status = 500 if found.refuse else 200
            found.refuse = max(0, found.refuse - 1)
            self.send_response(status)
            self.send_header("content-length", str(len(found.answer)))
            self.end_headers()
            self.wfile.write(found.answer)

        def log_message(self, *_: Any) -> None: ...

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    found.url = f"http://127.0.0.1:{server.server_address[1]}/"
    yield found
    server.shutdown()
    server.server_close()
    thread.join(5)
