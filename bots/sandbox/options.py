"""What config.yaml may say about a sandbox channel, and the lanes it plays. Loads neither client nor server."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import ConfigDict, Field, field_validator

from automation.kernel import options
from automation.kernel.ports import Lane
from automation.kernel.shapes import Choice, Strict, refuse

KEY_WINDOW = 86_400  # seconds for which the server remembers a key
_BOTH = frozenset({"marketing", "service"})
_SERVICE = frozenset({"service"})


class Plays(StrEnum):
    """The kind of channel a sandbox channel stands for."""

    WECHAT = "wechat"
    WECOM = "wecom"
    SMS = "sms"
    EMAIL = "email"


_LANES: dict[Plays, tuple[tuple[str, str, frozenset[str]], ...]] = {
    Plays.WECHAT: (("customer_service", "openid", _BOTH), ("template", "openid", _SERVICE)),
    Plays.WECOM: (("customer_message", "wecom_id", _BOTH),),
    Plays.SMS: (("sms", "phone", _BOTH),),
    Plays.EMAIL: (("email", "email", _BOTH),),
}


class SandboxOptions(Strict):
    """`url` of the server; `keyed`: it drops a repeated key, as providers with an idempotency key do."""

    model_config = ConfigDict(hide_input_in_errors=True)

    plays: Choice[Plays]
    url: str = "http://127.0.0.1:8025"
    keyed: bool = True
    batch: Annotated[int, Field(ge=1, le=1000)] = 100
    timeout: options.Seconds = Field(default=10, ge=1, le=600)

    @field_validator("url")
    @classmethod
    def _is_http(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.query:
            raise refuse("the address of a sandbox server is due here", "write http://host:port and nothing more")
        return value.rstrip("/")


def lanes(chosen: SandboxOptions) -> tuple[Lane, ...]:
    """The lanes in the order in which they should be tried."""
    window = KEY_WINDOW if chosen.keyed else 0
    return tuple(
        Lane(name, address, purposes, chosen.batch, window) for name, address, purposes in _LANES[chosen.plays]
    )
