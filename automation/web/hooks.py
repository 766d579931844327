"""`/hooks/CHANNEL/SECRET`: what platforms call. Verified before it is read, recorded before it is answered.

A platform waits a few seconds and then calls again, so what takes longer is answered "later"; what was recorded
meanwhile is known by then.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import Final, TypeAlias
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import Response

from automation.inbound.inbox import Inbox
from automation.inbound.values import Arrival, Taken
from automation.inbound.welcome import Welcomer
from automation.kernel import hooks
from automation.kernel.hooks import Forgery, Happening, Hook, Unreadable

from . import addresses, bodies
from .context import Context, busy, closing, refusal
from .heads import Answer, Scope, Take
from .replies import reply
from .writer import Full, Unwritable

log = logging.getLogger(__name__)

Respond: TypeAlias = Callable[[Response], None]
TIME: Final = 4.0  # seconds; WeChat and WeCom wait 5 (developers.weixin.qq.com, passive replies)
MOST_XML: Final = 64 << 10  # bytes, before anything is known of the sender
MOST: Final = 512 << 10  # of JSON and forms: reports come by the hundred


class Hooks:
    """For the loop's thread; verifying and reading are short and done in it."""

    def __init__(self, context: Context, known: Mapping[str, Hook], inbox: Inbox, welcomer: Welcomer) -> None:
        self._context, self._known, self._inbox, self._welcomer = context, known, inbox, welcomer
        self._key = context.app.vault.link_key

    async def take(self, request: Request) -> Response:
        """The ordinary way: any size, any method, any address."""
        name = request.path_params["channel"]
        hook = self._hook(name, request.path_params["secret"])
        if hook is None:
            self._context.wrong(request)
            return _plain(404, b"not found")
        try:
            body = await bodies.whole(request, MOST_XML if "xml" in request.headers.get("content-type", "") else MOST)
        except bodies.TooLarge as error:
            said = _plain(413, b"too large")
            return closing(said) if error.is_endless else said
        except bodies.TooSlow:
            return closing(_plain(408, b"too slow"))
        answered: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
        self._hear(name, hook, self._request(request.scope, body), answered.set_result)
        return await answered

    def by_head(self, scope: Scope) -> Take | None:
        """The quick way, of what is posted to the right address and is not long."""
        name, _, given = scope["path"].removeprefix("/hooks/").partition("/")
        hook = self._hook(name, given)
        return None if hook is None else partial(self._take, name, hook)

    def _take(self, name: str, hook: Hook, scope: Scope, body: bytes, answer: Answer) -> bool:
        if len(body) > MOST_XML:
            return False

        def counted(response: Response) -> None:
            self._context.counts.request("hooks", response.status_code)
            answer(reply(response))

        self._hear(name, hook, self._request(scope, body), counted)
        return True

    def _hook(self, name: str, given: str) -> Hook | None:
        is_ours = addresses.is_hook(self._key, name, given)  # also where there is no such hook
        return self._known.get(name) if is_ours else None

    def _request(self, scope: Scope, body: bytes) -> hooks.Request:
        query = _query(scope["query_string"].decode("latin-1"))
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        return hooks.Request(scope["method"], query, headers, body, self._context.callers.address(scope))

    def _hear(self, name: str, hook: Hook, said: hooks.Request, answer: Respond) -> None:
        """Calls `answer` once, at once or after the commit."""
        now = self._context.now()
        try:
            hook.verify(said, now)
        except Exception as error:
            if not isinstance(error, Forgery):  # a fault of the hook must not tell a forger anything
                log.error("the hook of %s failed to verify: %s", name, type(error).__name__)
            self._context.counts.forgery(name, error.code if isinstance(error, Forgery) else "unforeseen")
            answer(_plain(403, b"forbidden"))
            return
        hearing = _Hearing(self._context, self._inbox, self._welcomer, name, hook, said, answer)
        read = partial(_read, name, hook, said, now)
        if getattr(hook, "asks", False):
            work = asyncio.get_running_loop().run_in_executor(None, read)
            work.add_done_callback(lambda done: hearing.heard(done.result()))
        else:
            hearing.heard(read())


def _read(name: str, hook: Hook, said: hooks.Request, now: int) -> tuple[Happening, ...] | str:
    """What happened; why it cannot be read, where it cannot."""
    try:
        return tuple(hook.parse(said, now))
    except Unreadable as error:
        return str(error) or "unreadable"
    except Exception as error:
        log.error("the hook of %s failed to read: %s", name, type(error).__name__)
        return "for an unforeseen reason"


class _Hearing:
    """A genuine callback until it is answered: after its commit, or when the platform's patience ends."""

    def __init__(
        self, context: Context, inbox: Inbox, welcomer: Welcomer, name: str, hook: Hook, said: hooks.Request,
        answer: Respond,
    ) -> None:  # fmt: skip
        self._context, self._inbox, self._welcomer = context, inbox, welcomer
        self._name, self._hook, self._said = name, hook, said
        self._answer: Respond | None = answer
        self._arrival: Arrival | None = None
        self._is_read = True  # until it turns out that it cannot be, or cannot be stored
        self._timer = asyncio.get_running_loop().call_later(TIME, self._later)

    def heard(self, happened: tuple[Happening, ...] | str) -> None:
        if isinstance(happened, str):
            self.unreadable(happened)
        elif happened:
            self.record(Arrival(self._name, happened))
        else:
            self.say(None)

    def record(self, arrival: Arrival) -> None:
        self._arrival = arrival
        try:
            self._context.writer.put(self._inbox, arrival, len(self._said.body), self._written)
        except Full:
            self._later()

    def unreadable(self, why: str) -> None:
        """Of no use to us: noted, and answered as if it were, or it would come for ever."""
        self._is_read = False
        self._context.counts.cannot_read(self._name)
        log.warning("a callback of %s could not be read: %s", self._name, why)
        self.record(Arrival(self._name, (), self._said.body, why))

    def say(self, taken: Taken | None) -> None:
        if self._answer is None:  # told to come again; what was recorded is known by then
            return
        try:
            if taken is not None:
                self._welcomer.greet(taken.greetings)
            found = self._hook.answer(self._said, taken.reply if taken is not None else None)
            self._end(Response(found.body, found.status, {"content-type": found.content_type}))
        except Exception as error:  # the edge of a channel
            log.error("the hook of %s failed to answer: %s", self._name, type(error).__name__)
            self._end(refusal(500, "unforeseen", "something unforeseen happened"))

    def _written(self, taken: Taken | None, error: BaseException | None) -> None:
        if error is None:
            self.say(taken)
        elif isinstance(error, Unwritable) and self._is_read:
            self._apart()
            self.unreadable("something of it cannot be stored")
        else:
            self._later()

    def _apart(self) -> None:
        """Of several things that one callback tells, one that cannot be stored costs none of the others."""
        assert self._arrival is not None
        if len(self._arrival.happened) > 1:
            for one in self._arrival.happened:
                with suppress(Full):  # then what follows is refused, too, and all of it is told again
                    self._context.writer.put(self._inbox, Arrival(self._name, (one,)), 0, _forget)

    def _later(self) -> None:
        self._end(busy())

    def _end(self, response: Response) -> None:
        answer, self._answer = self._answer, None
        self._timer.cancel()
        if answer is not None:
            answer(response)


def _forget(taken: Taken | None, error: BaseException | None) -> None:
    """Of what is stored apart nobody waits for an answer."""


def _query(text: str) -> dict[str, str]:
    if "%" in text or "+" in text:
        return dict(parse_qsl(text, keep_blank_values=True))
    pairs = (part.partition("=") for part in text.split("&") if part)  # nothing to unquote: a tenth of the cost
    return {name: value for name, _, value in pairs}


def _plain(status: int, text: bytes) -> Response:
    return Response(text, status, media_type="text/plain")
