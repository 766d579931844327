"""A message on its way: rendered, sealed, with the key that stays the same over all its tries on one lane."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import NamedTuple

from automation.kernel.ports import Lane, Message
from automation.policy.claimed import Door

# A key has 32 hexadecimal digits, the most that providers take (WeCom 32, WeChat 64 bytes): 10 of the message's number
# and 22 of the MAC.
NUMBERS = 2**40 - 1
MAC_BYTES = 11


class Prepared(NamedTuple):
    """`body` is the sealed text of the message's body; `token` its claim's; `trail` the ways that refused it.

    `asked_at`: when policy let it go. `first_at`: when its key was first used. `resend`: nobody knows whether the lane
    took it. `last`: no way is left after this one. `marketing`: by law. `identity_id` None: the channel is the
    recipient. `grant`: the template that the recipient had to allow, "" for none.
    """

    id: int
    token: int
    version_id: int
    person_id: int
    identity_id: int | None
    marketing: bool
    door: Door
    lane: Lane
    option: int
    attempts: int
    expires_at: int
    asked_at: int
    trail: str | None
    first_at: int
    resend: bool
    last: bool
    body: bytes
    message: Message
    grant: str = ""


class Ref(NamedTuple):
    """A message as its claim knows it."""

    id: int
    token: int


class Unfit(NamedTuple):
    """A claimed message that cannot be sent: no text came out, or its address cannot be opened. `where`: file:line."""

    id: int
    token: int
    reason: str
    step: int
    where: str


def idempotency_key(secret: bytes, number: int, run: str, door: Door) -> str:
    """The same for every try of one message on one lane. `number`: of the message; `run`: what it was sent for, with
    journey and when it began: a database made anew counts from 1 again, and the provider still knows the old keys.

    The number comes first, so that what is sent together stands together in the index of keys. Keyed BLAKE2 is a MAC as
    HMAC is, at a fifth of its time (RFC 7693 2.9).
    """
    state = _keyed(secret).copy()
    state.update(f"{number}|{run}|{door.channel}|{door.lane}".encode())
    return f"{number & NUMBERS:010x}{state.hexdigest()}"


@lru_cache(maxsize=8)
def _keyed(secret: bytes) -> hashlib.blake2b:
    """Made once: taking in the key takes as long as the rest."""
    return hashlib.blake2b(digest_size=MAC_BYTES, key=secret)


def body_context(key: str) -> bytes:
    """Binds a sealed body to its attempt."""
    return b"attempt" + key.encode()
