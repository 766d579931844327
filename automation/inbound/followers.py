"""An account's followers and their tags, as the provider lists them, joined with the shop's people.

Unlike what a hook tells, a list says nothing of when: nobody is greeted, no journey hears of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from automation.audience.computed import ComputedValues
from automation.kernel.hooks import Did, Who
from automation.people import identities, tags
from automation.people.identities import Identity
from automation.people.normalise import Unusable
from automation.people.registry import Registry
from automation.people.sealing import identity_context
from automation.store.database import Store, Transaction

from . import effects, finding
from .values import Item

KIND: Final = "openid"
AT_ONCE: Final = 500
HAVING: Final = """
    SELECT t.person_id, t.source, i.lookup, i.sealed FROM person_tag t
    JOIN identity i ON i.person_id = t.person_id AND i.kind = :kind AND i.account IN (:channel, '')
    WHERE t.tag_id = :tag AND (t.until IS NULL OR t.until > :now)"""


@dataclass(frozen=True, slots=True)
class Known:
    """A follower, or a friend at WeCom, by both ids. `openid`: the provider's own, of the kind that `take` is told."""

    openid: str = field(repr=False)
    unionid: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Difference:
    """What makes a tag the same here and there. `here`, `not_here`: people; `there`: openids; `strangers`: openids
    with the tag that are nobody's here."""

    here: tuple[int, ...] = ()
    not_here: tuple[int, ...] = ()
    there: tuple[str, ...] = field(default=(), repr=False)
    strangers: int = 0


def take(
    registry: Registry, computed: ComputedValues, tx: Transaction, channel: str, followers: Sequence[Known], now: int,
    kind: str = KIND,
) -> dict[str, int]:  # fmt: skip
    """Each openid's person: found by either id, made where there is none, two made one where both ids prove it.

    Whoever is listed follows, so an address that was held back because they had left is free again. A few dozen at a
    time: it is one short transaction. Ids that can be nobody's are left out.
    """
    items = {one.openid: item for one in followers if (item := _item(registry, channel, one, now, kind))}
    found = finding.owners(registry, computed, tx, list(items.values()), now)
    tx.many(effects.LIFT, [{"kind": kind, "lookup": item.lookups[0], "at": now} for item in items.values()])
    return {openid: found[item.lookups[0]].person for openid, item in items.items()}


def difference(registry: Registry, tag_id: int, channel: str, there: set[str], now: int) -> Difference:
    """`there`: the openids that have the tag at the provider.

    Who has the tag on one side gets it on the other. What came from the provider and is gone there goes here too; what
    was given here stays, and is taken away on both sides by taking it away there.
    """
    lost: list[tuple[int, str]] = []
    given: list[tuple[int, str]] = []
    having: set[int] = set()
    source = source_of(channel)
    rows = registry.store.rows(HAVING, kind=KIND, channel=channel, tag=tag_id, now=now)
    for person, who, lookup, sealed in rows:
        having.add(person)
        openid = registry.vault.open(bytes(sealed), identity_context(bytes(lookup)))
        if openid not in there:
            (lost if who == source else given).append((person, openid))
    owners = {openid: _owner(registry, channel, openid) for openid in sorted(there)}
    here = {person for person in owners.values() if person is not None} - having
    return Difference(
        tuple(sorted(here)),
        tuple(sorted({person for person, _ in lost})),
        tuple(sorted({openid for _, openid in given})),
        sum(person is None for person in owners.values()),
    )


def apply(store: Store, tag_id: int, channel: str, found: Difference, now: int) -> None:
    """The half of a difference that is ours, some hundreds of people a transaction."""
    for start in range(0, max(len(found.here), len(found.not_here)), AT_ONCE):
        piece = slice(start, start + AT_ONCE)
        with store.write() as tx:
            tags.add(tx, now, tags.Tagging(tag_id, source_of(channel)), found.here[piece])
            tags.remove(tx, tag_id, found.not_here[piece])


def source_of(channel: str) -> str:
    """Who gave a tag that came from a channel."""
    return f"channel:{channel}"


def _item(registry: Registry, channel: str, one: Known, now: int, kind: str) -> Item | None:
    try:
        known = [identities.identity(kind, one.openid, channel)]
        if one.unionid:
            known.append(identities.identity("unionid", one.unionid))
    except Unusable:
        return None
    happening = Did(Who(kind, one.openid), "", now, "")
    return Item(0, channel, happening, "", "listed", tuple(known), tuple(identities.lookups(registry.vault, known)))


def _owner(registry: Registry, channel: str, openid: str) -> int | None:
    for account in (channel, ""):
        lookup = identities.lookups(registry.vault, [Identity(KIND, openid, account)])[0]
        person = identities.owner(registry.store, KIND, account, lookup)
        if person is not None:
            return person
    return None
