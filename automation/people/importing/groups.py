"""The rows of a chunk by person, sealed: rows that share an identity speak of one person, also over a third row."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from automation.people.dates import YearDay
from automation.people.fields import Draft
from automation.people.normalise import TAILED
from automation.people.sealing import IDENTITY, Vault, seed_of

from .rows import Contact

MEMORY = 20_000  # texts of attributes kept for the next row


class Entry(NamedTuple):
    """What the chunk says about one person, as it goes from the process that reads to the one that writes.

    `lookups`: of all their identities; `uid` comes from the first. `attrs`: JSON text, None for none.
    """

    uid: str
    seed: int
    lookups: list[bytes]
    columns: dict[str, str | None]
    days: dict[str, YearDay | None]
    attrs: str | None
    created_at: int | None
    tags: tuple[str, ...]
    consents: tuple[tuple[str, str, bool], ...]


@dataclass(frozen=True, slots=True)
class Batch:
    """`identities`: rows of the table (identities.SEALED), each once, in the order of lookups.

    Hashes are random, so rows that lie together in an index must be put together here.
    """

    entries: list[Entry]
    identities: list[tuple[Any, ...]]


@dataclass(slots=True)
class _Group:
    """Rows of one person. `place`: in the chunk."""

    place: int
    lookups: list[bytes]
    draft: Draft
    created_at: int | None
    tags: tuple[str, ...]
    consents: tuple[tuple[str, str, bool], ...]


class Packer:
    """Makes batches of contacts."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        self._texts: dict[Any, str] = {}

    def batch(self, contacts: Sequence[Contact]) -> Batch:
        flat = [known for contact in contacts for known in contact.identities]
        lookups = self._vault.lookups([f"{kind}|{account}|{text}" for kind, account, text in flat])
        entries = [self._entry(group) for group in _groups(contacts, lookups)]
        return Batch(entries, _sealed(self._vault, flat, lookups))

    def _entry(self, group: _Group) -> Entry:
        uid = self._vault.uid(group.lookups[0])
        draft = group.draft
        attrs = self._json(draft.attrs) if draft.attrs else None
        seed = seed_of(uid)
        return Entry(
            uid, seed, group.lookups, draft.columns, draft.days, attrs, group.created_at, group.tags, group.consents
        )

    def _json(self, attrs: dict[str, Any]) -> str:
        """The same few combinations of words come again and again."""
        if not all(type(value) is str for value in attrs.values()):
            return json.dumps(attrs, ensure_ascii=False)
        key = tuple(attrs.items())
        known = self._texts.get(key)
        if known is None:
            if len(self._texts) >= MEMORY:
                self._texts.clear()
            known = self._texts[key] = json.dumps(attrs, ensure_ascii=False)
        return known


def _sealed(vault: Vault, flat: list[tuple[str, str, str]], lookups: list[bytes]) -> list[tuple[Any, ...]]:
    unique = dict(zip(lookups, flat, strict=True))
    ordered = sorted(unique)
    sealed = vault.seal_many([unique[lookup][2] for lookup in ordered], [IDENTITY + lookup for lookup in ordered])
    tail = vault.tail
    found = []
    for lookup, closed in zip(ordered, sealed, strict=True):
        kind, account, text = unique[lookup]
        found.append((kind, account, lookup, closed, closed[1], tail(text[-4:]) if kind in TAILED else None, None))
    return found


def _groups(contacts: Sequence[Contact], lookups: list[bytes]) -> list[_Group]:
    owners: dict[bytes, _Group] = {}
    gone: set[int] = set()  # places of groups that went into a later one
    groups: list[_Group] = []
    at = 0
    for contact in contacts:
        own = lookups[at : at + len(contact.identities)]
        at += len(own)
        group = _Group(len(groups), own, contact.draft, contact.created_at, contact.tags, contact.consents)
        if not owners.keys().isdisjoint(own):
            # Identity by identity: two earlier groups may turn out to be one.
            for known in [owners[lookup] for lookup in own if lookup in owners]:
                if known.place not in gone:
                    gone.add(known.place)
                    group = _joined(known, group)
        groups.append(group)
        for lookup in group.lookups:
            owners[lookup] = group
    return [group for group in groups if group.place not in gone] if gone else groups


def _joined(earlier: _Group, later: _Group) -> _Group:
    """One group of both; of two values the later row's."""
    draft = Draft(
        earlier.draft.columns | later.draft.columns,
        earlier.draft.days | later.draft.days,
        earlier.draft.attrs | later.draft.attrs,
    )
    return _Group(
        later.place,
        list(dict.fromkeys(earlier.lookups + later.lookups)),
        draft,
        _first(earlier.created_at, later.created_at),
        tuple(dict.fromkeys(earlier.tags + later.tags)),
        earlier.consents + later.consents,
    )


def united(earlier: Entry, later: Entry) -> Entry:
    """The same for entries: people whom only the database knows to be one."""
    attrs = (json.loads(earlier.attrs) if earlier.attrs else {}) | (json.loads(later.attrs) if later.attrs else {})
    return earlier._replace(
        lookups=list(dict.fromkeys(earlier.lookups + later.lookups)),
        columns=earlier.columns | later.columns,
        days=earlier.days | later.days,
        attrs=json.dumps(attrs, ensure_ascii=False) if attrs else None,
        created_at=_first(earlier.created_at, later.created_at),
        tags=tuple(dict.fromkeys(earlier.tags + later.tags)),
        consents=earlier.consents + later.consents,
    )


def _first(*times: int | None) -> int | None:
    return min((time for time in times if time is not None), default=None)
