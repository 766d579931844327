"""What comes back from the world: requests of providers, and what they say happened, as values.

A hook of a channel verifies a request, reads it and answers it; it knows the provider and nothing of the shop. What
happened is recorded by automation/inbound, which knows the shop and no provider.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

from automation.kernel.ports import Accepted, Json, Message


@dataclass(frozen=True, slots=True)
class Request:
    """A whole HTTP request. Header names in small letters; the last of repeated names counts. `peer`: its IP."""

    method: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    peer: str = ""


@dataclass(frozen=True, slots=True)
class Response:
    status: int = 200
    body: bytes = b""
    content_type: str = "text/plain; charset=utf-8"


class Forgery(Exception):
    """The request is not from the provider, or not fresh. `code` is for the count of them: no word of the request."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Unreadable(Exception):
    """A genuine request that cannot be read. Says what is wrong, none of its content."""


@dataclass(frozen=True, slots=True)
class Who:
    """Whom it is about: an identity of a kind the catalog knows (openid, wecom_id, phone, email) on the hook's account.
    `also`: further identities the provider vouches for, such as the unionid."""

    kind: str
    value: str = field(repr=False)
    also: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Opens:
    """The window in which an interaction lets us answer. `messages` None: as many as we like; `seconds` from `at` on.
    Windows do not add up: the greater number and the later end hold."""

    messages: int | None
    seconds: int


@dataclass(frozen=True, slots=True)
class Receipt:
    """A report on one message: `kind` is sent, delivered, opened, clicked or failed; `at` in UTC seconds.

    `provider_id`: what the channel gave back when it took the message, or our own key where the provider echoes it.
    `dead`: the address takes nothing, for good: it is suppressed. `complaint`: the recipient called it unwanted.
    """

    provider_id: str
    kind: str
    at: int
    code: str = ""
    dead: bool = False
    complaint: bool = False


@dataclass(frozen=True, slots=True)
class Said:
    """The customer wrote. `dedupe`: the provider's id of it, or what stands for one; `data`: what else it brought."""

    who: Who
    text: str = field(repr=False)
    at: int
    dedupe: str = field(repr=False)
    opens: Opens | None = None
    data: Mapping[str, Json] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Did:
    """The customer did something that is an event of the catalog, such as wechat.followed.

    `returns`: they can be written to again on this channel; `leaves`: they no longer can. `welcome`: a code with which
    one greeting may be sent at once (WeCom: within 20 s).
    """

    who: Who
    event: str
    at: int
    dedupe: str = field(repr=False)
    props: Mapping[str, Json] = field(default_factory=dict, repr=False)
    opens: Opens | None = None
    returns: bool = False
    leaves: bool = False
    welcome: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Granted:
    """The customer allowed, or refused, messages of one template. `count` more of them; None: from now on none."""

    who: Who
    template: str
    count: int | None
    at: int
    dedupe: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class OptedOut:
    """The customer wants nothing more on this channel: of marketing, or of anything. `evidence`: how they said it."""

    who: Who
    at: int
    dedupe: str = field(repr=False)
    everything: bool = False
    evidence: str = ""


Happening: TypeAlias = Receipt | Said | Did | Granted | OptedOut


@dataclass(frozen=True, slots=True)
class Reply:
    """What is answered in the response itself, where the provider carries such an answer to the customer."""

    who: Who
    text: str = field(repr=False)


class Hook(Protocol):
    """One account's way in. Stateless but for what it remembers against replays; serves many threads.

    One whose reading may ask the provider something says so by a member `asks = True`: then it is read in a thread.
    """

    def verify(self, request: Request, now: int) -> None:
        """Raises Forgery, before anything of the body is parsed, unless the request is genuine and fresh."""
        ...

    def parse(self, request: Request, now: int) -> Sequence[Happening]:
        """What a verified request says happened; none for a mere trial of the address. Raises Unreadable."""
        ...

    def answer(self, request: Request, reply: Reply | None) -> Response:
        """What the provider expects to hear once all is recorded."""
        ...


class Puller(Protocol):
    """A channel whose reports have to be fetched. `every`: seconds between two looks."""

    every: int

    def pull(self, open_ids: Sequence[str], now: int) -> Sequence[Happening]:
        """`open_ids`: provider ids of messages not yet reported on. Raises ServiceAway where the provider is."""
        ...


@dataclass(frozen=True, slots=True)
class Sought:
    """A message its provider is asked about: nobody knows whether it left; or, `missed`, it did and no report came.

    It left, if it did, between `since` and `until`, UTC seconds. `name`: what the channel calls it, where that is
    known."""

    message: Message = field(repr=False)
    since: int
    until: int
    name: str = ""
    missed: bool = False


@dataclass(frozen=True, slots=True)
class Sighting:
    """A message of the provider's that may be the one sought. `report`: what became of it, where that is told."""

    accepted: Accepted
    report: Receipt | None = None


class Searching(Protocol):
    """A channel that can ask its provider after single messages. `missed_after`: seconds after which a report of
    delivery that has not come is asked for; 0 = never."""

    missed_after: int

    def search(self, sought: Sequence[Sought], now: int) -> Sequence[Sequence[Sighting]]:
        """Every message that may be it, for each one sought, in order. None is no proof that it did not leave.

        Asks only what is sure: who sent it, the text or template, the recipient and the time fit. The engine leaves out
        what it knows as another message, and takes only what then is the only one. Raises ServiceAway.
        """
        ...


class TakesReturns(Protocol):
    """A channel that can read what comes back by mail and is handed over by a mail server."""

    def returned(self, mail: bytes, now: int) -> Sequence[Happening]:
        """What one whole mail says; nothing where it is about no message of ours. Raises Unreadable."""
        ...
