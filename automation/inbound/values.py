"""What arrives, what is answered, and what stands ready between the two. Values only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from automation.kernel.hooks import Did, Granted, Happening, OptedOut, Reply, Said
from automation.people.happenings import Checked
from automation.people.identities import Identity

OfPerson: TypeAlias = Said | Did | Granted | OptedOut


@dataclass(frozen=True, slots=True)
class Arrival:
    """All that one request, or one look of a puller, said. `channel`: the name in config.yaml.

    `body`, `why`: of a genuine request that could not be read; it is kept, sealed, for whoever looks.
    """

    channel: str
    happened: Sequence[Happening]
    body: bytes = field(default=b"", repr=False)
    why: str = ""


@dataclass(frozen=True, slots=True)
class Greeting:
    """One welcome that may be sent once and soon. `inbound_id`: the row in which its state stands. `at`: UTC seconds
    of the act that is greeted."""

    inbound_id: int
    channel: str
    person_id: int
    code: str = field(repr=False)
    at: int = 0
    scene: str = ""


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of one arrival: `reply`, to be put into the answer; `greetings`, to be sent after the commit."""

    reply: Reply | None = None
    greetings: tuple[Greeting, ...] = ()


@dataclass(frozen=True, slots=True)
class Item:
    """One happening made ready for the transaction.

    `key`: keyed hash of the provider's dedupe key, which may hold an openid. `known`: whose it is, the hook's own
    identity first; empty where it cannot be anybody's. `event`: for journeys, its person not yet filled in. `refused`:
    the legal kinds of message they take their consent back for. `answer`: `reply` sealed.
    """

    arrival: int
    channel: str
    happening: OfPerson
    key: str
    kind: str
    known: tuple[Identity, ...] = ()
    lookups: tuple[bytes, ...] = ()
    event: Checked | None = None
    tag_id: int | None = None
    refused: tuple[str, ...] = ()
    evidence: str = ""
    reply: str = field(default="", repr=False)
    answer: bytes | None = None
    greets: bool = False


@dataclass(frozen=True, slots=True)
class Settled:
    """An item that is new, with its row, its person and the identity it came by."""

    item: Item
    row: int
    person: int
    identity: int
