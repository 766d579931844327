"""What the web edge takes in: events over HTTP, and callbacks as WeChat makes them.

`python -m bench.web [--seconds 10] [--people 20000]`. The edge runs in a process of its own with a database on disk,
`synchronous=FULL`; an event is answered after its commit. The clients are another process: connections that are kept
open, each with one request on its way. `--seconds 60` for the long run of the callbacks.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import uvloop

from automation import settings
from automation.app import App
from automation.kernel.clock import SystemClock
from automation.people import keyring
from automation.web.server import Edge
from bench import callbacks, measure
from bots import registry as bots

KEY: Final = "bench-key"
CONFIG: Final = """\
shop: {name: 旅程良品}
channels:
  wechat_main: WECHAT
web: {port: 0, api_keys: {bench: "${BENCH_KEY}"}}
"""
CATALOG: Final = """\
events:
  order.paid: {key: order_id, properties: {order_id: text, amount: {type: money, unit: fen}}}
"""
CONNECTIONS: Final = 64
BATCH: Final = 100
LIMITS: Final = {
    "single_per_s": (">=", 6_000),
    "single_p99_ms": ("<", 50),
    "callbacks_p99_ms": ("<", 1_000),
    "callbacks_lost": ("<", 1),
    "forged_taken": ("<", 1),
}


def make(folder: Path) -> Path:
    """The shop's files."""
    (folder / "journeys").mkdir()
    (folder / "templates").mkdir()
    (folder / "journeys" / "catalog.yaml").write_text(CATALOG, encoding="utf-8")
    config = folder / "config.yaml"
    config.write_text(CONFIG.replace("WECHAT", callbacks.OPTIONS), encoding="utf-8")
    keyring.create(folder / "var" / "lucheng.key")
    return config


def opened(config: Path) -> App:
    chosen = settings.load(config, os.environ | {"BENCH_KEY": KEY} | callbacks.ENVIRON, bots.KINDS)
    return App(
        chosen,
        lambda name, known, cache: bots.build(name, known.channels[name].kind, known.channels[name], cache),
        SystemClock(),
        hook=lambda name, known, cache: bots.hook(name, known.channels[name].kind, known.channels[name], cache),
    )


def serve(config: Path) -> None:
    """In a child: the edge until its input ends; then what it cost."""
    app = opened(config)
    edge = Edge(app)
    edge.start()
    print(json.dumps({"url": edge.url, "hook": callbacks.path(app)}), flush=True)
    for line in sys.stdin:  # a question: what was used until now
        print(json.dumps({"cpu": time.process_time(), "mb": resident(), "asked": line.strip(),
                          "loop": thread_time("web"), "writer": thread_time("web-writer"),
                          "events": app.store.value("SELECT count(*) FROM event"),
                          "heard": app.store.value("SELECT count(*) FROM inbound")}), flush=True)  # fmt: skip
    edge.stop()
    app.close()


def thread_time(name: str) -> float:
    """Seconds of the processor that a thread of the edge had."""
    (found,) = (thread.ident for thread in threading.enumerate() if thread.name == name)
    assert found is not None
    return time.clock_gettime(time.pthread_getcpuclockid(found))


def resident() -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return measure.peak_mb()


@dataclass(slots=True)
class Load:
    """What the clients saw. Milliseconds of each answer, and how often each status came."""

    taken: list[float] = field(default_factory=list)
    statuses: Counter[tuple[str, int]] = field(default_factory=Counter)
    seconds: float = 0.0


class Client(asyncio.Protocol):
    """One connection: a request, its answer, the next request."""

    def __init__(
        self, load: Load, following: Callable[[], tuple[str, bytes] | None], done: asyncio.Future[None]
    ) -> None:
        self._load, self._following, self._done = load, following, done
        self._sort, self._since, self._read = "", 0.0, b""

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self.send()

    def send(self) -> None:
        found = self._following()
        if found is None:
            self._transport.close()
            if not self._done.done():
                self._done.set_result(None)
            return
        self._sort, request = found
        self._since = time.perf_counter()
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._read = self._read + data if self._read else data
        head = self._read.find(b"\r\n\r\n")
        if head < 0:
            return
        start = self._read.lower().find(b"content-length: ", 0, head) + 16
        length = int(self._read[start : self._read.index(b"\r\n", start)])
        if len(self._read) < head + 4 + length:
            return
        self._load.taken.append((time.perf_counter() - self._since) * 1000)
        self._load.statuses[self._sort, int(self._read[9:12])] += 1
        self._read = b""
        self.send()

    def connection_lost(self, error: Exception | None) -> None:
        if not self._done.done():
            self._done.set_exception(error or ConnectionError("the edge closed a connection"))


async def press(url: str, connections: int, following: Callable[[], tuple[str, bytes] | None]) -> Load:
    """Requests as fast as they are answered, over so many connections, until there are no more."""
    load, loop = Load(), asyncio.get_running_loop()
    host, port = url.removeprefix("http://").split(":")
    waiting = [loop.create_future() for _ in range(connections)]
    began = time.perf_counter()
    for done in waiting:
        await loop.create_connection(lambda done=done: Client(load, following, done), host, int(port))  # type: ignore[misc]
    await asyncio.gather(*waiting)
    load.seconds = time.perf_counter() - began
    return load


def post(path: str, body: bytes, content: str = "application/json") -> bytes:
    head = f"POST {path} HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {KEY}\r\ncontent-type: {content}\r\n"
    return head.encode() + b"content-length: %d\r\n\r\n" % len(body) + body


def event(number: int, people: int) -> dict[str, Any]:
    return {
        "event": "order.paid", "customer": {"phone": f"138{number % people:08d}"}, "id": f"e{number}",
        "properties": {"order_id": f"D{number}", "amount": 9900},
    }  # fmt: skip


def requests(first: int, last: int, batch: int, people: int) -> Callable[[], tuple[str, bytes] | None]:
    """Requests made beforehand: the clients shall not be what is measured."""
    sort = "single" if batch == 1 else "batch"
    made = []
    for number in range(first, last, batch):
        told = [event(one, people) for one in range(number, min(last, number + batch))]
        made.append(post("/api/events", json.dumps(told[0] if batch == 1 else {"events": told}).encode()))
    waiting = iter(made)
    return lambda: next(((sort, request) for request in waiting), None)


class Server:
    """The child and what it says."""

    def __init__(self, config: Path) -> None:
        command = [sys.executable, "-m", "bench.web", "--serve", str(config)]
        self._child = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=measure.ROOT,
        )  # fmt: skip
        assert self._child.stdout is not None
        self.said = json.loads(self._child.stdout.readline())

    def ask(self) -> dict[str, Any]:
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        self._child.stdin.write("now\n")
        self._child.stdin.flush()
        found: dict[str, Any] = json.loads(self._child.stdout.readline())
        return found

    def close(self) -> None:
        assert self._child.stdin is not None
        self._child.stdin.close()
        self._child.wait(30)


def events(server: Server, people: int, seconds: float) -> list[dict[str, Any]]:
    """Events of people who are known, one a request and many a request."""
    url = server.said["url"]
    measure.progress(f"making {people:,} customers known")
    uvloop.run(press(url, 4, requests(0, people, 500, people)))
    rows, number = [], people
    for name, batch, connections in (("single", 1, CONNECTIONS), ("batch of 100", BATCH, 8)):
        count = int(seconds * (8_000 if batch == 1 else 20_000))
        measure.progress(f"{count:,} events, {name}")
        before = server.ask()
        load = uvloop.run(press(url, connections, requests(number, number + count, batch, people)))
        after = server.ask()
        number += count
        if after["events"] - before["events"] != count or {status for _, status in load.statuses} != {200}:
            raise SystemExit(f"{count} events were sent, {after['events'] - before['events']} written: {load.statuses}")
        rows.append(row(name, connections, count, load, before, after))
    return rows


def row(
    name: str, connections: int, count: int, load: Load, before: dict[str, Any], after: dict[str, Any]
) -> dict[str, Any]:
    spent = {name: (after[name] - before[name]) / count * 1e6 for name in ("cpu", "loop", "writer")}
    return {
        "what": name, "connections": connections, "per_s": count / load.seconds,
        "p50_ms": measure.percentile(load.taken, 0.5), "p99_ms": measure.percentile(load.taken, 0.99),
        "max_ms": max(load.taken), "cpu_us_each": spent["cpu"], "loop_us": spent["loop"], "writer_us": spent["writer"],
        "mb": after["mb"],
    }  # fmt: skip


async def paced(url: str, connections: int, rate: float, made: Sequence[tuple[str, bytes]]) -> Load:
    """So many requests a second, each sent when its time has come over whichever connection is free."""
    load, loop = Load(), asyncio.get_running_loop()
    host, port = url.removeprefix("http://").split(":")
    ready: asyncio.Queue[tuple[str, bytes, float] | None] = asyncio.Queue()

    async def connection() -> None:
        reader, writer = await asyncio.open_connection(host, int(port))
        while (one := await ready.get()) is not None:
            sort, request, due = one
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            start = head.lower().find(b"content-length: ") + 16
            await reader.readexactly(int(head[start : head.index(b"\r\n", start)]))
            load.taken.append((loop.time() - due) * 1000)  # from when it should have left: waiting counts
            load.statuses[sort, int(head[9:12])] += 1
        writer.close()

    workers = [asyncio.create_task(connection()) for _ in range(connections)]
    began = loop.time()
    for number, (sort, request) in enumerate(made):
        due = began + number / rate
        if due > loop.time():
            await asyncio.sleep(due - loop.time())
        ready.put_nowait((sort, request, due))
    for _ in workers:
        ready.put_nowait(None)
    await asyncio.gather(*workers)
    load.seconds = loop.time() - began
    return load


def heard(server: Server, seconds: float, rate: float) -> tuple[dict[str, Any], dict[str, float]]:
    """Callbacks at a steady rate, a fifth of them forged."""
    made, genuine = callbacks.requests(server.said["hook"], int(seconds * rate), post)
    measure.progress(f"{len(made):,} callbacks, {rate:,.0f} a second, {genuine:,} of them genuine and new")
    before = server.ask()
    half = len(made) // 2
    load = uvloop.run(paced(server.said["url"], CONNECTIONS, rate, made[:half]))
    middle = server.ask()
    rest = uvloop.run(paced(server.said["url"], CONNECTIONS, rate, made[half:]))
    after = server.ask()
    load.taken += rest.taken
    load.statuses += rest.statuses
    load.seconds += rest.seconds
    taken = sum(count for (sort, status), count in load.statuses.items() if sort == "forged" and status != 403)
    refused = sum(count for (sort, status), count in load.statuses.items() if sort == "genuine" and status != 200)
    # A platform repeats within seconds: what comes back later than that is a replay, and refused.
    replays = sum(count for (sort, status), count in load.statuses.items() if sort == "repeated" and status != 200)
    p99 = measure.percentile(load.taken, 0.99)
    figures = {
        "callbacks_per_s": round(len(made) / load.seconds), "callbacks_p99_ms": round(p99, 1),
        "callbacks_lost": genuine - (after["heard"] - before["heard"]), "callbacks_refused": refused,
        "replays_refused": replays, "forged_taken": taken, "grown_mb": round(after["mb"] - middle["mb"], 1),
    }  # fmt: skip
    return row("callbacks", CONNECTIONS, len(made), load, before, after), figures


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.web", description=__doc__)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--people", type=int, default=20_000)
    parser.add_argument("--rate", type=float, default=1_000, help="callbacks a second")
    parser.add_argument("--only", choices=("events", "callbacks"))
    parser.add_argument("--serve", metavar="CONFIG", help="a child: the edge")
    chosen = parser.parse_args(arguments)
    if chosen.serve:
        serve(Path(chosen.serve))
        return 0
    found: dict[str, float] = {}
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(prefix="lucheng-bench-") as name:
        server = Server(make(Path(name)))
        if chosen.only != "callbacks":
            rows = events(server, chosen.people, chosen.seconds)
            found |= {"single_per_s": round(rows[0]["per_s"]), "single_p99_ms": round(rows[0]["p99_ms"], 1),
                      "batch_per_s": round(rows[1]["per_s"]), "batch_p99_ms": round(rows[1]["p99_ms"], 1)}  # fmt: skip
        if chosen.only != "events":
            told, figures = heard(server, chosen.seconds, chosen.rate)
            rows.append(told)
            found |= figures
        server.close()
    measure.table(rows)
    print()
    measure.verdicts(found, {name: limit for name, limit in LIMITS.items() if name in found})
    measure.last_line(found)
    return 0


if __name__ == "__main__":
    sys.exit(main())
