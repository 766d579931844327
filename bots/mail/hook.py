"""Reports of a mail service, posted to us: a neutral list in JSON, signed as Standard Webhooks says.

`[{"message_id": "<key@domain>", "kind": "delivered", "at": 1700000000}, ...]`; kind is one of delivered, opened,
clicked, bounced (the address is dead), failed (it is not), complained. A service that speaks otherwise is translated by
a few lines where its posts arrive first.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from automation.kernel.hooks import Forgery, Happening, Receipt, Reply, Request, Response, Unreadable
from bots.mail.options import MailOptions

BIGGEST: Final = 1 << 20  # bytes of a request
MOST: Final = 1000  # reports in it
FRESH: Final = 300  # seconds that a post may be old, or our clocks differ
_KINDS: Final[Mapping[str, tuple[str, bool, bool]]] = {  # our kind, dead, complaint
    "delivered": ("delivered", False, False),
    "opened": ("opened", False, False),
    "clicked": ("clicked", False, False),
    "bounced": ("failed", True, False),
    "failed": ("failed", False, False),
    "complained": ("delivered", False, True),
}


class MailHook:
    """Remembers nothing: a report that is posted again changes nothing."""

    def __init__(self, name: str, options: MailOptions) -> None:
        self.name = name
        self._key = _key(options.hook_secret.get_secret_value()) if options.hook_secret else b""

    def verify(self, request: Request, now: int) -> None:
        """Signed over id, time and body with a key that only the service has; made within the last five minutes."""
        if request.method != "POST":
            raise Forgery("method")
        if not self._key:
            raise Forgery("no_secret")
        if len(request.body) > BIGGEST:
            raise Forgery("too_large")
        number, at = request.headers.get("webhook-id", ""), request.headers.get("webhook-timestamp", "")
        if not (at.isascii() and at.isdigit() and len(at) < 12) or abs(now - int(at)) > FRESH:
            raise Forgery("stale")
        signed = hmac.digest(self._key, f"{number}.{at}.".encode() + request.body, "sha256")
        wanted = f"v1,{base64.b64encode(signed).decode()}".encode()
        given = request.headers.get("webhook-signature", "")[:2000].encode().split()
        if not any(hmac.compare_digest(one, wanted) for one in given):
            raise Forgery("signature")

    def parse(self, request: Request, now: int) -> Sequence[Happening]:
        try:
            data = json.loads(request.body)
        except (ValueError, RecursionError):
            raise Unreadable("not JSON") from None
        items = data if isinstance(data, list) else [data]
        if len(items) > MOST:
            raise Unreadable("too many reports at once")
        return [_receipt(item, number, now) for number, item in enumerate(items, start=1)]

    def answer(self, request: Request, reply: Reply | None) -> Response:
        return Response(204)


def _receipt(item: Any, number: int, now: int) -> Receipt:
    if not isinstance(item, dict):
        raise Unreadable(f"report {number} is no object")
    name, kind, at = item.get("message_id"), item.get("kind"), item.get("at", now)
    if not isinstance(name, str) or not 0 < len(name) <= 300:
        raise Unreadable(f"report {number} has no message_id")
    if not isinstance(kind, str) or kind not in _KINDS:
        raise Unreadable(f"report {number} has no kind that we know")
    if not isinstance(at, int) or isinstance(at, bool) or not 0 < at <= now + FRESH:
        raise Unreadable(f"report {number} has no time")
    ours, dead, complaint = _KINDS[kind]
    return Receipt(name.strip().strip("<>"), ours, min(at, now), kind, dead, complaint)


def _key(secret: str) -> bytes:
    """A secret of Standard Webhooks is whsec_ and base64; any other is taken as it is."""
    if secret.startswith("whsec_"):
        try:
            return base64.b64decode(secret.removeprefix("whsec_"), validate=True)
        except binascii.Error:
            pass
    return secret.encode()
