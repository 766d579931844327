"""A message on its way: rendered, sealed, with the key that stays the same over all its tries on one lane."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import NamedTuple

from automation.kernel.ports import Lane, Message
from automation.policy.claimed import Door

KEY_BYTES = 16  # 32 hexadecimal digits: the most that providers take (WeCom 32, WeChat 64 bytes)


class Prepared(NamedTuple):
    """`body` is the sealed text of the message's body; `token` its claim's; `trail` the ways that refused it.

    `first_at`: when its key was first used. `resend`: nobody knows whether the lane took it. `last`: no way is left
    after this one. `marketing`: by law. `identity_id` None: the channel is the recipient. `grant`: the template that
    the recipient had to allow, "" for none.
    """

    id: int
    token: int
    person_id: int
    identity_id: int | None
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
    grant: str = ""


class Unfit(NamedTuple):
    """A claimed message that cannot be sent: no text came out, or its address cannot be opened. `where`: file:line."""

    id: int
    token: int
    reason: str
    step: int
    where: str


def idempotency_key(secret: bytes, run: str, step: int, visit: int, door: Door) -> str:
    """The same for every try of one message on one lane. `run`: journey, run and when it began: a database made anew
    counts its runs from 1 again, and the provider still knows the keys of the old one.

    Keyed BLAKE2 is a MAC as HMAC is, at a fifth of its time (RFC 7693 2.9).
    """
    state = _keyed(secret).copy()
    state.update(f"{run}|{step}|{visit}|{door.channel}|{door.lane}".encode())
    return state.hexdigest()


@lru_cache(maxsize=8)
def _keyed(secret: bytes) -> hashlib.blake2b:
    """Made once: taking in the key takes as long as the rest."""
    return hashlib.blake2b(digest_size=KEY_BYTES, key=secret)


def body_context(key: str) -> bytes:
    """Binds a sealed body to its attempt."""
    return b"attempt" + key.encode()
