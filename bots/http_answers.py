"""What comes of an HTTP request, as values: an answer, or an error that says whether the request can have arrived.

Apart from the client (http.py, which passes these names on), because the part that drives libcurl makes them too.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from automation.kernel import errors
from automation.kernel.ports import Denied, Reason, Unknown

MOST_IDENTITY = 128  # characters of an id that is kept
NOT_PUBLIC = "not_public"  # code of a failure: the name leads to an address that may not be connected to


class TransportError(errors.ServiceAway):
    """No complete answer came. The text names the server and the kind of failure, never the path, query or body."""

    def __init__(self, code: str, origin: str) -> None:
        super().__init__(f"{origin}: {self.said} ({code})")
        self.code = code

    said = "no answer"

    def outcome(self) -> Denied | Unknown:
        """What this means for every message of the request."""
        return Unknown(self.code)


class NotSent(TransportError):
    """The server was not reached: no connection, no name, no trusted certificate."""

    said = "could not be reached, nothing was sent"

    def outcome(self) -> Denied | Unknown:
        return Denied(Reason.UNAVAILABLE, self.code, permanent=False)


class AnswerLost(TransportError):
    """The request left and its answer did not arrive whole, in time and within its size."""

    said = "was sent the request and gave no complete answer"


@dataclass(frozen=True, slots=True)
class Reply:
    """A complete answer. Header names are in lower case; of repeated headers the last one counts."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)  # a token, or what stands of a customer

    @property
    def retry_after(self) -> int | None:
        """Seconds the server asked us to wait (RFC 9110 10.2.3); None if it did not, or said it as a date."""
        value = self.headers.get("retry-after", "").strip()
        return int(value) if value.isascii() and value.isdigit() and len(value) < 7 else None

    def json(self) -> object:
        """The body as JSON. ValueError, without any of the text, when it is not."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            raise ValueError("the answer is not JSON") from None

    def members(self) -> dict[str, Any]:
        """The members of the body; none where it is no JSON object."""
        try:
            found = self.json()
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}


def identity(found: Mapping[str, Any], *names: str) -> str:
    """The provider's id of a message under the first of the names that is there; "" where there is none."""
    for name in names:
        value = found.get(name)
        if type(value) is int or isinstance(value, str):
            text = str(value)
            if 0 < len(text) <= MOST_IDENTITY:
                return text
    return ""


def encoded(payload: object) -> bytes:
    """JSON in UTF-8, the same bytes for the same value: providers compare them."""
    text = json.dumps(payload, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.encode("utf-8", "replace")


def refusal(reply: Reply) -> Denied | Unknown:
    """What an answer whose status is not 200 means for the whole request: the same for every provider.

    Only 503 says that nothing was done; other 5xx leave it open (RFC 9110 15.6). 3xx and 4xx are our address or
    permission: an operator must act, then a retry helps.
    """
    code = f"http_{reply.status}"
    if reply.status == 429:
        return Denied(Reason.RATE_LIMITED, code, permanent=False, retry_after=reply.retry_after)
    if reply.status == 503:
        return Denied(Reason.UNAVAILABLE, code, permanent=False, retry_after=reply.retry_after)
    if 300 <= reply.status < 500:
        return Denied(Reason.NOT_ALLOWED, code, permanent=False)
    return Unknown(code)


@dataclass(frozen=True, slots=True)
class Post:
    """One of many requests that leave at once. JSON unless the headers name another Content-Type."""

    url: str = field(repr=False)
    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


def origin(url: str) -> str:
    """Scheme, host and port of a URL: the part that holds no secret (paths of web hooks and queries may)."""
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
        return f"{parts.scheme}://{parts.hostname}{port}"
    except ValueError:
        return "the configured address"
