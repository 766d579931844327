"""Posts the engine's web hooks: a fixed https address from the settings, a signed body, one attempt a call."""

from __future__ import annotations

from collections.abc import Mapping

from automation.kernel.ports import Accepted, Denied, Outcome, Reason
from bots.http import Client, TransportError

TIMEOUT = 10.0  # seconds; a receiver that needs longer should answer first and work afterwards
BIGGEST = 64 * 1024  # bytes of an answer, which nobody reads


class Poster:
    """Serves many threads. 2xx is taken; 410 and other 4xx are final but for 408 and 429; the rest is tried again."""

    def __init__(self) -> None:
        self._client = Client(timeout=TIMEOUT, max_bytes=BIGGEST)

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Outcome:
        try:
            reply = self._client.post(url, body, headers)
        except TransportError as error:
            return error.outcome()
        if 200 <= reply.status < 300:
            return Accepted()
        code = str(reply.status)
        if reply.status == 429:
            return Denied(Reason.RATE_LIMITED, code, permanent=False, retry_after=reply.retry_after)
        final = 400 <= reply.status < 500 and reply.status != 408
        return Denied(Reason.BAD_CONTENT if final else Reason.UNAVAILABLE, code, permanent=final)
