"""The access token of one account: kept in memory and in the shop's Cache, fetched by one thread while others wait.

stable_token (doc/service/api/base/api_getstableaccesstoken) answers every process with the same token, so no process
spoils another's; force_refresh (20 a day) is never used. Appid and secret travel in the body, not in an address.
"""

from __future__ import annotations

import logging
import threading
from typing import Final

from automation.kernel import errors
from automation.kernel.clock import monotonic
from automation.kernel.ports import Cache, Denied, Reason, Unknown
from bots import http
from bots.wechat import answers, reasons

log = logging.getLogger(__name__)
PATH: Final = "/cgi-bin/stable_token"
TRUSTED: Final = 60.0  # seconds for which memory is believed before the Cache is looked at again
OVERLAP: Final = 300  # seconds before its end in which WeChat hands out the next token; both hold
PAUSE: Final = 10.0  # seconds in which a refusal, or a token that was no better, is not asked for again


class NoToken(Exception):
    """There is no token to be had: what that means for every message that waits for it. Nothing was sent."""

    def __init__(self, outcome: Denied) -> None:
        super().__init__(f"no access token: {outcome.reason} {outcome.code}")
        self.outcome = outcome


class Tokens:
    """Serves many threads and, over the Cache, the processes of a shop."""

    def __init__(self, client: http.Client, base: str, appid: str, secret: str, cache: Cache) -> None:
        self._client, self._url, self._cache = client, base + PATH, cache
        self._appid, self._secret = appid, secret
        self._name = f"wechat token {http.origin(base)} {appid}"
        self._lock = threading.Lock()
        self._tries = 0  # finished tries to get one: who waited for another's try takes its result
        self._token, self._until = "", 0.0
        self._failure: Denied | None = None
        self._useless, self._quiet_until = "", 0.0

    def get(self) -> str:
        """The token. Raises NoToken."""
        token = self._token
        return token if token and monotonic() < self._until else self._renewed("")

    def renew(self, failed: str) -> str:
        """Another token than the one that was refused. Raises NoToken, also where WeChat has no other."""
        return self._renewed(failed)

    def _renewed(self, failed: str) -> str:
        seen = self._tries
        with self._lock:
            if self._token and self._token != failed and monotonic() < self._until:
                return self._token
            if self._failure is not None and (seen != self._tries or monotonic() < self._quiet_until):
                raise NoToken(self._failure)
            try:
                self._find(failed)
            except NoToken as error:
                self._forget(error.outcome)
                raise
            finally:
                self._tries += 1
            return self._token

    def _find(self, failed: str) -> None:
        shared = self._shared()
        if shared and shared != failed:
            self._keep(shared, TRUSTED)
            return
        token, seconds = self._fetch()
        if token == failed:
            raise NoToken(Denied(Reason.NOT_ALLOWED, "token_refused", permanent=False))
        self._share(token, max(1, seconds - OVERLAP))
        self._keep(token, min(TRUSTED, seconds))

    def _keep(self, token: str, seconds: float) -> None:
        self._token, self._until, self._failure = token, monotonic() + seconds, None

    def _forget(self, why: Denied) -> None:
        """A provider that is away is asked again by the next message; one that refuses us, after a pause."""
        self._token, self._failure = "", why
        self._quiet_until = monotonic() + (PAUSE if why.reason is Reason.NOT_ALLOWED else 0)

    def _fetch(self) -> tuple[str, int]:
        body = {"grant_type": "client_credential", "appid": self._appid, "secret": self._secret}
        try:
            reply = self._client.post_json(self._url, body)
        except http.TransportError as error:  # whatever became of the request: no message was sent
            raise NoToken(Denied(Reason.UNAVAILABLE, error.code, permanent=False)) from None
        if reply.status != 200:
            raise NoToken(_no_message(http.refusal(reply)))
        found = answers.read(reply)
        token = found.get("access_token")
        seconds = found.get("expires_in")
        if isinstance(token, str) and 0 < len(token) <= 1024 and token.isascii() and token.isprintable():
            return token, seconds if type(seconds) is int and 0 < seconds <= 86_400 else OVERLAP + 60
        code = answers.errcode(found)
        if code in (None, reasons.OK):
            raise NoToken(Denied(Reason.UNAVAILABLE, "garbage", permanent=False))
        raise NoToken(_no_message(reasons.refused(code)))

    def _shared(self) -> str | None:
        try:
            return self._cache.get(self._name)
        except errors.LuchengError as error:  # a token can be had without it
            log.warning("the shared cache cannot be read: %s", type(error).__name__)
            return None

    def _share(self, token: str, seconds: int) -> None:
        try:
            self._cache.put(self._name, token, seconds)
        except errors.LuchengError as error:
            log.warning("the shared cache cannot be written: %s", type(error).__name__)


def _no_message(outcome: Denied | Unknown) -> Denied:
    """A failed token call as an outcome of messages that were never sent: no reason there is final for a message."""
    if isinstance(outcome, Unknown):
        return Denied(Reason.UNAVAILABLE, outcome.code, permanent=False)
    reason = outcome.reason if outcome.reason in _KEPT else Reason.NOT_ALLOWED
    return Denied(reason, outcome.code, permanent=False, retry_after=outcome.retry_after)


_KEPT: Final = frozenset({Reason.UNAVAILABLE, Reason.RATE_LIMITED, Reason.NOT_ALLOWED})
