"""Heads of requests that were read before. A sender who keeps a connection sends the same head again, letter by letter.

Reading the head is what a small request costs most; the same bytes mean the same, so they are read once. Only heads of
requests that were taken are kept: of a known sender, with a length, on a connection that stays.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple, TypeAlias

from .replies import Reply

Scope: TypeAlias = Any  # of ASGI: uvicorn and starlette type it differently
Answer: TypeAlias = Callable[[Reply], None]
# Takes a request with its whole body and answers it once, now or later; or says False and has done nothing.
Take: TypeAlias = Callable[[Scope, bytes, Answer], bool]
# What takes requests of this head, None for the ordinary way. Asked before the body is there.
Quick: TypeAlias = Callable[[Scope], Take | None]

END: Final = b"\r\n\r\n"
KEPT: Final = 1_000  # heads
LONGEST: Final = 4 << 10  # bytes of one


class Head(NamedTuple):
    """`whole`: bytes of the request, `start`: where its body begins. The client in `scope` is the first who sent it."""

    take: Take
    scope: Scope
    start: int
    whole: int


class Heads:
    """For the loop's thread. Bounded: a sender whose heads never repeat only makes it forget."""

    def __init__(self) -> None:
        self._known: dict[bytes, Head] = {}

    def find(self, piece: bytes) -> Head | None:
        """The head that a piece begins with, where the piece is one whole request and no more."""
        known = self._known.get(piece[: piece.find(END) + len(END)])
        return known if known is not None and known.whole == len(piece) else None

    def keep(self, piece: bytes, scope: Scope, body: bytes, take: Take) -> None:
        """`piece`: what arrived, beginning where a request may begin; `scope`, `body`: what was read of it.

        Nothing is kept unless the piece is head and body and nothing else: then the head said where the body ends.
        What has a query is another each time.
        """
        start = len(piece) - len(body)
        head = piece[:start]
        if scope["query_string"] or start > LONGEST or piece.find(END) + len(END) != start or piece[start:] != body:
            return
        if len(self._known) >= KEPT:
            self._known.clear()
        self._known[head] = Head(take, scope, start, len(piece))
