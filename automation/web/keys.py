"""Who sends: the keys of `web.api_keys`, and what is said to whoever has none of them."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response

from .context import refusal


class Keys:
    """The senders, by their keys. Every key is compared with every given one, in the same time."""

    def __init__(self, keys: Mapping[str, str]) -> None:
        self._hashes = [(name, _hash(key)) for name, key in keys.items()]

    def sender(self, request: Request) -> str | None:
        """The name of who sends."""
        return self.named(request.headers.get("authorization", ""))

    def named(self, authorization: str) -> str | None:
        """The same, by the value of that header: `Bearer KEY`."""
        scheme, _, key = authorization.partition(" ")
        given, found = _hash(key.strip()), None
        for name, known in self._hashes:
            if hmac.compare_digest(known, given):
                found = name
        return found if scheme.lower() == "bearer" else None


def unknown(request: Request) -> Response:
    """The answer to whoever is no sender. It tells of the request alone, nothing of the keys there are."""
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    if not scheme:
        code, message = "no_key", "send Authorization: Bearer KEY with a key of web.api_keys"
    elif scheme.lower() != "bearer" or not key.strip():
        code, message = "no_key", "Authorization is there, but it is not of the form: Bearer KEY"
    else:
        code, message = "wrong_key", "the key that was sent is none of web.api_keys: look for a changed or cut-off one"
    answer = refusal(401, code, message, "Authorization")
    answer.headers["www-authenticate"] = "Bearer"
    return answer


def _hash(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "replace")).digest()
