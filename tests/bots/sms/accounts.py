"""What tests of SMS accounts share: phones that nobody used yet, messages, and the door for what comes back."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from automation.kernel.ports import Message

_PHONES = iter(range(10_000, 100_000))
Control = Callable[..., Any]


def phone() -> str:
    """A number nobody has used yet in these tests."""
    return f"+86139000{next(_PHONES)}"


def message(to: str, key: str = "k1", lane: str = "marketing", template: str = "hello", **params: str) -> Message:
    body = {"template": template, "params": params or {"name": "王女士"}, "preview": "【旅程示例店】王女士，您好"}
    return Message(key, lane, to, body)


@dataclass
class Door:
    """Takes what is posted to it. `refuse`: how many posts are answered with an error first."""

    url: str = ""
    bodies: list[bytes] = field(default_factory=list)
    refuse: int = 0
    answer: bytes = b'{"code":0,"msg":"ok","result":0}'


def items(door: Door) -> list[Any]:
    return [item for body in door.bodies for item in json.loads(body)]
