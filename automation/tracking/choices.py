"""What a person may choose on our page: for each kind of channel that reaches them, offers and notices, yes or no.

The link itself is the permission; nobody logs in. Each change is a consent of its own with the link as evidence. A page
that is only looked at changes nothing, because mail filters open links.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from automation.kernel.ports import Channel
from automation.people import consents, suppression
from automation.people.consents import Consent
from automation.policy.consent import ANY, MARKETING, SERVICE
from automation.store.database import Statements, Transaction

from .following import Subject
from .tokens import KINDS

PURPOSES: Final = (MARKETING, SERVICE)
BY_LINK, ONE_CLICK, BY_PAGE = "unsubscribe link", "one-click unsubscribe", "preference page"
BY_THEMSELVES: Final = "their own page, opened inside the platform's app"
GONE: Final = "unsubscribed"  # reason of a suppression
EMAIL: Final = "email"  # kind of channel, and of identity


@dataclass(frozen=True, slots=True)
class Choice:
    """Whether a person wants messages of a purpose on a kind of channel."""

    kind: str
    purpose: str
    wanted: bool


class _Word(NamedTuple):
    channel: str
    purpose: str
    granted: int
    at: int


def addresses(channels: Iterable[Channel]) -> dict[str, frozenset[str]]:
    """Kind of channel -> kinds of identity it writes to, of those a person can choose about."""
    found: dict[str, set[str]] = {}
    for channel in channels:
        if channel.kind in KINDS:
            found.setdefault(channel.kind, set()).update(lane.address for lane in channel.lanes if lane.address)
    return {kind: frozenset(found[kind]) for kind in KINDS if kind in found}


def current(statements: Statements, subject: Subject, reached: Mapping[str, Collection[str]]) -> tuple[Choice, ...]:
    """What holds now, for the subject's kind and every other kind that has an address. `reached`: see `addresses`."""
    rows = statements.rows("SELECT kind FROM identity WHERE person_id = :id", id=subject.person_id)
    owned, words = {row[0] for row in rows}, _words(statements, subject)
    kinds = [kind for kind in KINDS if kind == subject.kind or owned & set(reached.get(kind, ()))]
    return tuple(Choice(kind, purpose, _holds(words, kind, purpose)) for kind in kinds for purpose in PURPOSES)


def leave(tx: Transaction, subject: Subject, now: int, source: str = BY_LINK) -> bool:
    """No more offers on this kind of channel. Whether that changed anything: a repeated request writes nothing."""
    return change(tx, subject, {(subject.kind, MARKETING): False}, now, source)


def leave_all(tx: Transaction, subject: Subject, now: int, source: str = BY_LINK) -> bool:
    """No more offers on any channel, also on those the shop has later."""
    words = [word for word in _words(tx, subject) if word.purpose == MARKETING]
    granted = {word.channel for word in words if word.granted}
    if not granted and any(word.channel == ANY for word in words):
        return False
    at = max([now, *(word.at for word in words)])
    said = [_said(subject, channel, MARKETING, False, at, source) for channel in sorted(granted | {ANY})]
    consents.put(tx, said)
    return True


def change(
    tx: Transaction, subject: Subject, wanted: Mapping[tuple[str, str], bool], now: int, source: str = BY_PAGE
) -> bool:
    """(kind, purpose) -> yes or no; what is so already is left alone. Whether anything changed.

    Who wants nothing at all by mail has their mail addresses suppressed, which outlasts an erased profile; whoever
    wants something again is free of that.
    """
    words = _words(tx, subject)
    said = []
    for (kind, purpose), yes in sorted(wanted.items()):
        if _holds(words, kind, purpose) != yes:
            # A refusal holds even against a word that was dated in the future.
            about = [word.at for word in words if word.purpose == purpose and word.channel in (kind, ANY)]
            said.append(_said(subject, kind, purpose, yes, now if yes else max([now, *about]), source))
    consents.put(tx, said)
    if any(word.channel == EMAIL for word in said):
        _suppress(tx, subject, now)
    return bool(said)


def _suppress(tx: Transaction, subject: Subject, now: int) -> None:
    words = _words(tx, subject)
    nothing = not any(_holds(words, EMAIL, purpose) for purpose in PURPOSES)
    found = tx.rows(
        "SELECT lookup FROM identity WHERE person_id = :id AND kind = :kind", id=subject.person_id, kind=EMAIL
    )
    for (lookup,) in found:
        if nothing:
            suppression.add(tx, now, EMAIL, lookup, GONE)
        elif suppression.reason(tx, EMAIL, lookup) == GONE:
            suppression.remove(tx, EMAIL, lookup)


def _words(statements: Statements, subject: Subject) -> list[_Word]:
    """The newest first; of two at the same time the refusal."""
    rows = statements.rows(
        "SELECT channel, purpose, granted, at FROM consent WHERE person_id = :id ORDER BY at DESC, granted",
        id=subject.person_id,
    )
    return [_Word(*row) for row in rows]


def _holds(words: Sequence[_Word], kind: str, purpose: str) -> bool:
    """The newest word about the kind or about all: as policy reads it. Without one: notices yes, offers no."""
    for word in words:
        if word.channel in (kind, ANY) and word.purpose == purpose:
            return bool(word.granted)
    return purpose == SERVICE


def _said(subject: Subject, channel: str, purpose: str, yes: bool, at: int, source: str) -> Consent:
    evidence = f"the link in message {subject.message_id}" if subject.message_id else BY_THEMSELVES
    return Consent(subject.person_id, channel, purpose, yes, source, at, evidence=evidence)
