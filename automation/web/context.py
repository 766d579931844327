"""What the routes of the web edge share, and the answers they have in common."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from automation.app import App

from .callers import Callers
from .counts import Counts
from .readers import Readers
from .shop import Current
from .writer import Writer

JSON: Final = "application/json"
AGAIN: Final = 2  # seconds after which a sender should try again when we are full


@dataclass(slots=True)
class Context:
    """One running web edge. For the loop's thread, but for what says otherwise."""

    app: App
    current: Current
    writer: Writer
    readers: Readers
    callers: Callers
    counts: Counts = field(default_factory=Counts)

    def now(self) -> int:
        return self.app.clock.now()

    def put_off(self, request: Request) -> Response | None:
        """The answer to an address that was wrong too often, None for all others."""
        seconds = self.callers.put_off(request.scope)
        if not seconds:
            return None
        return refusal(429, "too_many_errors", "too many wrong requests came from your address", again=seconds)

    def wrong(self, request: Request) -> None:
        self.callers.wrong(request.scope)


def document(content: Any, status: int = 200) -> Response:
    body = json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()
    return Response(body, status, media_type=JSON)


def refusal(status: int, code: str, message: str, where: str = "", again: int | None = None) -> Response:
    """The same shape for every refusal: what, where, and when to come back."""
    answer = document({"error": {"code": code, "message": message, "where": where}}, status)
    if again is not None:
        answer.headers["retry-after"] = str(again)
    return answer


def closing(answer: Response) -> Response:
    """The last one of its connection: what is left of the body is not read."""
    answer.headers["connection"] = "close"
    return answer


def busy() -> Response:
    return refusal(503, "busy", "this cannot be taken at the moment: send it again", again=AGAIN)
