"""What config.yaml may say about a sandbox channel, and the lanes it plays. Loads neither client nor server."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator

from automation.kernel.ports import Lane

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
    Plays.WECOM: (("customer_message", "external_userid", _BOTH),),
    Plays.SMS: (("sms", "phone", _BOTH),),
    Plays.EMAIL: (("email", "email", _BOTH),),
}


class SandboxOptions(BaseModel):
    """`url` of the server; `keyed`: it drops a repeated key, as providers with an idempotency key do."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    plays: Plays
    url: str = "http://127.0.0.1:8025"
    keyed: bool = True
    batch: Annotated[int, Field(ge=1, le=1000)] = 100
    timeout: Annotated[float, Field(gt=0, le=600)] = 10

    @field_validator("url")
    @classmethod
    def _is_http(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.query:
            raise ValueError("url is http://host:port, without a name, password or query")
        return value.rstrip("/")


def lanes(options: SandboxOptions) -> tuple[Lane, ...]:
    """The lanes in the order in which they should be tried."""
    window = KEY_WINDOW if options.keyed else 0
    return tuple(
        Lane(name, address, purposes, options.batch, window) for name, address, purposes in _LANES[options.plays]
    )
