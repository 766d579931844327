"""The outermost layer: safe headers on every answer, the count of requests, and no traceback for anybody."""

from __future__ import annotations

import logging
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .context import refusal
from .counts import Counts

log = logging.getLogger(__name__)
HEADERS: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
    (b"referrer-policy", b"no-referrer"),
    (b"content-security-policy", b"default-src 'none'; base-uri 'none'; frame-ancestors 'none'"),
)
ROUTES: Final = frozenset(("hooks", "c", "o", "u", "api/events", "api/customers", "api/openapi.json", "healthz",
                           "metrics"))  # fmt: skip


class Guard:
    """An ASGI application around another."""

    def __init__(self, app: ASGIApp, counts: Counts) -> None:
        self._app, self._counts = app, counts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        status = 0

        async def guarded(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                own = message["headers"] = list(message.get("headers", ()))
                named = {name for name, _ in own}
                own += (header for header in HEADERS if header[0] not in named)
            await send(message)

        try:
            await self._app(scope, receive, guarded)
        except Exception as error:  # the edge
            log.error("%s failed: %s", _route(scope["path"]), type(error).__name__, exc_info=_places(error))
            if not status:
                await refusal(500, "unforeseen", "something unforeseen happened")(scope, receive, guarded)
        finally:
            self._counts.request(_route(scope["path"]), status)


def _route(path: str) -> str:
    """The route's name: nothing that was typed by a stranger."""
    first, _, rest = path.lstrip("/").partition("/")
    name = f"{first}/{rest}" if first == "api" else first
    return name if name in ROUTES else "other"


def _places(error: Exception) -> Exception:
    """The error without its text, which might hold what somebody sent."""
    return RuntimeError(type(error).__name__).with_traceback(error.__traceback__)
