"""Answers of Tencent's and Alibaba's interfaces: JSON objects whose errcode is 0, or is missing, where all is well."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from automation.kernel.ports import Accepted, Denied, Outcome, Unknown
from bots import http


def read(reply: http.Reply) -> dict[str, Any] | None:
    """The members of an answer of status 200; None where it has none or its errcode is no number."""
    found = reply.members()
    return found if found and type(found.get("errcode", 0)) is int else None


def outcome(reply: http.Reply, denied: Callable[[int, str], Denied]) -> Outcome:
    """What an answer to one message means. `denied` reads errcode and errmsg and keeps no word of the latter."""
    if reply.status != 200:
        return http.refusal(reply)
    found = read(reply)
    if found is None or "errcode" not in found:
        return Unknown("garbage")
    if found["errcode"] != 0:
        return denied(found["errcode"], str(found.get("errmsg") or ""))
    return Accepted()
