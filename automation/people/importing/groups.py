"""The rows of a chunk by person, sealed: rows that share an identity speak of one person, also over a third row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from automation.people.fields import Draft
from automation.people.normalise import last_four
from automation.people.sealing import Vault, identity_context

from .rows import Contact


@dataclass(slots=True)
class Sealed:
    """An identity ready to be stored."""

    kind: str
    account: str
    lookup: bytes
    sealed: bytes
    tail: int | None


@dataclass(slots=True)
class Group:
    """What the chunk says about one person. `first`: the identity that gave them their uid."""

    first: bytes
    lookups: list[bytes]
    draft: Draft
    created_at: int | None
    tags: list[str]
    consents: list[tuple[str, str, bool]]


@dataclass(frozen=True, slots=True)
class Batch:
    """`identities` by lookup, each once and in the order of lookups: hashes are random, so locality must be made."""

    groups: list[Group]
    identities: dict[bytes, Sealed] = field(default_factory=dict)


def batch(vault: Vault, contacts: Sequence[Contact]) -> Batch:
    flat = [known for contact in contacts for known in contact.identities]
    lookups = vault.lookups([f"{kind}|{account}|{text}" for kind, account, text in flat])
    return Batch(_groups(contacts, lookups), _sealed(vault, flat, lookups))


def _sealed(vault: Vault, flat: list[tuple[str, str, str]], lookups: list[bytes]) -> dict[bytes, Sealed]:
    unique = dict(zip(lookups, flat, strict=True))
    ordered = sorted(unique)
    values = [unique[lookup] for lookup in ordered]
    sealed = vault.seal_many([value[2] for value in values], [identity_context(lookup) for lookup in ordered])
    tail = vault.tail
    found = {}
    for lookup, (kind, account, text), closed in zip(ordered, values, sealed, strict=True):
        four = last_four(kind, text)
        found[lookup] = Sealed(kind, account, lookup, closed, None if four is None else tail(four))
    return found


def _groups(contacts: Sequence[Contact], lookups: list[bytes]) -> list[Group]:
    owners: dict[bytes, Group] = {}
    groups: dict[int, Group] = {}
    at = 0
    for contact in contacts:
        own = lookups[at : at + len(contact.identities)]
        at += len(own)
        group = Group(
            own[0], own, contact.draft, contact.created_at, list(contact.tags), list(contact.consents)
        )  # fmt: skip
        for known in [owners[lookup] for lookup in own if lookup in owners]:
            # Identity by identity: two earlier groups may turn out to be one.
            if known is not group and id(known) in groups:
                del groups[id(known)]
                group = joined(known, group)
        groups[id(group)] = group
        for lookup in group.lookups:
            owners[lookup] = group
    return list(groups.values())


def joined(earlier: Group, later: Group) -> Group:
    """One group of both; of two values the later row's."""
    draft = Draft(
        earlier.draft.columns | later.draft.columns,
        earlier.draft.days | later.draft.days,
        earlier.draft.attrs | later.draft.attrs,
    )
    times = [time for time in (earlier.created_at, later.created_at) if time is not None]
    return Group(
        earlier.first,
        list(dict.fromkeys(earlier.lookups + later.lookups)),
        draft,
        min(times, default=None),
        list(dict.fromkeys(earlier.tags + later.tags)),
        earlier.consents + later.consents,
    )
