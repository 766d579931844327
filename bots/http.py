"""The one HTTP client of the project: POST and GET with limits on time and size, and errors that say what left.

An outbox must know whether a failed request can have been carried out. libcurl tells: it asks for the first byte of
the body only over an established connection, so a request whose body was never asked for cannot have had an effect.

    TransportError          (a ServiceAway)
    ├── NotSent             nothing of the request's body left: safe to try again
    └── AnswerLost          bytes left and no complete answer came: nobody knows

A client keeps one libcurl handle a thread, with its idle connections, and for many requests at once one multi handle
a thread. Make clients after forking, not before.
"""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Mapping, Sequence

from bots import curl
from bots.http_answers import (
    NOT_PUBLIC,
    AnswerLost,
    NotSent,
    Post,
    Reply,
    TransportError,
    encoded,
    identity,
    origin,
    refusal,
)

__all__ = ["NOT_PUBLIC", "AnswerLost", "Client", "NotSent", "Post", "Reply", "TransportError", "encoded", "identity",
           "origin", "refusal"]  # fmt: skip
NO_HEADERS: Mapping[str, str] = {}


class Client:
    """Many threads may share one client; every call is one request on the wire and is never repeated by us.

    `timeout` (seconds) bounds a whole call, `connect_timeout` its start; an answer above `max_bytes` is given up.
    Redirects are not followed, the environment's proxies are not used. `ca_file` replaces the system's trust store.
    `may_connect` is asked about the very IP address before a connection to it is opened, after all names were resolved.
    """

    def __init__(
        self, timeout: float = 10.0, connect_timeout: float = 5.0, max_bytes: int = 4 << 20, ca_file: str | None = None,
        may_connect: Callable[[str], bool] | None = None,
    ) -> None:  # fmt: skip
        self._timeout_ms = max(1, int(timeout * 1000))
        self._connect_ms = max(1, int(min(connect_timeout, timeout) * 1000))
        self._max_bytes = max_bytes
        self._ca_file = ca_file or ssl.get_default_verify_paths().cafile
        self._may_connect = may_connect
        self._local = threading.local()

    def post_json(self, url: str, payload: object, headers: Mapping[str, str] = NO_HEADERS) -> Reply:
        """POST `payload` as JSON in UTF-8. Raises NotSent or AnswerLost."""
        return self.post(url, encoded(payload), headers)

    def post(self, url: str, body: bytes, headers: Mapping[str, str] = NO_HEADERS) -> Reply:
        """POST `body`, JSON unless `headers` name another Content-Type. Raises NotSent or AnswerLost."""
        return self._handle().run(url, body, {**curl.JSON, **headers})

    def post_many(self, posts: Sequence[Post]) -> list[Reply | TransportError]:
        """All of them at once, over as many connections; one answer or failure each, in order. Never raises for one
        of them. Blocks at most for the time-out."""
        many: curl.Many | None = getattr(self._local, "many", None)
        if many is None:
            many = self._local.many = curl.Many(self._new_handle)
        return many.run(posts)

    def get(self, url: str, headers: Mapping[str, str] = NO_HEADERS) -> Reply:
        """GET `url`. Raises NotSent or AnswerLost."""
        return self._handle().run(url, None, headers)

    def close(self) -> None:
        """Drop every thread's idle connections; a call still running ends first. The client stays usable."""
        self._local = threading.local()

    def _handle(self) -> curl.Handle:
        handle: curl.Handle | None = getattr(self._local, "handle", None)
        if handle is None:
            handle = self._local.handle = self._new_handle()
        return handle

    def _new_handle(self) -> curl.Handle:
        handle = curl.Handle(self._timeout_ms, self._connect_ms, self._max_bytes, self._ca_file)
        if self._may_connect is not None:
            handle.guard(self._may_connect)
        return handle
