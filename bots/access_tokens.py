"""The access token of one account: kept in memory and in the shop's Cache, fetched by one thread while others wait.

Shared by bots/wechat and bots/wecom, which say how a token is fetched.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from automation.kernel import errors
from automation.kernel.clock import monotonic
from automation.kernel.ports import Cache, Denied, Reason, Unknown
from bots import http

log = logging.getLogger(__name__)
TRUSTED: Final = 60.0  # seconds for which memory is believed before the Cache is looked at again
OVERLAP: Final = 300  # seconds before its end in which a token is given up; the next one is already to be had
LONGEST: Final = 86_400  # seconds; what claims to hold longer, or says no number, is believed for OVERLAP + TRUSTED
PAUSE: Final = 10.0  # seconds in which a refusal, or a token that was no better, is not asked for again
_KEPT: Final = frozenset({Reason.UNAVAILABLE, Reason.RATE_LIMITED, Reason.NOT_ALLOWED})


class NoToken(Exception):
    """There is no token to be had. `outcome`: what that means for every message that waits for one: none was sent, so
    nothing is unknown, and no reason is final for a message."""

    def __init__(self, why: Denied | Unknown) -> None:
        if isinstance(why, Unknown):
            self.outcome = Denied(Reason.UNAVAILABLE, why.code, permanent=False)
        else:
            reason = why.reason if why.reason in _KEPT else Reason.NOT_ALLOWED
            self.outcome = Denied(reason, why.code, permanent=False, retry_after=why.retry_after)
        super().__init__(f"no access token: {self.outcome.reason} {why.code}")

    @property
    def refusal(self) -> int | None:
        """The provider's errcode where it refused the account itself."""
        code = self.outcome.code
        return int(code) if self.outcome.reason is Reason.NOT_ALLOWED and code.isdecimal() else None


Fetch: TypeAlias = Callable[[], tuple[str, int]]
"""The token and for how many seconds it holds. Raises NoToken, or TransportError."""


def read(found: Mapping[str, Any]) -> tuple[str, int]:
    """What an answer without an errcode brings. Raises NoToken where that is no token."""
    token, seconds = found.get("access_token"), found.get("expires_in")
    if not (isinstance(token, str) and 0 < len(token) <= 1024 and token.isascii() and token.isprintable()):
        raise NoToken(Unknown("garbage"))
    return token, seconds if type(seconds) is int and 0 < seconds <= LONGEST else OVERLAP + int(TRUSTED)


class Tokens:
    """Serves many threads and, over the Cache, the processes of a shop."""

    def __init__(self, name: str, cache: Cache, fetch: Fetch) -> None:
        """`name`: in the Cache; another account, or another secret of it, has another."""
        self._name, self._cache, self._fetch = name, cache, fetch
        self._lock = threading.Lock()
        self._tries = 0  # finished tries to get one: who waited for another's try takes its result
        self._held: tuple[str, float] = ("", 0.0)  # the token, and until when memory is believed
        self._failure: Denied | None = None
        self._quiet_until = 0.0

    def get(self) -> str:
        """The token. Raises NoToken."""
        token, until = self._held
        return token if token and monotonic() < until else self._renewed("")

    def renew(self, failed: str) -> str:
        """Another token than the one that was refused. Raises NoToken, also where the provider has no other."""
        return self._renewed(failed)

    def fetch(self) -> None:
        """Asks the provider whatever is known: whether the account's secret is right. Raises NoToken."""
        with self._lock:
            self._keep_new("")

    def _renewed(self, failed: str) -> str:
        seen = self._tries
        with self._lock:
            token, until = self._held
            if token and token != failed and monotonic() < until:
                return token
            if self._failure is not None and (seen != self._tries or monotonic() < self._quiet_until):
                raise NoToken(self._failure)
            try:
                shared = self._shared()
                if shared and shared != failed:
                    self._keep(shared, TRUSTED)
                else:
                    self._keep_new(failed)
            except NoToken as error:
                self._forget(error.outcome)
                raise
            finally:
                self._tries += 1
            return self._held[0]

    def _keep_new(self, failed: str) -> None:
        try:
            token, seconds = self._fetch()
        except http.TransportError as error:  # whatever became of the request: no message was sent
            raise NoToken(Unknown(error.code)) from None
        if token == failed:
            raise NoToken(Denied(Reason.NOT_ALLOWED, "token_refused"))
        self._share(token, max(1, seconds - OVERLAP))
        self._keep(token, min(TRUSTED, seconds))

    def _keep(self, token: str, seconds: float) -> None:
        self._held, self._failure = (token, monotonic() + seconds), None

    def _forget(self, why: Denied) -> None:
        """A provider that is away is asked again by the next message; one that refuses us, after a pause."""
        self._held, self._failure = ("", 0.0), why
        self._quiet_until = monotonic() + (PAUSE if why.reason is Reason.NOT_ALLOWED else 0)

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
