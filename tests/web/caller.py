"""One HTTP request at a time over a plain connection, as any client would make it."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

KEY = "shop-key-of-a-test"


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class Caller:
    url: str

    @property
    def place(self) -> tuple[str, int]:
        parts = urlsplit(self.url)
        return parts.hostname or "", parts.port or 0

    def __call__(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        connection = http.client.HTTPConnection(*self.place, timeout=15)
        try:
            connection.request(method, path, body, dict(headers or {}))
            answer = connection.getresponse()
            return Answer(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
        finally:
            connection.close()

    def post(self, path: str, content: Any, **headers: str) -> Answer:
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        return self("POST", path, body, {"authorization": f"Bearer {KEY}", **given})

    def raw(self, text: bytes, wait: float = 15) -> bytes:
        """What comes back for bytes on a connection, until it is closed."""
        with socket.create_connection(self.place, timeout=wait) as connection:
            connection.sendall(text)
            found = b""
            while piece := connection.recv(65536):
                found += piece
            return found
