"""An answer of the quick way as the bytes that are written. Those given by the thousand are made once."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Final, NamedTuple

from starlette.responses import Response
from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from .guard import HEADERS

CLOSE: Final = b"connection: close\r\n"


class Reply(NamedTuple):
    """What does not change from one moment to the next. `rest`: its own headers, the empty line and the body."""

    status: int
    rest: bytes


def reply(response: Response) -> Reply:
    own = b"".join([b"%b: %b\r\n" % header for header in response.raw_headers])
    return Reply(response.status_code, b"%b\r\n%b" % (own, bytes(response.body)))


def written(said: Reply, default: Sequence[tuple[bytes, bytes]], ends: bool) -> bytes:
    """`default`: uvicorn's own headers, which hold the date. `ends`: the connection closes after it."""
    parts = (STATUS_LINE[said.status], _shared(tuple(default)), CLOSE if ends else b"", said.rest)
    return b"".join(parts)


@lru_cache(maxsize=4)
def _shared(default: Sequence[tuple[bytes, bytes]]) -> bytes:
    """The headers that all answers of this second have in common."""
    return b"".join(b"%b: %b\r\n" % header for header in (*default, *HEADERS))
