"""A message on its way: rendered, sealed, with the key that stays the same over all its tries on one lane."""

from __future__ import annotations

import hmac
import json
from typing import NamedTuple

from automation.kernel.ports import Body, Lane, Message
from automation.policy.claimed import Door

KEY_BYTES = 16  # 32 hexadecimal digits: the most that providers take (WeCom 32, WeChat 64 bytes)
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


class Prepared(NamedTuple):
    """`body` is the sealed text of the message's body; `token` the claim it belongs to. `first_at`: when its key was first
    used. `resend`: nobody knows whether the lane took it. `last`: no way is left after this one. `marketing`: by law.
    `trail`: the ways that refused it."""

    id: int
    token: int
    person_id: int
    identity_id: int
    marketing: bool
    door: Door
    lane: Lane
    option: int
    attempts: int
    expires_at: int
    trail: str | None
    first_at: int
    resend: bool
    last: bool
    body: bytes
    message: Message


class Unfit(NamedTuple):
    """A claimed message that cannot be sent: no text came out, or its address cannot be opened. `where`: file:line."""

    id: int
    token: int
    reason: str
    step: int
    where: str


def idempotency_key(secret: bytes, run: str, step: int, visit: int, door: Door) -> str:
    """The same for every try of one message on one lane. `run`: journey and run, which no other shop shares with us."""
    text = f"{run}|{step}|{visit}|{door.channel}|{door.lane}"
    return hmac.digest(secret, text.encode(), "sha256")[:KEY_BYTES].hex()


def body_context(key: str) -> bytes:
    """Binds a sealed body to its attempt."""
    return b"attempt" + key.encode()


def encode(body: Body) -> str:
    return _encode(body)
