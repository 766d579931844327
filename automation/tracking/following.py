"""What a link of ours says when somebody comes back with it, and what is recorded of that.

The database is asked nothing before a token's seal was found right: a forged one costs a hash and tells nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from automation.engine.delivery import arrivals, marks
from automation.engine.parts import Parts
from automation.people.sealing import Vault
from automation.store.database import Transaction

from .targets import Targets
from .tokens import KINDS, Tokens, Use

MERGES = 20  # that one person can have gone through
KEEP = "!#$%&'()*+,/:;=?@[]~"  # what stays as it is in an address: everything that may stand in one


@dataclass(frozen=True, slots=True)
class Target:
    """Where a link leads, as it stands in a Location header, whose message it was in, and what the link is called."""

    url: str
    message_id: int
    label: str = ""


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom a page of choices is about: the person, by the number that is valid now, and a kind of channel.
    `message_id`: whose link it is, 0 where the person came by themselves."""

    message_id: int
    person_id: int
    kind: str


@dataclass(frozen=True, slots=True)
class Seen:
    """A message was `opened` or `clicked`. `at`: UTC seconds; `link`: what was clicked, as `Target.label`."""

    message_id: int
    kind: str
    at: int
    link: str = ""


class Follower:
    """Reads links, on any thread and outside of transactions."""

    def __init__(self, parts: Parts, vault: Vault) -> None:
        """Must not be made inside a write transaction."""
        marks.prepare(parts)
        self._store = parts.store
        self._tokens = Tokens(parts.store, vault.link_key)
        self._targets = Targets(parts.store, vault)

    def follow(self, token: str) -> Target | None:
        """Of `/c/<token>`; None for everything but a link of ours."""
        found = self._tokens.read(Use.CLICK, token, 2)
        link = self._targets.link(found[1]) if found else None
        return Target(location(link.url), found[0], link.label) if found and link else None

    def opened(self, token: str) -> int | None:
        """Of `/o/<token>`: the message's id."""
        found = self._tokens.read(Use.OPEN, token, 1)
        return found[0] if found else None

    def subject_of(self, token: str) -> Subject | None:
        """Of `/u/<token>`; None as well where the person is no longer known."""
        found = self._tokens.read(Use.LEAVE, token, 3)
        if found is None or found[2] >= len(KINDS):
            return None
        person = self._person_now(found[1])
        return Subject(found[0], person, KINDS[found[2]]) if person is not None else None

    def visit_of(self, token: str, now: int) -> Subject | None:
        """Of `/m/<token>`; None as well where its time is over."""
        found = self._tokens.read(Use.VISIT, token, 3)
        if found is None or found[1] >= len(KINDS) or now > found[2]:
            return None
        person = self._person_now(found[0])
        return Subject(0, person, KINDS[found[1]]) if person is not None else None

    def _person_now(self, number: int) -> int | None:
        for _ in range(MERGES):
            row = self._store.row("SELECT merged_into FROM person WHERE id = :id", id=number)
            if row is None:
                return None
            if row[0] is None:
                return number
            number = row[0]
        return None


def record(parts: Parts, tx: Transaction, happened: Sequence[Seen], now: int) -> None:
    """Opens and clicks of a group of requests. The first open of a message counts, and the first click on each of its
    links; what is gone is left out."""
    opened = [(one.message_id, None, min(one.at, now)) for one in happened if one.kind == "opened"]
    arrivals.seen(parts, tx, "opened", opened, now)
    clicked = [(one.message_id, min(one.at, now), one.link) for one in happened if one.kind == "clicked"]
    arrivals.clicked(parts, tx, clicked, now)


def location(url: str) -> str:
    """The address in ASCII, as a header takes it: the host by IDNA (RFC 5891), the rest percent-encoded (RFC 3987 3.1).

    What is percent-encoded already stays so.
    """
    if url.isascii():
        return url
    host = urlsplit(url).netloc
    try:
        plain = host.encode("idna").decode("ascii")
    except UnicodeError:
        plain = quote(host, safe=KEEP)
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{plain}{quote(rest[len(host) :], safe=KEEP)}"
