"""`/wechat/CHANNEL/me`: the page of one's own choices, opened from the menu of an official account.

The browser goes to WeChat and comes back with a code, which says who it is, once. It is sent to no address that a
request names: on to WeChat by the channel's own words, and then to a page of ours.
"""

from __future__ import annotations

import asyncio
import logging
import re
import secrets
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from automation.kernel import errors
from automation.kernel.visits import Visits as Asked
from automation.tracking import pages
from automation.tracking.visiting import Doors

from .context import Context
from .links import page_of

log = logging.getLogger(__name__)
COOKIE: Final = "visit"
VALUE: Final = re.compile(r"[A-Za-z0-9_-]{22,64}")
LASTS: Final = 600  # seconds of the cookie, as of the state
WHERE: Final = "me"
THREADS: Final = 4
MOST: Final = 64  # visits that may wait for WeChat


class Visits:
    """For the loop's thread; asking WeChat has a few threads of its own, so that one that hangs stops nothing else."""

    def __init__(self, context: Context, doors: Doors) -> None:
        self._context, self._doors = context, doors
        self._shop = context.app.settings.shop.name
        self._threads = ThreadPoolExecutor(THREADS, "web-visit")
        self._waiting = 0

    def close(self) -> None:
        """After the last request. What hangs is not waited for."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def me(self, request: Request) -> Response:
        put_off = self._context.put_off(request)
        if put_off is not None:
            return put_off
        name, base = request.path_params["channel"], self._context.app.settings.web.public_url
        asked: Asked | None = getattr(self._context.app.channels.get(name), "visits", None)
        if asked is None or base is None:
            self._context.wrong(request)
            return page_of(pages.unknown(self._shop))
        path = f"/wechat/{name}/me"
        code, state = (request.query_params.get(word, "") for word in ("code", "state"))
        if not code or request.method != "GET":  # a preview's HEAD must not use a code up
            return self._begin(request, asked, base + path)
        found = await self._ask(request, asked, (code, state))
        if isinstance(found, pages.Page):
            return page_of(found)
        return _forget(Response(status_code=302, headers={"location": found}), path)

    def _begin(self, request: Request, asked: Asked, back: str) -> Response:
        """On to WeChat, with a cookie that only this browser has: nobody comes back with another's state."""
        given = request.cookies.get(COOKIE, "")
        browser = given if VALUE.fullmatch(given) else secrets.token_urlsafe(24)
        address = asked.address(back, WHERE, browser, self._context.now())
        answer = Response(status_code=302, headers={"location": address})
        answer.set_cookie(COOKIE, browser, LASTS, path=request.url.path, secure=back.startswith("https://"),
                          httponly=True, samesite="lax")  # fmt: skip
        return answer

    async def _ask(self, request: Request, asked: Asked, said: tuple[str, str]) -> str | pages.Page:
        """The path of the visitor's page, or what they see instead."""
        if self._waiting >= MOST:
            return pages.away(self._shop)
        browser, now = request.cookies.get(COOKIE, ""), self._context.now()
        if not VALUE.fullmatch(browser):
            return self._over(request)  # WeChat was not asked: it is no guess at a code
        self._waiting += 1
        try:
            visitor = await asyncio.get_running_loop().run_in_executor(
                self._threads, lambda: asked.visitor(*said, browser, now)
            )
        except errors.Refused:
            self._context.wrong(request)
            return self._over(request)
        except errors.ServiceAway as away:
            log.warning("channel %s does not tell who visits: %s", request.path_params["channel"], away)
            return pages.away(self._shop)
        finally:
            self._waiting -= 1
        if visitor.where != WHERE:
            return self._over(request)
        name = request.path_params["channel"]
        path = await self._context.readers.run(lambda: self._doors.path(name, visitor.who, now))
        return path or pages.stranger(self._shop)

    def _over(self, request: Request) -> pages.Page:
        return pages.over(self._shop, f"/wechat/{request.path_params['channel']}/me")


def _forget(answer: Response, path: str) -> Response:
    """The state was good once: the cookie it belongs to goes."""
    answer.delete_cookie(COOKIE, path=path)
    return answer
