"""Lets wechatpy, which builds its requests with the library of that name, send them through bots/http.py.

So they have time-outs (its token calls had none), a size cap, no redirects, no proxy of the environment, and errors
without secrets: requests' own hold the whole address, with access_token and appsecret. Shared by bots/wechat and
bots/wecom.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import requests
from requests.adapters import BaseAdapter

from bots import http

_PASSED_ON = ("content-type", "accept")


def mount(session: requests.Session, client: http.Client, base: str | None = None) -> None:
    """Every https request of `session` goes out over `client`. `base`: scheme, host and beginning of the path that
    stand in for every official host, as http://127.0.0.1:8025/wechat; None: the official ones.

    Calls raise bots.http.TransportError where no whole answer came.
    """
    session.trust_env = False
    session.adapters.clear()
    session.mount("https://", Adapter(client, base))


class Adapter(BaseAdapter):
    """One request on the wire a call, never repeated, never redirected."""

    def __init__(self, client: http.Client, base: str | None) -> None:
        super().__init__()
        self._client, self._base = client, base

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: bool | str = True,
        cert: Any = None,
        proxies: Mapping[str, str] | None = None,
    ) -> requests.Response:
        """The limits are the client's: what the caller says of time-outs, proxies and trust counts for nothing."""
        url = self._place(request.url or "")
        headers = {name: _text(value) for name, value in request.headers.items() if name.lower() in _PASSED_ON}
        if request.method == "GET":
            return _response(request, self._client.get(url, headers))
        if request.method == "POST":
            return _response(request, self._client.post(url, _bytes(request.body), headers))
        raise ValueError(f"the method {request.method} is not for this client")

    def close(self) -> None:
        """The client belongs to whoever made it."""

    def _place(self, url: str) -> str:
        if self._base is None:
            return url
        official, ours = urlsplit(url), urlsplit(self._base)
        return urlunsplit((ours.scheme, ours.netloc, ours.path + official.path, official.query, ""))


def _response(request: requests.PreparedRequest, reply: http.Reply) -> requests.Response:
    response = requests.Response()
    response.status_code = reply.status
    response.headers.update({name: value for name, value in reply.headers.items() if name != "location"})
    response.raw = io.BytesIO(reply.body)
    response.encoding = "utf-8"
    response.request = request
    response.url = http.origin(request.url or "")  # it stands in requests' errors: without the token
    return response


def _bytes(body: Any) -> bytes:
    if isinstance(body, str):
        return body.encode("utf-8", "replace")
    return b"" if body is None else bytes(body)


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value
