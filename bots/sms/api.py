"""One signed call of an interface and its answer, whatever it is about. The channel and its checks share it."""

from __future__ import annotations

import re
import secrets
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlsplit

from automation.kernel import clock
from automation.kernel.ports import Denied, Unknown
from bots import http
from bots.sms import signing
from bots.sms.options import SmsOptions, TencentOptions

_CODE = re.compile(r"[A-Za-z0-9_.:-]{1,80}")
ALIYUN_VERSION, TENCENT_VERSION = "2017-05-25", "2021-01-11"


@dataclass(frozen=True, slots=True)
class Answer:
    """A complete answer. `code` "": fine. `refusal`: what it means where it is not the provider's own JSON."""

    code: str = ""
    words: str = field(default="", repr=False)
    data: Mapping[str, Any] = field(default_factory=dict, repr=False)
    refusal: Denied | Unknown | None = None


class Api(ABC):
    """The address, the keys, the client. Many calls may leave at once."""

    def __init__(self, options: SmsOptions, now: clock.Clock | None) -> None:
        self.sandbox = options.sandbox
        self._url = f"{options.base}/"
        self._host = urlsplit(options.base).netloc
        self._keys = signing.Keys(*options.keys())
        self._clock = now or clock.SystemClock()
        self._http = http.Client(timeout=options.timeout, connect_timeout=min(options.timeout, 5))

    def call(self, action: str, given: Mapping[str, Any]) -> Answer:
        """Raises http.TransportError."""
        post = self._signed(action, given)
        return self._read(self._http.post(post.url, post.body, post.headers))

    def call_all(self, action: str, given: Sequence[Mapping[str, Any]]) -> list[Answer | http.TransportError]:
        """The same call with different parameters, all at once; one answer or failure each, in order."""
        replies = self._http.post_many([self._signed(action, one) for one in given])
        return [self._read(reply) if isinstance(reply, http.Reply) else reply for reply in replies]

    def close(self) -> None:
        self._http.close()

    @abstractmethod
    def _signed(self, action: str, given: Mapping[str, Any]) -> http.Post:
        """The request, as the provider wants it."""

    @abstractmethod
    def _read(self, reply: http.Reply) -> Answer:
        """What its answer says."""


class Aliyun(Api):
    """RPC style. Parameters travel as a form: the HTTP client never repeats a request that has a body."""

    def _signed(self, action: str, given: Mapping[str, Any]) -> http.Post:
        body = "&".join(f"{_quoted(name)}={_quoted(str(value))}" for name, value in sorted(given.items())).encode()
        call = signing.Call(self._host, action, ALIYUN_VERSION, signing.FORM, body)
        headers = signing.acs3(call, self._keys, self._clock.now(), secrets.token_hex(16))
        return http.Post(self._url, body, {**headers, "Accept": "application/json"})

    def _read(self, reply: http.Reply) -> Answer:
        data = reply.members()
        code = code_of(data)
        if not code:
            return Answer(refusal=_foreign(reply))
        return Answer("" if code == "OK" else code, str(data.get("Message", "")), data)


class Tencent(Api):
    def __init__(self, options: TencentOptions, now: clock.Clock | None) -> None:
        super().__init__(options, now)
        self._region = options.region

    def _signed(self, action: str, given: Mapping[str, Any]) -> http.Post:
        body = http.encoded(given)
        call = signing.Call(self._host, action, TENCENT_VERSION, signing.JSON, body)
        return http.Post(self._url, body, signing.tc3(call, self._keys, self._clock.now(), self._region))

    def _read(self, reply: http.Reply) -> Answer:
        data = reply.members().get("Response")
        if not isinstance(data, dict):
            return Answer(refusal=_foreign(reply))
        error = data.get("Error")
        if error is None:
            return Answer("", "", data)
        code = code_of(error) if isinstance(error, dict) else ""
        return Answer(code, "", data) if code else Answer(refusal=_foreign(reply))


def _foreign(reply: http.Reply) -> Denied | Unknown:
    """An answer that is none of the provider's own: from a proxy or a gateway before it."""
    return Unknown("garbage") if reply.status == 200 else http.refusal(reply)


def code_of(found: Mapping[str, Any]) -> str:
    """The provider's code; "" where there is none, or words: they may hold a number, and are no refusal we know."""
    code = found.get("Code")
    return code if isinstance(code, str) and _CODE.fullmatch(code) else ""


def _quoted(text: str) -> str:
    return quote(text.encode("utf-8", "replace"), safe="~")
