"""Calls of WeCom's interface: tokens in the shop's cache, one refresh for a refused one, errors without secrets.

Tokens and secrets travel in the query, as WeCom wants them; bots/http.py names no query in its errors.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import Any, Final
from urllib.parse import urlencode

from automation.kernel import clock, errors
from automation.kernel.ports import Cache, Json, Outcome, Unknown
from bots import access_tokens, errcodes, http
from bots.access_tokens import NoToken, Tokens
from bots.wecom import answers, reasons
from bots.wecom.options import WecomOptions

MOST_PAGES: Final = 10_000  # of one list


class Key(StrEnum):
    """Whose secret a call is made with."""

    APP = "app"
    CUSTOMERS = "customers"


class Refusal(errors.Refused):
    """WeCom answered, and refused. `code`: its errcode."""

    def __init__(self, code: int) -> None:
        super().__init__(f"WeCom refused: {reasons.said(code)}")
        self.code = code


@dataclass(frozen=True, slots=True)
class Call:
    """One POST. `headers`: what only the sandbox reads."""

    path: str
    payload: Mapping[str, Json]
    headers: Mapping[str, str]


Answer = dict[str, Any]
NOTHING: Final[Mapping[str, str | int]] = {}


class Api:
    """One account's calls. Serves many threads; a token is fetched by one of them for all."""

    def __init__(self, name: str, options: WecomOptions, cache: Cache) -> None:
        self._base, self._corpid = options.base, options.company
        self._client = http.Client(timeout=options.timeout, connect_timeout=min(options.timeout, 5))
        secrets = {Key.APP: options.app_secret, Key.CUSTOMERS: options.customer_secret}
        self._tokens = {
            key: Tokens(_place(name, key, f"{self._corpid} {secret}"), cache, partial(self._fetch, secret))
            for key, secret in secrets.items()
        }

    def post(self, key: Key, path: str, payload: Mapping[str, Json]) -> Answer:
        """The answer. Raises Refusal, or ServiceAway where none came or none could be read."""
        return self._good(key, lambda token: self._client.post(self._url(path, token), http.encoded(payload)))

    def get(self, key: Key, path: str, **query: str | int) -> Answer:
        """The same with GET."""
        return self._good(key, lambda token: self._client.get(self._url(path, token, query)))

    def pages(
        self, key: Key, path: str, payload: Mapping[str, Json], rows: str, ends: float | None = None
    ) -> Iterator[Mapping[str, Any]]:
        """The rows of all pages of a list. A cursor that comes twice ends it; ServiceAway for a list without an end,
        and where no page may be asked for any more: after `ends`, a moment of clock.monotonic()."""
        cursor, seen = "", {""}
        for _ in range(MOST_PAGES):
            if ends is not None and clock.monotonic() >= ends:
                raise errors.ServiceAway("WeCom takes too long for a list")
            answer = self.post(key, path, {**payload, "cursor": cursor} if cursor else payload)
            yield from answers.rows(answer, rows)
            cursor = answers.text(answer, "next_cursor")
            if cursor in seen:
                return
            seen.add(cursor)
        raise errors.ServiceAway("WeCom's list has no end")

    def each(self, key: Key, calls: Sequence[Call]) -> list[Answer | Outcome]:
        """All calls at once: one answer, or what its failure means, each. Those whose token is refused go once more."""
        tokens = self._tokens[key]
        try:
            token = tokens.get()
        except NoToken as error:
            return [error.outcome] * len(calls)
        found = self._all(calls, token)
        stale = [n for n, answer in enumerate(found) if isinstance(answer, dict) and _is_stale(answer)]
        if stale:
            again: list[Answer | Outcome]
            try:
                again = self._all([calls[n] for n in stale], tokens.renew(token))
            except NoToken as error:
                again = [error.outcome] * len(stale)
            for n, answer in zip(stale, again, strict=True):
                found[n] = answer
        denied = reasons.denied_for_customers if key is Key.CUSTOMERS else reasons.denied
        return [denied(_code(one)) if isinstance(one, dict) and _code(one) != 0 else one for one in found]

    def try_token(self, key: Key) -> None:
        """Fetches a new token: whether corpid and secret are right. Raises Refusal or ServiceAway."""
        try:
            self._tokens[key].fetch()
        except NoToken as error:
            raise _untried(error) from None

    def close(self) -> None:
        self._client.close()

    def _good(self, key: Key, ask: Callable[[str], http.Reply]) -> Answer:
        tokens = self._tokens[key]
        try:
            token = tokens.get()
            answer = _read(ask(token))
            if _is_stale(answer):
                answer = _read(ask(tokens.renew(token)))
        except NoToken as error:
            raise _untried(error) from None
        if _code(answer) != 0:
            raise Refusal(_code(answer))
        return answer

    def _all(self, calls: Sequence[Call], token: str) -> list[Answer | Outcome]:
        posts = [http.Post(self._url(one.path, token), http.encoded(one.payload), one.headers) for one in calls]
        return [_answer(reply) for reply in self._client.post_many(posts)]

    def _url(self, path: str, token: str, query: Mapping[str, str | int] = NOTHING) -> str:
        return f"{self._base}/cgi-bin/{path}?{urlencode({'access_token': token, **query})}"

    def _fetch(self, secret: str) -> tuple[str, int]:
        query = urlencode({"corpid": self._corpid, "corpsecret": secret})
        reply = self._client.get(f"{self._base}/cgi-bin/gettoken?{query}")
        if reply.status != 200:
            raise NoToken(http.refusal(reply))
        found = errcodes.read(reply) or {}
        if _code(found) != 0:
            raise NoToken(reasons.denied(_code(found)))
        return access_tokens.read(found)


def _place(name: str, key: Key, account: str) -> str:
    """Where a token is kept: another corpid or secret in config.yaml is another token."""
    return f"wecom:{name}:{key}:{hashlib.sha256(account.encode()).hexdigest()[:12]}:token"


def _untried(error: NoToken) -> errors.LuchengError:
    if error.refusal is not None:
        return Refusal(error.refusal)
    return errors.ServiceAway(f"no access token from WeCom ({error.outcome.code})")


def _answer(reply: http.Reply | http.TransportError) -> Answer | Outcome:
    """One without an errcode is none: who else may have written it did not take the message."""
    if isinstance(reply, http.TransportError):
        return reply.outcome()
    if reply.status != 200:
        return http.refusal(reply)
    found = errcodes.read(reply)
    return Unknown("garbage") if found is None or "errcode" not in found else found


def _is_stale(answer: Answer) -> bool:
    return _code(answer) in reasons.STALE_TOKEN


def _read(reply: http.Reply) -> Answer:
    if reply.status != 200:
        raise errors.ServiceAway(f"WeCom answered with status {reply.status}")
    answer = errcodes.read(reply)
    if answer is None:
        raise errors.ServiceAway("WeCom gave an answer that is none")
    return answer


def _code(answer: Answer) -> int:
    return int(answer.get("errcode", 0))
