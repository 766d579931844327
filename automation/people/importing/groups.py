"""The rows of a chunk by person, sealed: rows that share an identity speak of one person, also over a third row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from automation.people.fields import Draft
from automation.people.normalise import TAILED
from automation.people.sealing import IDENTITY, Vault

from .rows import Contact


@dataclass(slots=True)
class Group:
    """What the chunk says about one person. `first`: the identity that gave them their uid. `place`: in the chunk."""

    place: int
    first: bytes
    lookups: list[bytes]
    draft: Draft
    created_at: int | None
    tags: tuple[str, ...]
    consents: tuple[tuple[str, str, bool], ...]


@dataclass(frozen=True, slots=True)
class Batch:
    """`identities`: rows of the table (identities.SEALED) by lookup, each once, in the order of lookups.

    Hashes are random, so rows that lie together in an index must be put together here.
    """

    groups: list[Group]
    identities: dict[bytes, tuple[Any, ...]]


def batch(vault: Vault, contacts: Sequence[Contact]) -> Batch:
    flat = [known for contact in contacts for known in contact.identities]
    lookups = vault.lookups([f"{kind}|{account}|{text}" for kind, account, text in flat])
    return Batch(_groups(contacts, lookups), _sealed(vault, flat, lookups))


def _sealed(vault: Vault, flat: list[tuple[str, str, str]], lookups: list[bytes]) -> dict[bytes, tuple[Any, ...]]:
    unique = dict(zip(lookups, flat, strict=True))
    ordered = sorted(unique)
    sealed = vault.seal_many([unique[lookup][2] for lookup in ordered], [IDENTITY + lookup for lookup in ordered])
    tail, key_id = vault.tail, vault.key_id
    found = {}
    for lookup, closed in zip(ordered, sealed, strict=True):
        kind, account, text = unique[lookup]
        found[lookup] = (kind, account, lookup, closed, key_id, tail(text[-4:]) if kind in TAILED else None, None)
    return found


def _groups(contacts: Sequence[Contact], lookups: list[bytes]) -> list[Group]:
    owners: dict[bytes, Group] = {}
    gone: set[int] = set()  # places of groups that went into a later one
    groups: list[Group] = []
    at = 0
    for contact in contacts:
        own = lookups[at : at + len(contact.identities)]
        at += len(own)
        group = Group(len(groups), own[0], own, contact.draft, contact.created_at, contact.tags, contact.consents)
        if not owners.keys().isdisjoint(own):
            # Identity by identity: two earlier groups may turn out to be one.
            for known in [owners[lookup] for lookup in own if lookup in owners]:
                if known.place not in gone:
                    gone.add(known.place)
                    group = joined(known, group)
        groups.append(group)
        for lookup in group.lookups:
            owners[lookup] = group
    return [group for group in groups if group.place not in gone] if gone else groups


def joined(earlier: Group, later: Group) -> Group:
    """One group of both; of two values the later row's."""
    draft = Draft(
        earlier.draft.columns | later.draft.columns,
        earlier.draft.days | later.draft.days,
        earlier.draft.attrs | later.draft.attrs,
    )
    times = [time for time in (earlier.created_at, later.created_at) if time is not None]
    return Group(
        later.place,
        earlier.first,
        list(dict.fromkeys(earlier.lookups + later.lookups)),
        draft,
        min(times, default=None),
        tuple(dict.fromkeys(earlier.tags + later.tags)),
        earlier.consents + later.consents,
    )
