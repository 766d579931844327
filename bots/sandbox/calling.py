"""Calls back, as a provider does: a POST to an address on this machine, repeated until it is answered or given up."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

from automation.kernel import options

TRIES = 3
SECONDS = 5.0  # of one try
_BIGGEST = 1 << 20


class NotHere(Exception):
    """The address is not http on this machine: the sandbox calls nobody else."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What the other side said. `status` 0: nothing in time."""

    status: int
    body: bytes


async def call(
    url: str, body: bytes, headers: Mapping[str, str], tries: int = TRIES, method: str = "POST"
) -> list[Heard]:
    """What each try heard: the last one is a 200, or all were in vain. Raises NotHere."""
    parts = urlsplit(url)
    if parts.scheme != "http" or not options.is_loopback(parts.hostname or ""):
        raise NotHere
    heard: list[Heard] = []
    for _ in range(tries):
        heard.append(await _once(method, url, body, headers))
        if heard[-1].status == 200:
            break
    return heard


async def _once(method: str, url: str, body: bytes, headers: Mapping[str, str]) -> Heard:
    try:
        return await asyncio.wait_for(_exchange(method, url, body, headers), SECONDS)
    except (TimeoutError, OSError, ValueError):
        return Heard(0, b"")


async def _exchange(method: str, url: str, body: bytes, headers: Mapping[str, str]) -> Heard:
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port or 80)
    try:
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        lines = {"Host": parts.netloc, "Content-Length": str(len(body)), "Connection": "close", **headers}
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        writer.write(f"{method} {target} HTTP/1.1\r\n{head}\r\n".encode() + body)
        await writer.drain()
        answer = await reader.read(_BIGGEST)
        while more := await reader.read(_BIGGEST):
            answer += more
            if len(answer) > _BIGGEST:
                break
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()
    first, _, rest = answer.partition(b"\r\n")
    words = first.split()
    return Heard(int(words[1]) if len(words) > 1 else 0, rest.partition(b"\r\n\r\n")[2])
