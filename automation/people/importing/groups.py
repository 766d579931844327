"""The rows of a chunk by person, sealed: rows that share an identity speak of one person, also over a third row.

Everything that needs no database is done here, in the process that reads, and handed over as rows of the tables.
"""

from __future__ import annotations

import json
import marshal
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from automation.people.sealing import IDENTITY, Vault, seed_of

from .rows import Contact

MEMORY = 20_000  # texts of attributes kept for the next row
PERSON: Final = ("uid", "seed", "name", "stage", "zone", "attrs", "created_at", "changed_at")
DAY: Final = ("field", "calendar", "month", "day", "leap", "place", "year")


class Sealed(NamedTuple):
    """Columns of identity, each identity once, in the order of lookups. `places`: whose they are, in `people`.

    Hashes are random, so rows that lie together in an index must be put together here.
    """

    kinds: list[str]
    accounts: list[str]
    lookups: list[bytes]
    sealed: list[bytes]
    keys: list[int]
    places: list[int]


class Batch(NamedTuple):
    """What a chunk says of people, one each. `people`: rows of PERSON, in the order of their uids, `zone` by name.

    The rest names people by their place there. `turns`: the place of each in the file; `days`: rows of DAY, in the
    order of the table's key; `tags`: (place, tag); `consents`: (place, purpose, channel, granted).
    """

    people: list[tuple[Any, ...]]
    turns: list[int]
    identities: Sealed
    days: list[tuple[Any, ...]]
    tags: list[tuple[int, str]]
    consents: list[tuple[int, str, str, bool]]

    def __reduce__(self) -> tuple[Any, ...]:
        # Five times as fast as pickling its hundred thousand values one by one.
        plain: Any = (self.people, self.turns, tuple(self.identities), *self[3:])
        return _unpacked, (marshal.dumps(plain),)


def _unpacked(data: bytes) -> Batch:
    people, turns, identities, *rest = marshal.loads(data)  # noqa: S302 - our own bytes
    return Batch(people, turns, Sealed(*identities), *rest)


@dataclass(slots=True)
class _Group:
    """Rows of one person, as one row. `lookups`: of all their identities; the uid comes from the first."""

    lookups: list[bytes]
    contact: Contact
    turn: int
    uid: str = field(default="")


class Packer:
    """Makes batches of contacts."""

    def __init__(self, vault: Vault, now: int) -> None:
        self._vault = vault
        self._now = now
        self._texts: dict[Any, str] = {}

    def batch(self, contacts: Sequence[Contact]) -> Batch:
        flat = [known for contact in contacts for known in contact.identities]
        lookups = self._vault.lookups(flat)
        groups = _groups(contacts, lookups)
        uid = self._vault.uid
        for group in groups:
            group.uid = uid(group.lookups[0])
        groups.sort(key=_uid)
        everybody = list(enumerate(groups))
        return Batch(
            [self._person(group) for group in groups],
            [group.turn for group in groups],
            _sealed(self._vault, dict(zip(lookups, flat, strict=True)), groups),
            sorted(
                (name, day.calendar, day.month, day.day, day.leap, place, day.year)
                for place, group in everybody
                for name, day in group.contact.days.items()
            ),
            [(place, tag) for place, group in everybody for tag in group.contact.tags],
            [(place, *word) for place, group in everybody for word in group.contact.consents],
        )

    def _person(self, group: _Group) -> tuple[Any, ...]:
        contact, now = group.contact, self._now
        said = contact.columns.get
        attrs = self._json(contact.attrs) if contact.attrs else None
        created = now if contact.created_at is None else min(contact.created_at, now)
        return group.uid, seed_of(group.uid), said("name"), said("stage"), said("zone"), attrs, created, now

    def _json(self, attrs: dict[str, Any]) -> str:
        """The same few combinations of words come again and again."""
        for value in attrs.values():
            if type(value) is not str:
                return json.dumps(attrs, ensure_ascii=False)
        key = tuple(attrs.items())
        known = self._texts.get(key)
        if known is None:
            if len(self._texts) >= MEMORY:
                self._texts.clear()
            known = self._texts[key] = json.dumps(attrs, ensure_ascii=False)
        return known


def _uid(group: _Group) -> str:
    return group.uid


def _sealed(vault: Vault, known: dict[bytes, tuple[str, str, str]], groups: list[_Group]) -> Sealed:
    places = {lookup: place for place, group in enumerate(groups) for lookup in group.lookups}
    ordered = sorted(places)
    kinds, accounts, texts = zip(*map(known.__getitem__, ordered), strict=True) if ordered else ((), (), ())
    sealed = vault.seal_many(texts, [IDENTITY + lookup for lookup in ordered])
    keys = [value[1] for value in sealed]
    return Sealed(list(kinds), list(accounts), ordered, sealed, keys, list(map(places.__getitem__, ordered)))


def _groups(contacts: Sequence[Contact], lookups: list[bytes]) -> list[_Group]:
    groups, at = [], 0
    for turn, contact in enumerate(contacts):
        end = at + len(contact.identities)
        groups.append(_Group(lookups[at:end], contact, turn))
        at = end
    return groups if len(set(lookups)) == len(lookups) else _united(groups)


def _united(rows: list[_Group]) -> list[_Group]:
    owners: dict[bytes, _Group] = {}
    gone: set[int] = set()  # turns of groups that went into a later one
    groups: list[_Group] = []
    for row in rows:
        group = row
        # Identity by identity: two earlier groups may turn out to be one.
        for known in [owners[lookup] for lookup in row.lookups if lookup in owners]:
            if known.turn not in gone:
                gone.add(known.turn)
                lookups = list(dict.fromkeys(known.lookups + group.lookups))
                group = _Group(lookups, _joined(known.contact, group.contact), row.turn)
        groups.append(group)
        for lookup in group.lookups:
            owners[lookup] = group
    return [group for group in groups if group.turn not in gone]


def _joined(earlier: Contact, later: Contact) -> Contact:
    """One row of both; of two values the later row's."""
    return Contact(
        earlier.identities + later.identities,
        earlier.columns | later.columns,
        earlier.days | later.days,
        earlier.attrs | later.attrs,
        tuple(dict.fromkeys(earlier.tags + later.tags)),
        earlier.consents + later.consents,
        min((time for time in (earlier.created_at, later.created_at) if time is not None), default=None),
    )
