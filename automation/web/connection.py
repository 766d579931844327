"""One connection as uvicorn speaks HTTP on it, with limits that uvicorn lacks: time and size of a request's head.

Requests that come by the thousand have a quick way: once their body is there they are handed over as they are, without
a task, and answered with one write. It costs half of what the ordinary way costs, which stands behind it for whatever
is unusual: the quick way says no, and nothing has happened.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, Final, TypeAlias

from starlette.responses import Response
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from .guard import HEADERS

log = logging.getLogger(__name__)

Scope: TypeAlias = Any  # of ASGI: uvicorn and starlette type it differently
Answer: TypeAlias = Callable[[Response], None]
# Takes a request with its whole body and answers it once, now or later; or says False and has done nothing.
Take: TypeAlias = Callable[[Scope, bytes, Answer], bool]
Quick: TypeAlias = Callable[[Scope], Take | None]

HEAD_TIME: Final = 10.0  # seconds for the head of a request, and for the first byte of a new connection
BODY_TIME: Final = 10.0  # seconds for the body that follows
MOST: Final = 32 << 10  # bytes of a head
ANSWER: Final = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\nconnection: close\r\n"
    b"x-content-type-options: nosniff\r\n\r\n"
)


class Connection(HttpToolsProtocol):
    """A request that arrives whole in one piece, as nearly all do, sets no timer."""

    def __init__(self, quick: Quick, *arguments: Any, **named: Any) -> None:
        """`quick`: what may take a request, by its scope; None for the ordinary way."""
        super().__init__(*arguments, **named)
        self._quick = quick
        self._held: tuple[RequestResponseCycle, Take] | None = None  # its body is still coming in
        self._head = 0  # bytes of the head that is coming in
        self._in_head, self._in_body = False, False
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._timer = self.loop.call_later(HEAD_TIME, self._too_late)

    def connection_lost(self, exc: Exception | None) -> None:
        self._disarm()
        self._held = None
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
        if self._held is not None:
            self._hand_over(*self._held)

    def on_body(self, body: bytes) -> None:
        super().on_body(body)
        if self._held is not None and len(self._held[0].body) > HIGH_WATER_LIMIT:
            self._let_go(self._held[0])  # uvicorn reads on only when the application asks for more

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        take = self._quick(cycle.scope) if app is self.app else None
        # One that waited behind another (pipelining) is whole already, and a client that does not read is let wait.
        if take is None or not cycle.more_body or cycle.waiting_for_100_continue or self.flow.write_paused:
            super()._start_asgi_task(cycle, app)
        else:
            self._held = (cycle, take)

    def _let_go(self, cycle: RequestResponseCycle) -> None:
        self._held = None
        super()._start_asgi_task(cycle, self.app)

    def _hand_over(self, cycle: RequestResponseCycle, take: Take) -> None:
        try:
            taken = take(cycle.scope, bytes(cycle.body), lambda response: self._answer(cycle, response))
        except Exception as error:
            log.error("a request failed on the quick way: %s", type(error).__name__, exc_info=error)
            taken = False
        if taken:
            self._held = None
        else:
            self._let_go(cycle)

    def _answer(self, cycle: RequestResponseCycle, response: Response) -> None:
        if cycle.disconnected or cycle.response_complete or self.transport.is_closing():
            return
        head = _head(tuple(self.server_state.default_headers))
        close = b"" if cycle.keep_alive else b"connection: close\r\n"
        own = b"".join([b"%b: %b\r\n" % header for header in response.raw_headers])
        self.transport.write(b"".join((STATUS_LINE[response.status_code], head, own, close, b"\r\n", response.body)))
        cycle.response_started = cycle.response_complete = True
        if not cycle.keep_alive:
            self.transport.close()
        self.on_response_complete()

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _too_late(self) -> None:
        self._timer = None
        if not self.transport.is_closing():
            self.transport.close()


@lru_cache(maxsize=4)
def _head(default: Sequence[tuple[bytes, bytes]]) -> bytes:
    """The headers that all answers of this second have in common."""
    return b"".join(b"%b: %b\r\n" % header for header in (*default, *HEADERS))
