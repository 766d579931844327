"""What config.yaml may say about a mail channel. Apart from the channel, so that reading settings loads no SMTP."""

from __future__ import annotations

from enum import StrEnum
from ipaddress import ip_address
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from bots.mail import mime


class Tls(StrEnum):
    """How the connection to the relay is protected."""

    NONE = "none"  # a relay on this machine
    STARTTLS = "starttls"  # refused when the relay does not offer it: never silently plain
    TLS = "tls"  # from the first byte (RFC 8314)


_PORTS = {Tls.NONE: 25, Tls.STARTTLS: 587, Tls.TLS: 465}
Seconds = Annotated[float, Field(gt=0, le=3600)]


class MailOptions(BaseModel):
    """A relay and the sender's name. `data_timeout` is the wait after a whole mail was handed over: giving up earlier
    than the relay means a second copy (RFC 1047; RFC 5321 4.5.3.2.6 asks for 10 minutes)."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    host: Annotated[str, Field(min_length=1, max_length=253)]
    port: Annotated[int | None, Field(ge=1, le=65535)] = None
    tls: Tls = Tls.STARTTLS
    ca_file: str | None = None
    user: str | None = None
    password: SecretStr | None = None
    from_address: str
    from_name: Annotated[str, Field(max_length=200)] = ""
    reply_to: str | None = None
    timeout: Seconds = 30
    data_timeout: Seconds = 600

    @property
    def relay_port(self) -> int:
        return self.port or _PORTS[self.tls]

    @model_validator(mode="after")
    def _is_coherent(self) -> Self:
        for name in ("from_address", "reply_to"):
            value = getattr(self, name)
            if value is not None and mime.address(value) is None:
                raise ValueError(f"{name} is not an email address")
        if mime.is_unsafe(self.from_name):
            raise ValueError("from_name holds a line break or another control character")
        if (self.user is None) != (self.password is None):
            raise ValueError("user and password belong together: give both or neither")
        if self.user is not None and self.tls is Tls.NONE and not _is_loopback(self.host):
            raise ValueError("a password over an unprotected connection: set tls to starttls or tls")
        return self


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
