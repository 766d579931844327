"""Where the web edge's routes are, and the secret part of a callback's address."""

from __future__ import annotations

import hashlib
import hmac
from functools import lru_cache

HOOKS = "/hooks"


@lru_cache(maxsize=256)
def secret(link_key: bytes, channel: str) -> str:
    """The last part of a channel's callback address: 128 bits, from the master key and the channel's name."""
    return hmac.new(link_key, f"hook {channel}".encode(), hashlib.sha256).hexdigest()[:32]


def hook_path(link_key: bytes, channel: str) -> str:
    """What follows `web.public_url` in the address that is entered at the provider."""
    return f"{HOOKS}/{channel}/{secret(link_key, channel)}"


def is_hook(link_key: bytes, channel: str, given: str) -> bool:
    return hmac.compare_digest(secret(link_key, channel).encode(), given.encode("utf-8", "replace"))
