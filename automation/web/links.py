"""`/c`, `/o`, `/u` and `/m`: links in messages that customers follow, pictures that mails show, pages to choose on."""

from __future__ import annotations

import base64
import logging
from collections.abc import Callable, Sequence
from typing import Any, Final
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import Response

from automation.engine.parts import Parts
from automation.store.database import Transaction
from automation.tracking import following, pages
from automation.tracking.answering import Answers, Form
from automation.tracking.following import Follower, Seen, Subject
from automation.tracking.pages import Page

from . import bodies
from .context import Context
from .writer import Full, Unwritable, Write

log = logging.getLogger(__name__)
PIXEL: Final = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")  # a GIF of one point
MOST_FORM: Final = 16 << 10  # bytes
MOST_FIELDS: Final = 64
HTML: Final = "text/html; charset=utf-8"


class Links:
    """For the loop's thread."""

    def __init__(self, context: Context, parts: Parts, follower: Follower, answers: Answers) -> None:
        self._context, self._follower, self._answers = context, follower, answers
        self._seen, self._left = _SeenKind(parts), _LeftKind(answers)

    async def click(self, request: Request) -> Response:
        """On to where the link leads, in one hop. A HEAD, as link previews send it, is no click."""
        put_off = self._context.put_off(request)
        if put_off is not None:
            return put_off
        token = request.path_params["token"]
        target = await self._context.readers.run(lambda: self._follower.follow(token))
        if target is None:
            return self._unknown(request)
        if request.method == "GET":
            await self._note(Seen(target.message_id, "clicked", self._context.now(), target.label))
        return Response(status_code=302, headers={"location": target.url})

    async def picture(self, request: Request) -> Response:
        put_off = self._context.put_off(request)
        if put_off is not None:
            return put_off
        message = self._follower.opened(request.path_params["token"])
        if message is None:
            return self._unknown(request)
        if request.method == "GET":
            await self._note(Seen(message, "opened", self._context.now()))
        return Response(PIXEL, media_type="image/gif")

    async def leave(self, request: Request) -> Response:
        """The page behind a link in a message."""
        return await self._choose(request, self._follower.subject_of)

    async def visit(self, request: Request) -> Response:
        """The same page for somebody who came from the menu of the account."""
        now = self._context.now()
        return await self._choose(request, lambda token: self._follower.visit_of(token, now))

    async def _choose(self, request: Request, find: Callable[[str], Subject | None]) -> Response:
        """GET looks, POST acts, never with a redirect (RFC 8058 3.2)."""
        put_off = self._context.put_off(request)
        if put_off is not None:
            return put_off
        token, readers = request.path_params["token"], self._context.readers
        subject = await readers.run(lambda: find(token))
        if subject is None:
            self._context.wrong(request)
        if subject is None or request.method != "POST":
            return page_of(await readers.run(lambda: self._answers.look(subject)))
        try:
            form = _form(await bodies.whole(request, MOST_FORM), request.headers.get("content-type", ""))
            page = await self._context.writer.submit(self._left, (subject, form), MOST_FORM)
        except (bodies.TooLarge, ValueError):
            return _plain(400, "this form cannot be read")
        except bodies.TooSlow:
            return _plain(408, "too slow")
        except Full:
            answer = _plain(503, "请稍后再试")
            answer.headers["retry-after"] = "2"
            return answer
        return page_of(page)

    async def _note(self, seen: Seen) -> None:
        """Recorded before it is answered; where that cannot be, whoever clicked goes on all the same."""
        try:
            await self._context.writer.submit(self._seen, seen, 100)
        except (Full, Unwritable) as error:
            log.warning("a message was %s and that was not recorded: %s", seen.kind, error)

    def _unknown(self, request: Request) -> Response:
        self._context.wrong(request)
        return page_of(pages.unknown(self._context.app.settings.shop.name))


class _SeenKind:
    """Records opens and clicks."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def prepare(self, now: int, items: Sequence[Seen]) -> Write:
        def write(tx: Transaction) -> Sequence[None]:
            following.record(self._parts, tx, items, now)
            return [None] * len(items)

        return write


class _LeftKind:
    """Does what a form says; a result is the page that answers it."""

    def __init__(self, answers: Answers) -> None:
        self._answers = answers

    def prepare(self, now: int, items: Sequence[tuple[Subject, Form]]) -> Write:
        return lambda tx: [self._answers.act(tx, subject, form, now) for subject, form in items]


def _form(body: bytes, content_type: str) -> Form:
    """The fields of a form, in either of the two encodings mail programs use (RFC 8058 3.1). ValueError."""
    if content_type.startswith("multipart/form-data"):
        return _multipart(body, content_type)
    return parse_qs(body.decode("ascii"), keep_blank_values=True, max_num_fields=MOST_FIELDS)


def _multipart(body: bytes, content_type: str) -> Form:
    from email.parser import BytesParser  # rare
    from email.policy import HTTP

    whole: Any = BytesParser(policy=HTTP).parsebytes(b"Content-Type: %s\r\n\r\n" % content_type.encode("ascii") + body)
    found: dict[str, list[str]] = {}
    for part in whole.iter_parts():
        name = part.get_param("name", header="content-disposition")
        if isinstance(name, str) and len(found) < MOST_FIELDS and not part.is_multipart():
            found.setdefault(name, []).append(part.get_payload(decode=True).decode("utf-8", "replace").strip())
    return found


def page_of(page: Page) -> Response:
    return Response(page.html.encode(), page.status, {**pages.HEADERS, "content-type": HTML})


def _plain(status: int, text: str) -> Response:
    return Response(text.encode(), status, media_type="text/plain")
