"""Reads members of WeCom's JSON answers with distrust: a value of another kind than it should be counts as missing."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

TASK: Final = re.compile(r"[A-Za-z0-9_.=/+-]{1,128}")  # an id that can stand before | in the name of a message


def rows(found: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    """The objects of a list."""
    listed = found.get(name)
    return [row for row in listed if isinstance(row, Mapping)] if isinstance(listed, list) else []


def words(found: Mapping[str, Any], name: str) -> list[str]:
    """The texts of a list."""
    listed = found.get(name)
    return [one for one in listed if isinstance(one, str) and one] if isinstance(listed, list) else []


def inner(found: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = found.get(name)
    return value if isinstance(value, Mapping) else {}


def text(found: Mapping[str, Any], name: str) -> str:
    value = found.get(name)
    return value if isinstance(value, str) else ""


def number(found: Mapping[str, Any], name: str) -> int:
    value = found.get(name)
    return value if type(value) is int else 0


def moment(found: Mapping[str, Any], name: str, now: int) -> int:
    """UTC seconds up to now; 0 where there are none, now where they lie ahead."""
    return max(0, min(number(found, name), now))


def task(found: Mapping[str, Any]) -> str:
    """The id of a task, "" where it has none that can be asked about."""
    name = text(found, "msgid")
    return name if TASK.fullmatch(name) else ""
