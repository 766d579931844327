"""How fast messages leave over HTTP, one request each: the official account's channel, a provider that thinks.

`python -m bench.http [--messages N]`: the provider is another process that answers every request after 50 ms and takes
any number at a time. A table of ways to send, then one line of JSON with the channel's figures.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import queue
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, cast

import uvloop

from automation.kernel.ports import Accepted, Message
from bench import measure
from bots import http
from bots.wechat.channel import CUSTOMER_SERVICE, PATHS, WechatChannel
from bots.wechat.limits import TOGETHER
from bots.wechat.options import WechatOptions

THINKS: Final = 0.05  # seconds before each answer
THREADS: Final = 4  # as `connections` of a channel
LIMITS: Final = {"messages_per_s": (">=", 2_500.0), "cpu_s_per_1000": ("<", 0.25)}
TOKEN: Final = b'{"access_token":"bench","expires_in":7200}'
TAKEN: Final = b'{"errcode":0,"errmsg":"ok"}'


@dataclass
class Cache:
    """The shop's cache, in memory."""

    values: dict[str, str] = field(default_factory=dict)

    def get(self, name: str) -> str | None:
        return self.values.get(name)

    def put(self, name: str, value: str, seconds: int) -> None:
        self.values[name] = value


class Provider(asyncio.Protocol):
    """One connection. Requests come whole or in pieces, and one after the other."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport, self._waiting = cast(asyncio.Transport, transport), b""

    def data_received(self, data: bytes) -> None:
        self._waiting += data
        head, end, body = self._waiting.partition(b"\r\n\r\n")
        if not end:
            return
        length = next(int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:"))
        if len(body) < length:
            return
        self._waiting = b""
        answer = TOKEN if b"stable_token" in head.split(b"\r\n", 1)[0] else TAKEN
        asyncio.get_running_loop().call_later(THINKS, self._answer, answer)

    def _answer(self, body: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)


async def provide() -> None:
    server = await asyncio.get_running_loop().create_server(Provider, "127.0.0.1", 0, backlog=4096)
    print(json.dumps({"port": server.sockets[0].getsockname()[1]}), flush=True)
    await server.serve_forever()


def messages(count: int) -> list[Message]:
    text = "您好，您的会员积分将在本月底到期，欢迎到店使用。" * 3
    return [Message(f"{n:032x}", CUSTOMER_SERVICE, f"o{n:027d}", {"text": text}) for n in range(count)]


def through(channel: WechatChannel, sent: Sequence[Message], batch: int, threads: int) -> measure.Watch:
    """All messages through `send`, from so many threads, in batches of so many."""
    return _spread(
        [sent[n : n + batch] for n in range(0, len(sent), batch)], threads, lambda piece: _send(channel, piece)
    )


def by_hand(client: http.Client, url: str, count: int, threads: int) -> measure.Watch:
    """The same requests without the channel, one at a time in each thread: a handle and a thread a request."""
    body = json.dumps({"touser": "o", "msgtype": "text", "text": {"content": "x" * 200}}).encode()

    def post(piece: Sequence[int]) -> None:
        for _ in piece:
            assert client.post(url, body).status == 200

    return _spread([range(n, min(n + 20, count)) for n in range(0, count, 20)], threads, post)


def _send(channel: WechatChannel, piece: Sequence[Message]) -> None:
    wrong = [outcome for outcome in channel.send(piece) if not isinstance(outcome, Accepted)]
    if wrong:
        raise SystemExit(f"{len(wrong)} of {len(piece)} were not taken: {wrong[0]}")


def _spread(pieces: Sequence[Any], threads: int, work: Callable[[Any], None]) -> measure.Watch:
    waiting: queue.SimpleQueue[Any] = queue.SimpleQueue()
    for piece in (*pieces, *[None] * threads):
        waiting.put(piece)
    failed: list[BaseException] = []

    def loop() -> None:
        try:
            while (piece := waiting.get()) is not None:
                work(piece)
        except BaseException as error:
            failed.append(error)

    watch, running = measure.Watch(), [threading.Thread(target=loop) for _ in range(threads)]
    with watch:
        for thread in running:
            thread.start()
        for thread in running:
            thread.join()
    if failed:
        raise failed[0]
    return watch


def row(what: str, threads: int, batch: int, count: int, watch: measure.Watch) -> dict[str, Any]:
    return {
        "what": what, "threads": threads, "batch": batch, "messages": count,
        "per_second": round(count / watch.seconds), "cpu_s_per_1000": round(watch.cpu * 1000 / count, 3),
    }  # fmt: skip


def compare(port: int, count: int) -> int:
    base = f"http://127.0.0.1:{port}"
    rows = []
    for threads, batch in ((1, TOGETHER), (THREADS, 25), (THREADS, TOGETHER)):
        options = WechatOptions.model_validate({"sandbox": base, "timeout": "30s"})
        channel = WechatChannel("bench", options, Cache())
        _send(channel, messages(1))
        amount = count if threads > 1 else count // 2
        watch = through(channel, messages(amount), batch, threads)
        rows.append(row("the channel", threads, batch, amount, watch))
        channel.close()
    few = max(200, count // 10)
    url = f"{base}/wechat{PATHS[CUSTOMER_SERVICE]}?access_token=bench"
    rows.append(row("a thread a request", 64, 1, few, by_hand(http.Client(timeout=30), url, few, 64)))
    measure.table(rows)
    best = rows[2]
    figures = {"messages_per_s": float(best["per_second"]), "cpu_s_per_1000": float(best["cpu_s_per_1000"])}
    measure.verdicts(figures, LIMITS)
    measure.last_line({"bench": "http", **figures, "threads": THREADS, "batch": TOGETHER, "provider_ms": THINKS * 1000,
                       "peak_mb": round(measure.peak_mb(), 1), "rows": rows})  # fmt: skip
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=20_000)
    parser.add_argument("--provider", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.provider:
        uvloop.run(provide())
        return 0
    child = measure.start("bench.http", "--provider")
    try:
        assert child.stdout is not None
        return compare(json.loads(child.stdout.readline())["port"], asked.messages)
    finally:
        child.kill()
        child.wait()


if __name__ == "__main__":
    sys.exit(main())
