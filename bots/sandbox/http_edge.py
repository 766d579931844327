"""HTTP/1.1 over asyncio streams with h11: keep-alive, bounded sizes, and full control over how a connection ends.

A framework would hide the socket; faults such as a reset after the message was taken need it.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import parse_qsl

import h11

MAX_REQUEST_BYTES = 64 << 20
_IDLE_SECONDS = 120.0
_LOOPBACK = frozenset({"127.0.0.1", "localhost"})


@dataclass(frozen=True, slots=True)
class Request:
    """A whole request. `path` without the query; header names in small letters, of repeated names the last counts."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    @property
    def content_type(self) -> str:
        return self.headers.get("content-type", "").partition(";")[0].strip()


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: bytes
    content_type: str = "application/json; charset=utf-8"
    headers: tuple[tuple[str, str], ...] = ()


class End(StrEnum):
    """Ways to end a connection without an answer."""

    RESET = "reset"  # a TCP reset, as from a crashed server
    SILENCE = "silence"  # nothing, until the other side gives up


@dataclass(frozen=True, slots=True)
class Broken:
    """Instead of an answer: how the connection ends. `seconds`: how long silence lasts."""

    how: End
    seconds: float = 600.0


Handler = Callable[[Request], Awaitable[Answer | Broken]]


class Connection:
    """One client's connection: its requests one after the other."""

    def __init__(self, handler: Handler, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._handler = handler
        self._reader = reader
        self._writer = writer
        self._h11 = h11.Connection(h11.SERVER)
        self._busy = False
        self._closing = False

    async def serve(self) -> None:
        try:
            while await self._one():
                self._h11.start_next_cycle()
        except (h11.RemoteProtocolError, TimeoutError, ConnectionError):
            pass
        finally:
            self._writer.close()

    def close(self) -> None:
        """End now, or after the answer that is being made."""
        self._closing = True
        if not self._busy:
            self._writer.close()

    async def _one(self) -> bool:
        """Serve one request; whether the connection lives on."""
        request = await self._read()
        if request is None:
            return False
        self._busy = True
        try:
            result = request if isinstance(request, Answer) else await self._handler(request)
            if isinstance(result, Broken):
                await self._break(result)
                return False
            await self._answer(result)
        finally:
            self._busy = False
        return not self._closing and self._h11.our_state is h11.DONE and self._h11.their_state is h11.DONE

    async def _read(self) -> Request | Answer | None:
        head: h11.Request | None = None
        body = bytearray()
        while True:
            event = self._h11.next_event()
            if event is h11.NEED_DATA:
                self._h11.receive_data(await asyncio.wait_for(self._reader.read(1 << 16), _IDLE_SECONDS))
            elif isinstance(event, h11.Request):
                head = event
            elif isinstance(event, h11.Data):
                body += event.data
                if len(body) > MAX_REQUEST_BYTES:
                    return Answer(413, b'{"error":"too_large"}')
            elif isinstance(event, h11.EndOfMessage) and head is not None:
                return _request(head, bytes(body))
            else:
                return None

    async def _answer(self, answer: Answer) -> None:
        headers = [("content-type", answer.content_type), ("content-length", str(len(answer.body))), *answer.headers]
        for event in (
            h11.Response(status_code=answer.status, headers=headers),
            h11.Data(data=answer.body),
            h11.EndOfMessage(),
        ):
            self._writer.write(self._h11.send(event) or b"")
        await self._writer.drain()

    async def _break(self, broken: Broken) -> None:
        if broken.how is End.SILENCE:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._reader.read(), broken.seconds)
        else:
            reset(self._writer.transport)


def reset(transport: asyncio.BaseTransport | None) -> None:
    """End a connection with a TCP reset instead of an orderly close."""
    if transport is None:
        return
    sock = transport.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    if isinstance(transport, asyncio.WriteTransport):
        transport.abort()


def _request(head: h11.Request, body: bytes) -> Request | Answer:
    headers = {bytes(name).decode("ascii"): bytes(value).decode("latin-1") for name, value in head.headers}
    if headers.get("host", "").rpartition(":")[0] not in _LOOPBACK:  # a web page may not reach us by a name of its own
        return Answer(403, b'{"error":"loopback_only"}')
    path, _, query = bytes(head.target).decode("latin-1").partition("?")
    known = dict(parse_qsl(query, keep_blank_values=True))
    return Request(bytes(head.method).decode("ascii"), path, known, headers, body)
