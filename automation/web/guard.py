"""The outermost layer: safe headers on every answer, the count of requests, and no traceback for anybody."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from functools import lru_cache
from typing import Final, TypeAlias

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from automation.store.faults import is_away

from .context import busy, refusal
from .counts import Counts
from .writer import Full

log = logging.getLogger(__name__)
FEW: Final = 3  # headers; an answer with fewer has none of these
HEADERS: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
    (b"referrer-policy", b"no-referrer"),
    (b"content-security-policy", b"default-src 'none'; base-uri 'none'; frame-ancestors 'none'"),
)
ROUTES: Final = frozenset(("hooks", "c", "o", "u", "m", "wechat", "api/events", "api/customers", "api/openapi.json",
                           "healthz", "metrics"))  # fmt: skip


Endpoint: TypeAlias = Callable[[Request], Awaitable[Response]]


class Guard:
    """An ASGI application around another. `often`: paths for POST alone that come by the thousand; finding their way
    through the routes would cost more than answering them."""

    def __init__(self, app: ASGIApp, often: Mapping[str, Endpoint], counts: Counts) -> None:
        self._app, self._often, self._counts = app, often, counts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        path, status = scope["path"], 0

        async def guarded(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                own = message["headers"] = list(message.get("headers", ()))
                own += HEADERS if len(own) < FEW else _missing(own)
            await send(message)

        try:
            often = self._often.get(path)
            if often is not None and scope["method"] == "POST":
                answer = await often(Request(scope, receive))
                await answer(scope, receive, guarded)
            else:
                await self._app(scope, receive, guarded)
        except Exception as error:  # the edge
            if is_passing(error):
                log.warning("%s could not be answered: %s", _route(path), type(error).__name__)
            else:
                log.error("%s failed: %s", _route(path), type(error).__name__, exc_info=error)
            if not status:
                await apology(error)(scope, receive, guarded)
        finally:
            self._counts.request(_route(path), status)


def is_passing(error: Exception) -> bool:
    """Whether what cannot be done now can be in a moment; all else is a fault of ours."""
    return isinstance(error, Full) or is_away(error)


def apology(error: Exception) -> Response:
    return busy() if is_passing(error) else refusal(500, "unforeseen", "something unforeseen happened")


def _missing(own: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    named = {name for name, _ in own}
    return [header for header in HEADERS if header[0] not in named]


@lru_cache(maxsize=1024)
def _route(path: str) -> str:
    """The route's name: nothing that was typed by a stranger."""
    first, _, rest = path.lstrip("/").partition("/")
    name = f"{first}/{rest}" if first == "api" else first
    return name if name in ROUTES else "other"
