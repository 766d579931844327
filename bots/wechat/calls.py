"""Calls of an account's interfaces over bots/http, many at once: with the token, and once more where it was refused."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from automation.kernel.ports import Accepted, Outcome, Unknown
from bots import errcodes, http
from bots.access_tokens import NoToken, Tokens
from bots.wechat import reasons


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer. `code`: its errcode, None where it has none; `given`: what it means where the code is 0 or missing;
    `found`: its members."""

    code: int | None
    given: Outcome
    found: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def is_refused(self) -> bool:
        return self.code not in (None, reasons.OK, reasons.TAKEN_BEFORE)


class Calls:
    """Serves many threads."""

    def __init__(self, client: http.Client, base: str, tokens: Tokens) -> None:
        self._http, self._base, self._tokens = client, base, tokens

    def post(
        self, path: str, bodies: Sequence[bytes], headers: Mapping[str, str] = http.NO_HEADERS, query: str = ""
    ) -> list[Answer]:
        """One request a body, all at once; an answer each. Those whose token was refused, with which nothing was done,
        leave once more with another. `query`: further parameters, such as type=image."""
        try:
            token = self._tokens.get()
        except NoToken as error:
            return [Answer(None, error.outcome)] * len(bodies)
        url = f"{self._base}{path}?{query}{'&' if query else ''}access_token="
        found = self._post(url, token, bodies, headers)
        stale = [number for number, answer in enumerate(found) if answer.code in reasons.TOKEN]
        if stale:
            try:
                again = self._post(url, self._tokens.renew(token), [bodies[number] for number in stale], headers)
            except NoToken as error:
                again = [Answer(None, error.outcome)] * len(stale)
            for number, answer in zip(stale, again, strict=True):
                found[number] = answer
        return found

    def _post(self, url: str, token: str, bodies: Sequence[bytes], headers: Mapping[str, str]) -> list[Answer]:
        url += quote(token, safe="")
        replies = self._http.post_many([http.Post(url, body, headers) for body in bodies])
        return [_read(reply) for reply in replies]


def encoded(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def _read(reply: http.Reply | http.TransportError) -> Answer:
    if isinstance(reply, http.TransportError):
        return Answer(None, reply.outcome())
    if reply.status != 200:
        return Answer(None, http.refusal(reply))
    found = errcodes.read(reply) or {}
    code = found.get("errcode")
    given = Unknown("garbage") if code is None else Accepted(http.identity(found, "msgid", "msg_id"))
    return Answer(code, given, found)
