"""Wounds on the wires of real channels, below what they know of themselves: half of a real request, and between two.

`send.half`: the first half of a POST, or of a mail, has left. `post.before`, `.after`: around all POSTs of one round.
"""

from __future__ import annotations

import socket
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from bots import http
from bots.mail.wire import Wire
from tests.processes.harness.wounds import Wound


def cut(wound: Wound) -> None:
    """From now on, in this process."""
    post_many, say = http.Client.post_many, Wire.say

    def posted(client: http.Client, posts: Sequence[http.Post]) -> Any:
        wound.at("post.before")
        if wound.wants("send.half"):
            _half(posts[0])
            wound.at("send.half")
        answers = post_many(client, posts)
        wound.at("post.after")
        return answers

    def said(wire: Wire, data: bytes) -> None:
        if not (wound.wants("send.half") and data.endswith(b"\r\n.\r\n")):
            say(wire, data)
            return
        say(wire, data[: len(data) // 2])
        wound.at("send.half")
        say(wire, data[len(data) // 2 :])

    http.Client.post_many = posted  # type: ignore[method-assign]
    Wire.say = said  # type: ignore[method-assign]


def _half(post: http.Post) -> None:
    """The connection stays open until the process ends: the second half never comes."""
    where = urlsplit(post.url)
    assert where.hostname
    head = {"host": where.netloc, "content-type": "application/json", **post.headers,
            "content-length": str(len(post.body))}  # fmt: skip
    lines = [f"POST {where.path}?{where.query} HTTP/1.1", *(f"{name}: {value}" for name, value in head.items()), "", ""]
    to = socket.create_connection((where.hostname, where.port or 80))
    to.sendall("\r\n".join(lines).encode() + post.body[: len(post.body) // 2])
    _open.append(to)


_open: list[socket.socket] = []
