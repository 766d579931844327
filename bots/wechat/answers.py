"""Reads WeChat's JSON answers with distrust: what is no object, or holds the wrong kinds of values, is no answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bots import http


def read(reply: http.Reply) -> Mapping[str, Any]:
    """The members of an answer; none of an answer that is no JSON object."""
    try:
        found = reply.json()
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def errcode(found: Mapping[str, Any]) -> int | None:
    """The code of an answer; None where there is none, or no whole number."""
    code = found.get("errcode")
    return code if type(code) is int else None


def identity(found: Mapping[str, Any], *names: str) -> str:
    """The provider's id of a message under the first of the names that is there; "" where there is none."""
    for name in names:
        value = found.get(name)
        if type(value) is int or (isinstance(value, str) and 0 < len(value) <= 128):
            return str(value)
    return ""
