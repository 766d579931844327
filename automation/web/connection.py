"""One connection as uvicorn speaks HTTP on it, with limits that uvicorn lacks: time and size of a request's head."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_TIME: Final = 10.0  # seconds for the head of a request, and for the first byte of a new connection
BODY_TIME: Final = 10.0  # seconds for the body that follows
MOST: Final = 32 << 10  # bytes of a head
ANSWER: Final = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\nconnection: close\r\n"
    b"x-content-type-options: nosniff\r\n\r\n"
)


class Connection(HttpToolsProtocol):
    """A request that arrives whole in one piece, as nearly all do, sets no timer."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._head = 0  # bytes of the head that is coming in
        self._in_head, self._in_body = False, False
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._timer = self.loop.call_later(HEAD_TIME, self._too_late)

    def connection_lost(self, exc: Exception | None) -> None:
        self._disarm()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        was_in_head = self._in_head
        super().data_received(data)
        if self._in_head:
            self._head += len(data)
            if self._head > MOST and not self.transport.is_closing():
                self.transport.write(ANSWER)
                self.transport.close()
        if self._timer is None:
            if self._in_head:
                self._timer = self.loop.call_later(HEAD_TIME, self._too_late)
            elif self._in_body:
                self._timer = self.loop.call_later(BODY_TIME, self._too_late)
        elif was_in_head and self._in_body:
            self._disarm()
            self._timer = self.loop.call_later(BODY_TIME, self._too_late)

    def on_message_begin(self) -> None:
        self._in_head, self._head = True, 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._in_head, self._in_body = False, True
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._in_body = False
        self._disarm()
        super().on_message_complete()

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _too_late(self) -> None:
        self._timer = None
        if not self.transport.is_closing():
            self.transport.close()
