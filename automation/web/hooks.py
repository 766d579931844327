"""`/hooks/CHANNEL/SECRET`: what platforms call. Verified before it is read, recorded before it is answered.

A platform waits a few seconds and then calls again, so what takes longer is answered "later"; what was recorded
meanwhile is known by then.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from automation.inbound.inbox import Inbox
from automation.inbound.values import Arrival
from automation.inbound.welcome import Welcomer
from automation.kernel import hooks
from automation.kernel.hooks import Forgery, Hook, Unreadable

from . import addresses, bodies
from .context import Context, busy
from .writer import Full, Unwritable

log = logging.getLogger(__name__)
TIME: Final = 4.0  # seconds; WeChat and WeCom wait 5 (developers.weixin.qq.com, passive replies)
MOST_XML: Final = 64 << 10  # bytes, before anything is known of the sender
MOST: Final = 512 << 10  # of JSON and forms: reports come by the hundred


class Hooks:
    """For the loop's thread; verifying and reading are short and done in it."""

    def __init__(self, context: Context, known: Mapping[str, Hook], inbox: Inbox, welcomer: Welcomer) -> None:
        self._context, self._known, self._inbox, self._welcomer = context, known, inbox, welcomer
        self._key = context.app.vault.link_key

    async def take(self, request: Request) -> Response:
        name = request.path_params["channel"]
        hook = self._known.get(name)
        is_ours = addresses.is_hook(self._key, name, request.path_params["secret"])  # also where there is no such hook
        if hook is None or not is_ours:
            self._context.wrong(request)
            return _plain(404, b"not found")
        try:
            body = await bodies.whole(request, MOST_XML if "xml" in request.headers.get("content-type", "") else MOST)
        except bodies.TooLarge:
            return _plain(413, b"too large", close=True)
        except bodies.TooSlow:
            return _plain(408, b"too slow", close=True)
        said = hooks.Request(
            request.method, dict(request.query_params), dict(request.headers), body,
            self._context.callers.address(request.scope),
        )  # fmt: skip
        try:
            async with asyncio.timeout(TIME):
                return await self._verified(name, hook, said)
        except (TimeoutError, Full):
            return busy()

    async def _verified(self, name: str, hook: Hook, said: hooks.Request) -> Response:
        now = self._context.now()
        try:
            hook.verify(said, now)
        except Forgery as forgery:
            self._context.counts.forgery(name, forgery.code)
            return _plain(403, b"forbidden")
        except Exception as error:  # a fault of the hook must not tell a forger anything
            log.error("the hook of %s failed to verify: %s", name, type(error).__name__)
            self._context.counts.forgery(name, "unforeseen")
            return _plain(403, b"forbidden")
        try:
            happened = tuple(hook.parse(said, now))
        except Exception as error:
            if not isinstance(error, Unreadable):
                log.error("the hook of %s failed to read: %s", name, type(error).__name__)
            return await self._unreadable(name, hook, said, str(error) if isinstance(error, Unreadable) else "")
        reply = None
        if happened:
            try:
                taken = await self._context.writer.submit(self._inbox, Arrival(name, happened), len(said.body))
            except Unwritable:
                return await self._unreadable(name, hook, said, "it cannot be stored")
            self._welcomer.greet(taken.greetings)
            reply = taken.reply
        return _response(hook.answer(said, reply))

    async def _unreadable(self, name: str, hook: Hook, said: hooks.Request, why: str) -> Response:
        """Genuine, and of no use to us: noted, and answered as if it were, or it would come for ever."""
        self._context.counts.cannot_read(name)
        log.warning("a callback of %s could not be read: %s", name, why or "for an unforeseen reason")
        await self._context.writer.submit(self._inbox, Arrival(name, (), said.body, why), len(said.body))
        return _response(hook.answer(said, None))


def _response(answer: hooks.Response) -> Response:
    return Response(answer.body, answer.status, {"content-type": answer.content_type})


def _plain(status: int, text: bytes, close: bool = False) -> Response:
    return Response(text, status, {"connection": "close"} if close else None, "text/plain")
