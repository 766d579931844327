"""The sections of config.yaml but the channels. Durations are whole seconds, percents hundredths of a percent."""

from __future__ import annotations

import base64
import re
import zoneinfo
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self, TypeAlias
from urllib.parse import urlsplit

import pydantic
from pydantic import Field

from automation.kernel import options
from automation.kernel.document import nearest
from automation.kernel.shapes import Many, Strict, refuse

Text: TypeAlias = Annotated[str, Field(min_length=1, max_length=200)]
DAY: Final = 86_400


_CHINA: Final = dict.fromkeys(("beijing", "peking", "shenzhen", "guangzhou", "china"), "Asia/Shanghai")
"""What people write for the zone of China, which is called after Shanghai."""


def _timezone(value: str) -> str:
    try:
        zoneinfo.ZoneInfo(value)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        close = _CHINA.get(value.rpartition("/")[2].lower()) or nearest(value, zoneinfo.available_timezones())
        raise refuse(
            "not a known time zone", f"did you mean '{close}'?" if close else "such as Asia/Shanghai"
        ) from None
    return value


class Shop(Strict):
    """Who sends. The zone is that of times for which no customer's zone is known."""

    name: Text
    timezone: Annotated[str, pydantic.AfterValidator(_timezone)] = "Asia/Shanghai"

    @property
    def zone(self) -> zoneinfo.ZoneInfo:
        return zoneinfo.ZoneInfo(self.timezone)


class Folders(Strict):
    """Where the marketer's files are."""

    journeys: options.Place = Field(default="journeys", validate_default=True)
    templates: options.Place = Field(default="templates", validate_default=True)
    tests: options.Place = Field(default="tests", validate_default=True)


def _store_url(value: Any, info: pydantic.ValidationInfo) -> str:
    """sqlite:PATH, its path made absolute; or postgresql://, which with a password in it must be a reference."""
    hint = "write sqlite:var/lucheng.db, postgresql://host/database, or ${NAME} when a password is in it"
    if not isinstance(value, str):
        raise refuse("the address of a database is due here", hint, "S014")
    written = not value.startswith(("${", "file:"))
    url = value if written else options.resolve(value, info)
    if url.startswith("sqlite:") and len(url) > len("sqlite:"):
        return f"sqlite:{(info.context or {}).get('folder', Path()) / url.removeprefix('sqlite:')}"
    try:
        parts = urlsplit(url)
        password = parts.password
    except ValueError:
        raise refuse("not the address of a database", hint) from None
    if parts.scheme not in ("postgresql", "postgres"):
        raise refuse("not the address of a database", hint)
    if written and (password is not None or "password" in parts.query):
        raise refuse("a secret does not belong in this file", options.HOW, "S030")
    return url


class Store(Strict):
    """The database. Its address may hold a password, so it is a secret."""

    url: Annotated[pydantic.SecretStr, pydantic.Strict(False), pydantic.BeforeValidator(_store_url)] = Field(
        default="sqlite:var/lucheng.db", validate_default=True
    )


class Key(Strict):
    """The master key that contacts are sealed with: a file made by `init`, or a secret that wins over it."""

    file: options.Place = Field(default="var/lucheng.key", validate_default=True)
    value: options.Secret | None = None


class Lifecycle(Strict):
    """Stages by the age, in seconds, of the last such event; `new`: by that of the first."""

    event: Text = "order.paid"
    amount: Text = "amount"
    new: options.Seconds = 30 * DAY
    active: options.Seconds = 60 * DAY
    silent: options.Seconds = 120 * DAY
    dormant: options.Seconds = 240 * DAY

    @pydantic.model_validator(mode="after")
    def _ages_grow(self) -> Self:
        if not self.active < self.silent < self.dormant:
            raise refuse("active, silent and dormant must grow", "such as 60d, 120d, 240d")
        return self


def _cuts(values: tuple[float, ...]) -> tuple[float, ...]:
    if len(values) != 4 or any(low >= high for low, high in pairwise(values)) or values[0] < 0:
        raise refuse(
            "four growing numbers are due here", "they cut the customers into five classes: [30, 60, 120, 240]"
        )
    return values


Days: TypeAlias = Annotated[Many[int], pydantic.AfterValidator(_cuts)]
Cuts: TypeAlias = Annotated[Many[float], pydantic.AfterValidator(_cuts)]


class Rfm(Strict):
    """Four cuts each: score 5 is up to the first recency cut, and above the last cut of the others."""

    recency_days: Days = (30, 60, 120, 240)
    frequency: Days = (1, 2, 4, 8)
    monetary_yuan: Cuts = (100, 300, 1000, 3000)

    @property
    def monetary_fen(self) -> tuple[int, ...]:
        return tuple(round(yuan * 100) for yuan in self.monetary_yuan)


class Calendar(Strict):
    """How days that a year lacks are kept, and the shop's corrections of the public calendar of workdays."""

    leap_day: Literal["feb28", "mar1"] = "feb28"
    lunar_missing_day: Literal["last", "skip"] = "last"
    leap_month: Literal["plain", "leap"] = "plain"
    workdays: options.Place | None = None


class Imports(Strict):
    """How files of customers are read. `headers`: field -> the headings it may have."""

    headers: dict[str, Many[Text]] = Field(default_factory=dict)

    @pydantic.model_validator(mode="after")
    def _headings_are_clear(self) -> Self:
        seen: dict[str, str] = {}
        for name, headings in self.headers.items():
            for index, heading in enumerate(headings):
                if seen.setdefault(heading, name) != name:
                    raise refuse(f"'{heading}' already means '{seen[heading]}'", at=("headers", name, index))
        return self


class Staff(Strict):
    """Who is told: a channel and, where the channel needs one, an address on it.

    `field`: the customer's field that names who of the staff is told instead; this entry where it names nobody.
    """

    name: Text
    channel: Text
    address: Text | None = None
    field: Text | None = None


LABEL = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)")


def _hook_url(value: str) -> str:
    try:
        parts = urlsplit(value)
        host, odd = parts.hostname or "", parts.username is not None or parts.password is not None
        _ = parts.port
    except ValueError:
        raise refuse("not a web address", "such as https://crm.example.com/hook") from None
    if not host or odd or not (":" in host or all(LABEL.fullmatch(part) for part in host.split("."))):
        raise refuse("not a web address", "https://host/path, with no name or password in it")
    if parts.scheme != "https" and not (parts.scheme == "http" and options.is_loopback(host)):
        raise refuse("a web hook must be https", "http only on this machine: http://127.0.0.1:8080/hook")
    return value


def _signing(value: pydantic.SecretStr) -> pydantic.SecretStr:
    for word in value.get_secret_value().split():
        try:
            _ = base64.b64decode(word.removeprefix("whsec_"), validate=True) if word.startswith("whsec_") else b""
        except ValueError:
            raise refuse("what follows whsec_ is not base64", "copy the whole secret from the receiver") from None
    return value


class Webhook(Strict):
    """A fixed address that journeys may call by name. `allow_private`: it may be in our own network.

    `secret` signs the body, as Standard Webhooks says; several whsec_, apart by spaces, while it is changed.
    """

    url: Annotated[str, pydantic.AfterValidator(_hook_url)]
    secret: Annotated[options.Secret, pydantic.AfterValidator(_signing)]
    allow_private: bool = False


def _public_url(value: str) -> str:
    found = _hook_url(value)
    if urlsplit(found).query or urlsplit(found).fragment:
        raise refuse("a web address without a query is due here", "such as https://crm.example.com")
    return found.rstrip("/")


def _free_port(value: Any) -> Any:
    return None if value == "off" else value


class Web(Strict):
    """The web edge of `start`: callbacks of platforms, tracked links, pages for customers, the interface for events.

    `public_url`: how customers and platforms reach it, through the shop's https proxy; without it no links are made.
    `port` None: no web edge. `api_keys`: name of a sender -> its key. `trusted_proxies`: whose X-Forwarded-For counts.
    `track_clicks`, `track_opens`: whether links lead over `public_url`, and whether a mail's pictures tell it was read.
    """

    host: Text = "127.0.0.1"
    port: Annotated[Annotated[int, Field(ge=0, le=65_535)] | None, pydantic.BeforeValidator(_free_port)] = 8080
    public_url: Annotated[str, pydantic.AfterValidator(_public_url)] | None = None
    api_keys: dict[str, options.Secret] = Field(default_factory=dict)
    trusted_proxies: Many[str] = ("127.0.0.1",)
    track_clicks: bool = True
    track_opens: bool = True


class Engine(Strict):
    """`batch`: runs moved by one set of statements. `tick` between looks, `drain` when stopping, `lease` of a claim."""

    batch: int = Field(default=2000, ge=1, le=100_000)
    tick: options.Seconds = Field(default=1, ge=1, le=3600)
    drain: options.Seconds = Field(default=30, ge=0, le=3600)
    lease: options.Seconds = Field(default=60, ge=5, le=86_400)


class Log(Strict):
    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["text", "json"] = "text"
