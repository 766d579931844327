"""One connection as uvicorn speaks HTTP on it, with limits that uvicorn lacks: time and size of a request's head.

Requests that come by the thousand have a quick way: once their body is there they are handed over as they are, without
a task, and answered with one write. It costs half of what the ordinary way costs, which stands behind it for whatever
is unusual: the quick way says no, and nothing has happened. Where a head comes again it is not even read (heads.py).
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any, Final

import httptools
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from .heads import Head, Heads, Quick, Take
from .replies import Reply, written

log = logging.getLogger(__name__)

HEAD_TIME: Final = 10.0  # seconds for the head of a request, and for the first byte of a new connection
BODY_TIME: Final = 10.0  # seconds for the body that follows
MOST: Final = 32 << 10  # bytes of a head
DROPPED: Final = 16 << 20  # bytes of a body that are read after its answer, lest a reset overtake the answer
ANSWER: Final = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\nconnection: close\r\n"
    b"x-content-type-options: nosniff\r\n\r\n"
)


class Connection(HttpToolsProtocol):
    """A request that arrives whole in one piece, as nearly all do, sets no timer."""

    def __init__(self, quick: Quick, heads: Heads, *arguments: Any, **named: Any) -> None:
        """`heads`: shared by all connections of one `quick`."""
        super().__init__(*arguments, **named)
        self._quick, self._heads = quick, heads
        self._held: tuple[RequestResponseCycle, Take] | None = None  # its body is still coming in
        self._at_work = False  # one whose head was known is not answered yet
        self._behind = b""  # what came meanwhile
        self._ends = False  # after the answer to it
        self._used = 0.0  # when the last one was answered, of the loop's clock
        self._piece = b""  # what is being read, where it begins as a request begins
        self._head = 0  # bytes of the head that is coming in
        self._in_head, self._in_body = False, False
        self._upgrades = False  # what was read asks for another protocol, and its body was not
        self._dropped = 0
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._timer = self.loop.call_later(HEAD_TIME, self._too_late)

    def connection_lost(self, exc: Exception | None) -> None:
        self._disarm()
        self._held = None
        super().connection_lost(exc)

    def shutdown(self) -> None:
        if self._at_work:
            self._ends = True
        else:
            super().shutdown()

    def data_received(self, data: bytes) -> None:
        if self._at_work:
            self._behind += data
            self.flow.pause_reading()
        elif self._in_head or self._in_body or (self.cycle is not None and not self.cycle.response_complete):
            self._read(data)
        else:
            known = self._heads.find(data)
            if known is None or not self._taken_again(known, data):
                self._piece = data
                self._read(data)
                self._piece = b""

    def _read(self, data: bytes) -> None:
        """Through the parser."""
        was_in_head = self._in_head
        self._parse(data)
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

    def _parse(self, data: bytes) -> None:
        """As uvicorn does; but whoever asks for another protocol is answered in this one (RFC 9110, 7.8)."""
        self._unset_keepalive_if_required()
        try:
            while data:
                data = self._fed(data)
        except httptools.HttpParserError:
            self.send_400_response("Invalid HTTP request received.")

    def _fed(self, data: bytes) -> bytes:
        """Feeds the parser and returns what it left.

        It stops behind a head with an Upgrade, without the body: that head is read again without its Upgrade.
        """
        try:
            self.parser.feed_data(data)
            return b""
        except httptools.HttpParserUpgrade as stop:
            rest = data[stop.args[0] :]
        if not self._upgrades:
            return b""
        head = self._plain_head()
        self.parser = httptools.HttpRequestParser(self)  # the old one may have seen its last request
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn's own
        self.parser.feed_data(head)
        return rest

    def _plain_head(self) -> bytes:
        version = self.parser.get_http_version().encode()
        lines = [self.parser.get_method() + b" " + self.url + b" HTTP/" + version]
        lines += [name + b": " + value for name, value in self.headers if name != b"upgrade"]
        return b"\r\n".join([*lines, b"", b""])

    def _taken_again(self, known: Head, data: bytes) -> bool:
        if self.flow.write_paused or len(self.connections) >= self.config.limit_concurrency:  # type: ignore[operator]
            return False
        self._at_work = True  # already: it may be answered at once
        scope = {**known.scope, "client": self.client}
        if not _taken(known.take, scope, data[known.start :], self._say):
            self._at_work = False
            return False
        self._disarm()
        return True

    def _say(self, reply: Reply) -> None:
        """Answers the one whose head was known."""
        self._at_work = False
        if self.transport.is_closing():
            return
        self.transport.write(written(reply, self.server_state.default_headers, self._ends))
        if self._ends:
            self.transport.close()
            return
        self._used = self.loop.time()
        self._rest()
        if self._behind:
            data, self._behind = self._behind, b""
            self.flow.resume_reading()
            self.data_received(data)

    def _rest(self) -> None:
        """The time until which the next request is awaited runs."""
        if self.timeout_keep_alive_task is None:
            left = self.timeout_keep_alive
            self.timeout_keep_alive_task = self.loop.call_later(left, self.timeout_keep_alive_handler)

    def timeout_keep_alive_handler(self) -> None:
        # A timer a request costs more than one that looks when it was needed last.
        left = self._used + self.timeout_keep_alive - self.loop.time()
        if self._at_work or left > 0:
            self.timeout_keep_alive_task = self.loop.call_later(max(left, 1.0), self.timeout_keep_alive_handler)
        else:
            super().timeout_keep_alive_handler()

    def on_message_begin(self) -> None:
        self._in_head, self._head, self._upgrades = True, 0, False
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._in_head, self._in_body, self._dropped = False, True, 0
        self._upgrades = self.parser.should_upgrade() and self.parser.get_method() != b"CONNECT"
        if self._upgrades:
            return
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._in_body = False
        if self._upgrades:
            return
        self._disarm()
        super().on_message_complete()
        if self._held is not None:
            self._hand_over(*self._held)
        elif self.cycle.response_complete:
            self._rest()

    def on_body(self, body: bytes) -> None:
        super().on_body(body)
        if self._held is not None and len(self._held[0].body) > HIGH_WATER_LIMIT:
            self._let_go(self._held[0])  # uvicorn reads on only when the application asks for more
        elif self.cycle.response_complete:
            self._dropped += len(body)
            if self._dropped > DROPPED:
                self.transport.close()

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
        body = bytes(cycle.body)
        if not _taken(take, cycle.scope, body, lambda reply: self._answer(cycle, reply)):
            self._let_go(cycle)
            return
        self._held = None
        if cycle.keep_alive:
            self._heads.keep(self._piece, cycle.scope, body, take)

    def _answer(self, cycle: RequestResponseCycle, reply: Reply) -> None:
        if cycle.disconnected or cycle.response_complete or self.transport.is_closing():
            return
        self.transport.write(written(reply, self.server_state.default_headers, not cycle.keep_alive))
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


def _taken(take: Take, scope: Any, body: bytes, answer: Any) -> bool:
    try:
        return take(scope, body, answer)
    except Exception as error:
        log.error("a request failed on the quick way: %s", type(error).__name__, exc_info=error)
        return False
