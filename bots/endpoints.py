"""Where a provider's interface is, and with whose secrets: the official host, or the sandbox on this machine."""

from __future__ import annotations

from typing import Annotated, TypeAlias
from urllib.parse import urlsplit

import pydantic

from automation.kernel import options
from automation.kernel.shapes import refuse


def _loopback(value: str) -> str:
    parts = urlsplit(value)
    plain = parts.scheme == "http" and not (parts.username or parts.query or parts.fragment or parts.path.strip("/"))
    if not plain or not options.is_loopback(parts.hostname or ""):
        raise refuse("the address of a sandbox on this machine is due here", "write http://127.0.0.1:8025")
    return value.rstrip("/")


Sandbox: TypeAlias = Annotated[str, pydantic.AfterValidator(_loopback)]
"""http on the loopback address only: what is sent there never leaves this machine."""


def root(official: str, sandbox: str | None, platform: str) -> str:
    """What stands before an official path; no slash at the end. `platform`: the first word of the sandbox's path."""
    return official if sandbox is None else f"{sandbox}/{platform}"


def or_pretend(given: pydantic.SecretStr | None, pretend: str) -> str:
    """A secret in the clear; the pretend one, which only the sandbox knows, where none is given."""
    return pretend if given is None else given.get_secret_value()


def away(sandbox: str | None) -> str:
    """What to do where nobody answers."""
    if sandbox is None:
        return "does this machine reach the internet, past its firewall and name server? Then try again"
    return "is the sandbox running? Start it with `python -m bots.sandbox`, on the port that `sandbox` names"
