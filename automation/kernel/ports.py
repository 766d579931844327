"""What the engine asks of the world: channels that send, and values that say how it went.

The engine knows no provider by name. It reads a channel's lanes, chooses one, hands over rendered messages and
takes one outcome a recipient back. Adapters never retry: the engine does.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol, TypeAlias, runtime_checkable

Json: TypeAlias = "str | int | float | bool | Sequence[Json] | Mapping[str, Json] | None"
Body: TypeAlias = Mapping[str, Json]


class Reason(StrEnum):
    """Why a message did not leave, in words every channel shares; a provider's own code stands beside it."""

    BAD_ADDRESS = "bad_address"  # the address does not exist or takes nothing: it is suppressed
    GONE = "gone"  # unfollowed or blocked us: suppressed until they come back by themselves
    WINDOW_CLOSED = "window_closed"  # too long since they wrote, or the answers to it are used up: not on this lane
    NO_GRANT = "no_grant"  # their permission for this template is used up or was refused: not on this lane
    NOT_REACHABLE = "not_reachable"  # for another reason not on this channel
    RATE_LIMITED = "rate_limited"  # slow down: try again after `retry_after`
    QUOTA = "quota"  # today's or this month's allowance is used up
    UNAVAILABLE = "unavailable"  # the provider is down: try again later
    BAD_CONTENT = "bad_content"  # the provider refuses this text: not for anybody
    NOT_ALLOWED = "not_allowed"  # our account or its credentials: an operator must act


@dataclass(frozen=True, slots=True)
class Accepted:
    """The provider took the message. `provider_id` is its id there, "" where it gives none.

    `awaiting`: it only made a task that an employee has to confirm; a receipt `sent` tells when that was done.
    """

    provider_id: str = ""
    awaiting: bool = False


@dataclass(frozen=True, slots=True)
class Denied:
    """The provider refused. `permanent`: no retry on this channel helps. `retry_after` in seconds, if it said so."""

    reason: Reason
    code: str = ""
    permanent: bool = True
    retry_after: int | None = None


@dataclass(frozen=True, slots=True)
class Unknown:
    """Nobody knows: bytes left and no answer came. Never resent blindly on a lane without a key.

    `provider_id`: what later reports will call the message, where the channel itself gave that name.
    """

    code: str = ""
    provider_id: str = field(default="", compare=False)


Outcome: TypeAlias = Accepted | Denied | Unknown


@dataclass(frozen=True, slots=True)
class Limit:
    """What a provider allows one recipient on a lane. `count` None: as many as the month has days.

    `per`: minute, hour, day or month (calendar, China time), 24h, 7d or 30d (rolling). `rule`: the id of the platform's
    rule, such as WX-03. `checked`: the day its page was last read, YYYY-MM-DD.
    """

    count: int | None
    per: str
    rule: str
    checked: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Lane:
    """One way a channel can carry a message, with what the provider allows on it.

    `parts`: of a text's file, one of which the lane carries (wechat: text, news, ..., template, subscribe, mass);
    empty for every text. `window`: it needs an open window, opened by what the recipient does. `grant`: the part whose
    `key` names a template that each recipient has to allow, message by message. `daily`: messages of the whole account
    a day. `unsubscribe`: marketing on it has to carry a link to leave. `address` "" where the channel is the recipient,
    as a group's robot. `gathers`: it takes messages without sending them, until an operator lets all of them leave in
    one request (Gathers).
    """

    name: str
    address: str  # kind of identity it sends to: phone, email, openid, ...
    purposes: frozenset[str]  # legal kinds it may carry: "marketing", "service"
    batch: int = 1  # recipients one provider request takes
    dedupe_window: int = 0  # seconds in which the provider drops a repeated idempotency key; 0 = it has none
    receipts: frozenset[str] = frozenset()  # of sent, delivered, opened, clicked
    max_chars: int | None = None
    parts: frozenset[str] = frozenset()
    window: bool = False
    grant: str = ""
    daily: int | None = None
    unsubscribe: bool = False
    limits: tuple[Limit, ...] = ()
    gathers: bool = False


@dataclass(frozen=True, slots=True)
class Message:
    """One rendered message to one address. `idem_key`: at most 32 characters of [0-9a-z], stable over retries."""

    idem_key: str
    lane: str
    address: str = field(repr=False)
    body: Body = field(repr=False)


class Channel(Protocol):
    """A configured account that can send. One instance serves many threads."""

    @property
    def name(self) -> str:
        """The name in config.yaml, such as wechat_main."""
        ...

    @property
    def kind(self) -> str:
        """What `via` may call it: wechat, wecom, sms, email. Templates are looked up under this word."""
        ...

    @property
    def lanes(self) -> Sequence[Lane]:
        """In the order in which they should be tried."""
        ...

    def send(self, messages: Sequence[Message]) -> Sequence[Outcome]:
        """One provider request of at most `lane.batch` messages of one lane; one outcome each, in order.

        Returns `Unknown` for every time-out or broken connection after the first byte; raises only for programming
        errors. Blocks at most for the channel's own time-out.
        """
        ...

    def close(self) -> None: ...


@runtime_checkable
class Gathers(Protocol):
    """A channel with a lane that gathers. Its provider writes to a list that is kept there; such a list is made of
    exactly those who may be written to, so no rule is passed by. Each raises Refused and ServiceAway.

    `name` is the list's: the same for every try, 1 to 30 letters, digits, _ and -.
    """

    def gather(self, name: str, addresses: Collection[str]) -> Collection[str]:
        """Makes the provider's list hold these addresses and no other; gives back those that it would not take."""
        ...

    def release(self, name: str, body: Body, key: str) -> Outcome:
        """One message to everybody on the list. The provider drops a repeat with the same key for a day. Where it
        raises, nothing left."""
        ...

    def dissolve(self, name: str) -> None:
        """Takes the list away; nothing where there is none."""
        ...


class Names(Protocol):
    """A channel whose provider does not report on each message under its key. Told before a request leaves, so that a
    report finds the message although the sender was killed before it heard an answer."""

    def names(self, messages: Sequence[Message]) -> Sequence[str]:
        """What reports will call each message of this very request; "" where it is the key or not yet known."""
        ...


class Cache(Protocol):
    """Small secrets that the processes of one shop share, such as access tokens. Serves many threads."""

    def get(self, name: str) -> str | None:
        """The value, None where there is none or its time is over."""
        ...

    def put(self, name: str, value: str, seconds: int) -> None:
        """Keeps a value for so long."""
        ...


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at by `channels check`. `ok` None: a warning. `hint`: what to do where it is not right. `rule`:
    the id of the rule it is about; a shop that sets the rule aside is only warned."""

    what: str
    ok: bool | None
    said: str
    hint: str = ""
    rule: str = ""


@dataclass(frozen=True, slots=True)
class Quota:
    """What the provider itself says is used of an allowance. `resets`: UTC seconds, None where it does not say."""

    name: str
    used: int
    limit: int
    resets: int | None = None


class Inspectable(Protocol):
    """A channel that can be asked whether it really works. Talks to the provider; sends nothing to customers."""

    def check(self, now: int) -> Sequence[Finding]: ...

    def quotas(self, now: int) -> Sequence[Quota]: ...
