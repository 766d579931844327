"""Drives libcurl, its only user: one handle for a request at a time, and many handles at once. See http.py.

An instance belongs to one thread, with the connections it keeps.
"""

from __future__ import annotations

import math
import select
import socket
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

import pycurl

from automation.kernel.clock import monotonic
from bots.http_answers import NOT_PUBLIC, AnswerLost, NotSent, Post, Reply, TransportError, origin

JSON: Mapping[str, str] = {"Content-Type": "application/json"}
MOST_KEPT = 1024  # idle connections of one thread
LONGEST_NAP = 1.0  # seconds


class Handle:
    """One libcurl easy handle: the options that never change, and the state of the call that runs."""

    def __init__(self, timeout_ms: int, connect_ms: int, max_bytes: int, ca_file: str | None) -> None:
        self._max_bytes = max_bytes
        self._url = ""
        self._unsent = memoryview(b"")
        self._left, self._barred = False, False
        self._made: list[socket.socket] = []  # sockets that libcurl has its own copies of
        self._received = bytearray()
        self._headers: dict[str, str] = {}
        self.curl = curl = pycurl.Curl()
        curl.setopt(pycurl.NOSIGNAL, 1)
        curl.setopt(pycurl.TIMEOUT_MS, timeout_ms)
        curl.setopt(pycurl.CONNECTTIMEOUT_MS, connect_ms)
        curl.setopt(pycurl.FOLLOWLOCATION, 0)
        curl.setopt(pycurl.PROXY, "")
        curl.setopt(pycurl.PROTOCOLS, pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS)
        curl.setopt(pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_1_1)
        curl.setopt(pycurl.MAXCONNECTS, 4)
        if ca_file:
            curl.setopt(pycurl.CAINFO, ca_file)
        curl.setopt(pycurl.WRITEFUNCTION, self._take_body)
        curl.setopt(pycurl.HEADERFUNCTION, self._take_header)
        # libcurl sends a request again by itself when a kept connection dies before the first byte of the answer,
        # which would deliver a message twice. It cannot repeat a body that is handed over once and never rewound.
        curl.setopt(pycurl.READFUNCTION, self._give_body)

    def run(self, url: str, body: bytes | None, headers: Mapping[str, str]) -> Reply:
        """One request; `body` None is a GET."""
        curl = self.curl
        try:
            self.begin(url, body, headers)
            curl.setopt(pycurl.FRESH_CONNECT, int(_said_something([self.socket()])))
            curl.perform()
            return self.reply()
        except pycurl.error as error:
            raise self.failure(error.args[0] if error.args else 0) from None
        finally:
            self._unsent = memoryview(b"")
            self._close_copies()

    def begin(self, url: str, body: bytes | None, headers: Mapping[str, str]) -> None:
        """Ready to leave. pycurl.error for an address or header that libcurl does not take."""
        self._url, self._unsent, self._left = url, memoryview(body or b""), False
        self._barred = False
        self._close_copies()
        self._received, self._headers = bytearray(), {}
        curl = self.curl
        curl.setopt(pycurl.URL, url)
        if body is None:
            curl.setopt(pycurl.HTTPGET, 1)
        else:
            curl.setopt(pycurl.POST, 1)
            curl.setopt(pycurl.POSTFIELDSIZE_LARGE, len(body))
        curl.setopt(pycurl.HTTPHEADER, [_header(name, value) for name, value in headers.items()] + ["Expect:"])

    def reply(self) -> Reply:
        return Reply(self.curl.getinfo(pycurl.RESPONSE_CODE), self._headers, bytes(self._received))

    def failure(self, number: int) -> TransportError:
        """What libcurl's error means: whether anything of the request may have arrived."""
        left = self._left
        if not self._unsent and not left:  # no body is ever asked for: what counts is whether the head left
            left = self.curl.getinfo(pycurl.REQUEST_SIZE) > 0
        code = NOT_PUBLIC if self._barred else _CODES.get(number, f"curl_{number}")
        return (AnswerLost if left else NotSent)(code, origin(self._url))

    def _close_copies(self) -> None:
        while self._made:
            self._made.pop().close()

    def guard(self, may_connect: Callable[[str], bool]) -> None:
        """From now on only connections to allowed addresses are opened."""

        def opened(purpose: int, address: tuple[int, int, int, tuple[str, int]]) -> socket.socket | int:
            family, kind, protocol, place = address
            if not may_connect(str(place[0])):
                self._barred = True
                return int(pycurl.SOCKET_BAD)
            made = socket.socket(family, kind, protocol)
            self._made.append(made)
            return made

        self.curl.setopt(pycurl.OPENSOCKETFUNCTION, opened)

    def socket(self) -> int:
        """The number of the kept connection, -1 where there is none."""
        number: int = self.curl.getinfo(pycurl.ACTIVESOCKET)
        return number

    def _give_body(self, size: int) -> bytes:
        self._left = True
        piece, self._unsent = self._unsent[:size], self._unsent[size:]
        return bytes(piece)

    def _take_body(self, piece: bytes) -> int:
        self._received += piece
        return len(piece) if len(self._received) <= self._max_bytes else -1

    def _take_header(self, line: bytes) -> None:
        text = line.decode("latin-1").strip()
        if text.startswith("HTTP/"):  # after an interim answer (1xx) the headers begin again
            self._headers = {}
        elif ":" in text:
            name, value = text.split(":", 1)
            self._headers[name.strip().lower()] = value.strip()


class Many:
    """The handles of one thread that run at once, over one libcurl multi handle, which owns their connections."""

    def __init__(self, make: Callable[[], Handle]) -> None:
        self._make = make
        self._spare: list[Handle] = []
        self._running: dict[pycurl.Curl, tuple[int, Handle]] = {}
        self._kept: list[int] = []  # the sockets that the last run left open
        self._poll = select.poll()
        self._wake: float | None = None  # when libcurl wants to be called although nothing happened
        self._multi = self._new_multi()

    def run(self, posts: Sequence[Post]) -> list[Reply | TransportError]:
        if _said_something(self._kept):
            # Nobody can tell libcurl which of the kept connections to leave out: all are made again.
            self._multi.close()
            self._multi = self._new_multi()
        self._kept = []
        found: dict[int, Reply | TransportError] = {}
        try:
            for number, post in enumerate(posts):
                self._begin(number, post, found)
            self._act(pycurl.SOCKET_TIMEOUT, 0, found)
            while self._running:
                self._wait(found)
        finally:
            for curl in self._running:  # left only by a programming error: nothing may run on unseen
                self._multi.remove_handle(curl)
            self._running = {}
        return [found[number] for number in range(len(posts))]

    def _begin(self, number: int, post: Post, found: dict[int, Reply | TransportError]) -> None:
        handle = self._spare.pop() if self._spare else self._make()
        try:
            handle.begin(post.url, post.body, {**JSON, **post.headers})
        except pycurl.error as error:
            found[number] = handle.failure(error.args[0] if error.args else 0)
            self._spare.append(handle)
            return
        self._running[handle.curl] = (number, handle)
        self._multi.add_handle(handle.curl)

    def _wait(self, found: dict[int, Reply | TransportError]) -> None:
        seconds = LONGEST_NAP if self._wake is None else min(LONGEST_NAP, self._wake - monotonic())
        happened = self._poll.poll(max(0, math.ceil(seconds * 1000)))
        for number, what in happened:
            bits = (pycurl.CSELECT_IN if what & ~select.POLLOUT else 0) | (
                pycurl.CSELECT_OUT if what & select.POLLOUT else 0
            )
            self._act(number, bits, found)
        if not happened:
            self._act(pycurl.SOCKET_TIMEOUT, 0, found)

    def _act(self, number: int, bits: int, found: dict[int, Reply | TransportError]) -> None:
        """Lets libcurl go on at one socket, and takes what became complete."""
        self._multi.socket_action(number, bits)
        waiting = 1
        while waiting:
            waiting, done, failed = self._multi.info_read()
            for curl in done:
                self._finish(curl, None, found)
            for curl, error, _ in failed:
                self._finish(curl, error, found)

    def _finish(self, curl: pycurl.Curl, error: int | None, found: dict[int, Reply | TransportError]) -> None:
        number, handle = self._running.pop(curl)
        found[number] = handle.reply() if error is None else handle.failure(error)
        if error is None:
            self._kept.append(handle.socket())
        self._multi.remove_handle(curl)
        self._spare.append(handle)

    def _new_multi(self) -> pycurl.CurlMulti:
        multi = pycurl.CurlMulti()
        multi.setopt(pycurl.M_PIPELINING, 0)
        multi.setopt(pycurl.M_MAXCONNECTS, MOST_KEPT)
        multi.setopt(pycurl.M_SOCKETFUNCTION, self._watch)
        multi.setopt(pycurl.M_TIMERFUNCTION, self._set_timer)
        return multi

    def _watch(self, what: int, number: int, multi: pycurl.CurlMulti, data: object) -> None:
        if what == pycurl.POLL_REMOVE:
            with suppress(KeyError):
                self._poll.unregister(number)
        else:
            self._poll.register(number, _EVENTS[what])

    def _set_timer(self, milliseconds: int) -> None:
        self._wake = None if milliseconds < 0 else monotonic() + milliseconds / 1000


_EVENTS = {
    pycurl.POLL_NONE: 0,
    pycurl.POLL_IN: select.POLLIN,
    pycurl.POLL_OUT: select.POLLOUT,
    pycurl.POLL_INOUT: select.POLLIN | select.POLLOUT,
}


def _said_something(sockets: Sequence[int]) -> bool:
    """Whether a server has said something on a kept connection since its last answer: goodbye, mostly.

    libcurl itself looks only once a second, and a request on a closed connection would end as AnswerLost.
    """
    poll = select.poll()
    for number in sockets:
        if number >= 0:
            poll.register(number, select.POLLIN)
    return bool(poll.poll(0))


_CODES = {
    pycurl.E_WRITE_ERROR: "answer_too_large",  # what _take_body gives up with
    pycurl.E_COULDNT_RESOLVE_HOST: "no_such_host",
    pycurl.E_COULDNT_CONNECT: "refused",
    pycurl.E_OPERATION_TIMEDOUT: "timeout",
    pycurl.E_SSL_CONNECT_ERROR: "tls",
    pycurl.E_PEER_FAILED_VERIFICATION: "certificate",
    pycurl.E_SEND_ERROR: "reset",
    pycurl.E_RECV_ERROR: "reset",
    pycurl.E_GOT_NOTHING: "closed",
    pycurl.E_SEND_FAIL_REWIND: "closed",
    pycurl.E_PARTIAL_FILE: "cut_short",
    8: "not_http",  # CURLE_WEIRD_SERVER_REPLY
    pycurl.E_UNSUPPORTED_PROTOCOL: "not_http",
    pycurl.E_URL_MALFORMAT: "bad_url",
}


def _header(name: str, value: str) -> bytes:
    line = f"{name}: {value}"
    if "\r" in line or "\n" in line or "\0" in line:
        raise ValueError(f"the HTTP header {name!r} holds a line break")
    return line.encode("utf-8")
