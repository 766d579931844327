"""Calls of WeCom's interface: tokens in the shop's cache, one refresh for a refused one, errors without secrets.

Tokens and secrets travel in the query, as WeCom wants them; bots/http.py names no query in its errors.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from urllib.parse import urlencode

from automation.kernel import errors
from automation.kernel.ports import Cache, Denied, Json, Outcome, Reason, Unknown
from bots import errcodes, http
from bots.wecom import reasons
from bots.wecom.options import WecomOptions

EARLY = 300  # seconds by which a token is given up before its time


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


class Api:
    """One account's calls. Serves many threads; a token is fetched by one of them for all."""

    def __init__(self, name: str, options: WecomOptions, cache: Cache) -> None:
        self._base, self._corpid, self._cache, self._name = options.base, options.company, cache, name
        self._secrets = {Key.APP: options.app_secret, Key.CUSTOMERS: options.customer_secret}
        self._held: dict[Key, str] = {}
        self._lock = threading.Lock()
        self._client = http.Client(timeout=options.timeout, connect_timeout=min(options.timeout, 5))

    def post(self, key: Key, path: str, payload: Mapping[str, Json]) -> Answer:
        """The answer. Raises Refusal, or ServiceAway where none came or none could be read."""
        return _good(self._try(key, lambda url: self._client.post(url, http.encoded(payload)), path))

    def get(self, key: Key, path: str, **query: str | int) -> Answer:
        """The same with GET."""
        return _good(self._try(key, self._client.get, path, query))

    def pages(self, key: Key, path: str, payload: Mapping[str, Json], rows: str) -> Iterator[Mapping[str, Any]]:
        """The rows of all pages of a list. A cursor that comes twice ends it: no list is endless."""
        cursor, seen = "", {""}
        while True:
            answer = self.post(key, path, {**payload, "cursor": cursor} if cursor else payload)
            yield from (row for row in answer.get(rows) or [] if isinstance(row, Mapping))
            cursor = str(answer.get("next_cursor") or "")
            if cursor in seen:
                return
            seen.add(cursor)

    def each(self, key: Key, calls: Sequence[Call]) -> list[Answer | Outcome]:
        """All calls at once: one answer, or what its failure means, each. Those whose token is refused go once more."""
        try:
            token = self._token(key)
        except http.TransportError as error:  # the calls themselves have not left
            return [Denied(Reason.UNAVAILABLE, error.code, permanent=False)] * len(calls)
        except (Refusal, errors.ServiceAway) as error:
            return [_untried(error)] * len(calls)
        found = self._all(calls, token)
        stale = [n for n, answer in enumerate(found) if _is_stale(answer)]
        if stale:
            try:
                fresh = self._token(key, stale=token)
            except errors.LuchengError as error:
                again: list[Answer | Outcome] = [_untried(error)] * len(stale)
            else:
                again = self._all([calls[n] for n in stale], fresh)
            for n, answer in zip(stale, again, strict=True):
                found[n] = answer
        return [_outcome(answer) if isinstance(answer, dict) and _code(answer) != 0 else answer for answer in found]

    def try_token(self, key: Key) -> None:
        """Fetches a new token: whether corpid and secret are right. Raises Refusal or ServiceAway."""
        with self._lock:
            self._fetch(key)

    def close(self) -> None:
        self._client.close()

    def _try(self, key: Key, request: Any, path: str, query: Mapping[str, str | int] | None = None) -> Answer:
        token = self._token(key)
        answer = _read(request(self._url(path, token, query)))
        if _code(answer) in reasons.STALE_TOKEN:
            answer = _read(request(self._url(path, self._token(key, stale=token), query)))
        return answer

    def _all(self, calls: Sequence[Call], token: str) -> list[Answer | Outcome]:
        posts = [http.Post(self._url(one.path, token), http.encoded(one.payload), one.headers) for one in calls]
        found: list[Answer | Outcome] = []
        for reply in self._client.post_many(posts):
            if isinstance(reply, http.TransportError):
                found.append(reply.outcome())
            elif reply.status != 200:
                found.append(http.refusal(reply))
            else:
                found.append(errcodes.read(reply) or Unknown("garbage"))
        return found

    def _url(self, path: str, token: str, query: Mapping[str, str | int] | None = None) -> str:
        return f"{self._base}/cgi-bin/{path}?{urlencode({'access_token': token, **(query or {})})}"

    def _token(self, key: Key, stale: str = "") -> str:
        """The token to use; never `stale`, which was refused, unless WeCom itself gives it again."""
        held = self._held.get(key)
        if held and held != stale:
            return held
        with self._lock:
            held = self._held.get(key)  # another thread may have fetched it meanwhile
            if not held or held == stale:
                held = self._cache.get(self._place(key))  # or another process
            if not held or held == stale:
                held = self._fetch(key)
            self._held[key] = held
            return held

    def _fetch(self, key: Key) -> str:
        query = urlencode({"corpid": self._corpid, "corpsecret": self._secrets[key]})
        answer = _good(_read(self._client.get(f"{self._base}/cgi-bin/gettoken?{query}")))
        token, seconds = answer.get("access_token"), answer.get("expires_in")
        if not isinstance(token, str) or not token or not isinstance(seconds, int):
            raise errors.ServiceAway("WeCom gave an answer without a token")
        self._cache.put(self._place(key), token, max(60, seconds - EARLY))
        return token

    def _place(self, key: Key) -> str:
        """Another corpid or secret in config.yaml is another token."""
        mark = hashlib.sha256(f"{self._corpid} {self._secrets[key]}".encode()).hexdigest()[:12]
        return f"wecom:{self._name}:{key}:{mark}:token"


def _untried(error: errors.LuchengError) -> Outcome:
    """What failing to get a token means for a message: nothing of it left."""
    if isinstance(error, Refusal):
        found = reasons.denied(error.code)
        broken = found.reason in (Reason.BAD_CONTENT, Reason.BAD_ADDRESS)
        return Denied(Reason.NOT_ALLOWED, found.code, permanent=False) if broken else found
    code = error.code if isinstance(error, http.TransportError) else "no_token"
    return Denied(Reason.UNAVAILABLE, code, permanent=False)


def _outcome(answer: Answer) -> Denied:
    return reasons.denied(_code(answer))


def _is_stale(answer: Answer | Outcome) -> bool:
    return isinstance(answer, dict) and _code(answer) in reasons.STALE_TOKEN


def _good(answer: Answer) -> Answer:
    if _code(answer) != 0:
        raise Refusal(_code(answer))
    return answer


def _read(reply: http.Reply) -> Answer:
    if reply.status != 200:
        raise errors.ServiceAway(f"WeCom answered with status {reply.status}")
    answer = errcodes.read(reply)
    if answer is None:
        raise errors.ServiceAway("WeCom gave an answer that is none")
    return answer


def _code(answer: Answer) -> int:
    return int(answer.get("errcode", 0))
