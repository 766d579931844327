"""What config.yaml may say about a mail channel. Apart from the channel, so that reading settings loads no SMTP."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Self

from pydantic import ConfigDict, Field, SecretStr, model_validator

from automation.kernel import options
from automation.kernel.shapes import Choice, Strict, refuse
from bots.mail import mime


class Tls(StrEnum):
    """How the connection to the relay is protected."""

    NONE = "none"  # a relay on this machine
    STARTTLS = "starttls"  # refused when the relay does not offer it: never silently plain
    TLS = "tls"  # from the first byte (RFC 8314)


KEY = "{key}"
_PORTS = {Tls.NONE: 25, Tls.STARTTLS: 587, Tls.TLS: 465}


class BounceBox(Strict):
    """The mailbox that bounces and complaints come back to, read over IMAP. `every`: between two looks."""

    model_config = ConfigDict(hide_input_in_errors=True)

    host: Annotated[str, Field(min_length=1, max_length=253)]
    port: Annotated[int | None, Field(ge=1, le=65535)] = None
    tls: Choice[Tls] = Tls.TLS
    ca_file: options.Place | None = None
    user: Annotated[str, Field(min_length=1)]
    password: options.Secret
    folder: Annotated[str, Field(min_length=1, max_length=200)] = "INBOX"
    every: options.Seconds = Field(default=300, ge=10, le=86_400)
    timeout: options.Seconds = Field(default=30, ge=1, le=600)

    @property
    def imap_port(self) -> int:
        return self.port or (993 if self.tls is Tls.TLS else 143)

    @model_validator(mode="after")
    def _is_protected(self) -> Self:
        if self.tls is Tls.NONE and not options.is_loopback(self.host):
            raise refuse("a password over an unprotected connection", "set tls to tls or starttls", at=("tls",))
        return self


class MailOptions(Strict):
    """A relay and the sender's name.

    `return_path`: where bounces go, if not to `from_address`; `{key}` in it becomes the message's own key (VERP).
    `bounces`: the mailbox in which they arrive. `hook_secret`: what a mail service signs its reports with. `dkim`: the
    selector whose record `channels check` looks for.
    `data_timeout` is the wait after a whole mail was handed over: giving up earlier than the relay means a second copy
    (RFC 1047; RFC 5321 4.5.3.2.6 asks for 10 minutes).
    """

    model_config = ConfigDict(hide_input_in_errors=True)

    host: Annotated[str, Field(min_length=1, max_length=253)]
    port: Annotated[int | None, Field(ge=1, le=65535)] = None
    tls: Choice[Tls] = Tls.STARTTLS
    ca_file: options.Place | None = None
    user: str | None = None
    password: SecretStr | None = None
    from_address: str
    from_name: Annotated[str, Field(max_length=200)] = ""
    reply_to: str | None = None
    return_path: str | None = None
    bounces: BounceBox | None = None
    hook_secret: SecretStr | None = None
    dkim: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$")] | None = None
    timeout: options.Seconds = Field(default=30, ge=1, le=600)
    data_timeout: options.Seconds = Field(default=600, ge=1, le=3600)

    @property
    def relay_port(self) -> int:
        return self.port or _PORTS[self.tls]

    @model_validator(mode="after")
    def _is_coherent(self) -> Self:
        for name in ("from_address", "reply_to"):
            value = getattr(self, name)
            if value is not None and mime.address(value) is None:
                raise refuse("an email address is due here", "write name@domain, without a display name", at=(name,))
        if self.return_path is not None and mime.address(self.return_path.replace(KEY, "0" * 32)) is None:
            raise refuse(
                "an email address is due here", "such as bounces@example.com or bounces+{key}@example.com",
                at=("return_path",),
            )  # fmt: skip
        if mime.is_unsafe(self.from_name):
            raise refuse("a line break or control character in a name", "write it in one line", at=("from_name",))
        if (self.user is None) != (self.password is None):
            raise refuse("user and password belong together", "give both or neither")
        if self.user is not None and self.tls is Tls.NONE and not options.is_loopback(self.host):
            raise refuse("a password over an unprotected connection", "set tls to starttls or tls", at=("tls",))
        return self
