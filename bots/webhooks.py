"""Posts the engine's web hooks: a fixed address from the settings, a signed body, one attempt a call.

A name in the settings may come to lead into our own network, by mistake or because its owner wants it to. So the very
address that is about to be connected to is asked about, after the name was resolved: what is not public is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from automation.kernel import options
from automation.kernel.ports import Accepted, Denied, Outcome, Reason
from bots import public_addresses
from bots.http import NOT_PUBLIC, Client, TransportError

TIMEOUT = 5.0  # seconds; a receiver that needs longer should answer first and work afterwards
BIGGEST = 256 * 1024  # bytes of an answer, which nobody reads


class Poster:
    """Serves many threads. 2xx is taken; 410 and other 4xx are final but for 408 and 429; the rest is tried again."""

    def __init__(self, ca_file: str | None = None) -> None:
        """`ca_file` replaces the system's trust store."""
        self._public = Client(TIMEOUT, max_bytes=BIGGEST, ca_file=ca_file, may_connect=public_addresses.is_public)
        self._private = Client(TIMEOUT, max_bytes=BIGGEST, ca_file=ca_file)

    def post(self, url: str, body: bytes, headers: Mapping[str, str], private: bool = False) -> Outcome:
        """`private`: the settings say that the receiver is in our own network."""
        try:
            parts = urlsplit(url)
            plain, host = parts.scheme == "http", parts.hostname or ""
        except ValueError:
            return Denied(Reason.NOT_ALLOWED, "bad_url")
        here = plain and options.is_loopback(host)
        if not url.isascii() or not host:
            return Denied(Reason.NOT_ALLOWED, "bad_url")
        if parts.scheme != "https" and not here:
            return Denied(Reason.NOT_ALLOWED, "not_https")
        try:
            reply = (self._private if private or here else self._public).post(url, body, headers)
        except TransportError as error:
            if error.code == NOT_PUBLIC:
                return Denied(Reason.NOT_ALLOWED, NOT_PUBLIC)
            return error.outcome()
        if 200 <= reply.status < 300:
            return Accepted()
        code = str(reply.status)
        if reply.status == 429:
            return Denied(Reason.RATE_LIMITED, code, permanent=False, retry_after=reply.retry_after)
        final = 400 <= reply.status < 500 and reply.status != 408
        return Denied(Reason.BAD_CONTENT if final else Reason.UNAVAILABLE, code, permanent=final)
