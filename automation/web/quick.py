"""The quick way of single good events of a known sender, without an Idempotency-Key; all others take that of api.py."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Final

from starlette.responses import Response

from . import api, bodies, events, forms
from .context import JSON, Context, busy, document
from .heads import Answer, Scope, Take
from .keys import Keys
from .replies import Reply, reply
from .writer import Full, Unwritable

ROUTE: Final = "api/events"
MANY: Final = b'{"events"'  # how requests with many begin
SAID: Final = {status: reply(Response(body, media_type=JSON)) for status, body in api.ONE.items()}


class QuickEvents:
    """For the loop's thread."""

    def __init__(self, context: Context, keys: Keys) -> None:
        self._context, self._keys = context, keys

    def by_head(self, scope: Scope) -> Take | None:
        """What takes requests of this head; None where the ordinary way must say what is wrong with it."""
        said = ""
        for name, value in scope["headers"]:
            if name == b"idempotency-key":
                return None
            if name == b"authorization":
                said = said or value.decode("latin-1")
        source = self._keys.named(said)
        return None if source is None else partial(self._take, source)

    def _take(self, source: str, scope: Scope, body: bytes, answer: Answer) -> bool:
        context = self._context
        current = context.current
        if current.is_stale or context.callers.put_off(scope) or body.startswith(MANY):
            return False
        try:
            content = bodies.parse(body)
            if not isinstance(content, dict) or api.EVENTS.many in content:
                return False
            shop = current.shop
            chunk = events.Chunk(shop, (events.read(shop, source, context.now(), content),))
            context.writer.put(api.EVENTS.kind, chunk, len(body), partial(self._tell, answer))
        except (bodies.NotJson, forms.Wrong, Full):
            return False
        return True

    def _tell(self, answer: Answer, statuses: Sequence[str] | None, error: BaseException | None) -> None:
        said: Reply
        if statuses is not None:
            said = SAID[statuses[0]]
        elif isinstance(error, Unwritable):
            said = reply(document({"error": forms.Wrong(str(error), "body", "unwritable").problem}, 422))
        else:
            said = reply(busy())
        self._context.counts.request(ROUTE, said.status)
        answer(said)
