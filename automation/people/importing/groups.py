"""The rows of a chunk by person, sealed: rows that share an identity speak of one person, also over a third row.

Everything that needs no database is done here, in the process that reads, and handed over as rows of the tables.
"""

from __future__ import annotations

import json
import marshal
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import repeat
from typing import Any, Final, NamedTuple, TypeAlias

from automation.people.sealing import IDENTITY, Vault, seed_of

from . import proofs
from .columns import PROOFS
from .contacts import Contacts, Values

MEMORY = 20_000  # texts of attributes kept for the next row
PERSON: Final = ("uid", "seed", "name", "stage", "zone", "attrs", "created_at", "changed_at")
DAY: Final = ("field", "calendar", "month", "day", "leap", "place", "year")
TEXT: Final = {str, type(None)}


Proved: TypeAlias = tuple[Any, ...] | None


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
    order of the table's key; `tags`: (place, tag); `consents`: (place, purpose, channel, granted, Proof as a tuple).
    """

    people: list[tuple[Any, ...]]
    turns: list[int]
    identities: Sealed
    days: list[tuple[Any, ...]]
    tags: list[tuple[int, str]]
    consents: list[tuple[int, str, str, bool, Proved]]

    def __reduce__(self) -> tuple[Any, ...]:
        # Five times as fast as pickling its hundred thousand values one by one.
        plain: Any = (self.people, self.turns, tuple(self.identities), *self[3:])
        return _unpacked, (marshal.dumps(plain),)


def _unpacked(data: bytes) -> Batch:
    people, turns, identities, *rest = marshal.loads(data)  # noqa: S302 - our own bytes
    return Batch(people, turns, Sealed(*identities), *rest)


class _Flat(NamedTuple):
    """The identities of all rows, one after another. `rows`: whose they are."""

    kinds: list[str]
    accounts: list[str]
    texts: list[str]
    rows: list[int]
    lookups: list[bytes]


class Packer:
    """Makes batches of contacts."""

    def __init__(self, vault: Vault, now: int) -> None:
        self._vault = vault
        self._now = now
        self._texts: dict[Any, str] = {}

    def batches(self, contacts: Contacts) -> list[Batch]:
        """To be written one after another: nearly always one."""
        flat = _flat(self._vault, contacts)
        groups = _groups(flat)
        waiting = proofs.steps(zip(flat.lookups, flat.rows, strict=True), groups)
        if not waiting:
            return [self._batch(contacts, flat, groups)]
        late = {row for rows in waiting for row in rows}
        first = [row for row in range(contacts.size) if row not in late]
        parts = [(part, _flat(self._vault, part)) for rows in (first, *waiting) for part in (contacts.part(rows),)]
        return [self._batch(part, flat, _groups(flat)) for part, flat in parts]

    def _batch(self, contacts: Contacts, flat: _Flat, groups: list[list[int]]) -> Batch:
        for rows in groups:
            contacts.join(rows)
        uids = self._uids(contacts.size, flat)
        for first, *_, last in groups:
            uids[last] = uids[first]
        gone = {row for rows in groups for row in rows[:-1]}
        turns = sorted((row for row in range(contacts.size) if row not in gone), key=uids.__getitem__)
        places = _places(turns, groups, contacts.size)
        return Batch(
            self._people(contacts, turns, uids),
            turns,
            _sealed(self._vault, flat, places),
            sorted(
                (name, day.calendar, day.month, day.day, day.leap, places[row], day.year)
                for name, days in contacts.days.items()
                for row in turns
                if (day := days[row])
            ),
            [(places[row], tag) for row in turns for tag in contacts.tags[row] or ()] if contacts.tags else [],
            _consents(contacts, places),
        )

    def _uids(self, size: int, flat: _Flat) -> list[str]:
        """Of each row, from the first of its identities."""
        first: dict[int, bytes] = dict(zip(reversed(flat.rows), reversed(flat.lookups), strict=True))
        return [self._vault.uid(first[row]) for row in range(size)]

    def _people(self, contacts: Contacts, turns: list[int], uids: list[str]) -> list[tuple[Any, ...]]:
        now = self._now
        picked = [uids[row] for row in turns]
        columns = [_picked(contacts.columns.get(name), turns) for name in ("name", "stage", "zone")]
        attrs = _picked(self._attrs(contacts.attrs), turns)
        created = [now if at is None else min(at, now) for at in _picked(contacts.created, turns)]
        return list(zip(picked, map(seed_of, picked), *columns, attrs, created, repeat(now)))

    def _attrs(self, attrs: dict[str, Values]) -> list[str | None] | None:
        """As JSON; the same few combinations of words come again and again."""
        if not attrs:
            return None
        names = tuple(attrs)
        rows = zip(*attrs.values(), strict=True)
        if all(set(map(type, values)) <= TEXT for values in attrs.values()):
            return [self._texts.get(row) or self._remembered(names, row) for row in rows]
        return [_json(names, row) for row in rows]

    def _remembered(self, names: Sequence[str], row: tuple[Any, ...]) -> str | None:
        if len(self._texts) >= MEMORY:
            self._texts.clear()
        text = _json(names, row)
        if text is not None:
            self._texts[row] = text
        return text


def _json(names: Sequence[str], row: tuple[Any, ...]) -> str | None:
    said = {name: value for name, value in zip(names, row, strict=True) if value is not None}
    return json.dumps(said, ensure_ascii=False) if said else None


def _picked(values: Sequence[Any] | None, rows: Sequence[int]) -> Values:
    return [None] * len(rows) if values is None else list(map(values.__getitem__, rows))


def _flat(vault: Vault, contacts: Contacts) -> _Flat:
    flat = _Flat([], [], [], [], [])
    for kind, account, column in contacts.identities:
        rows = [row for row, text in enumerate(column) if text]
        texts = list(filter(None, column))
        flat.kinds.extend(repeat(kind, len(rows)))
        flat.accounts.extend(repeat(account, len(rows)))
        flat.texts.extend(texts)
        flat.rows.extend(rows)
        flat.lookups.extend(vault.lookup_column(kind, account, texts))
    return flat


def _groups(flat: _Flat) -> list[list[int]]:
    """Where several rows speak of one person, those rows, in the order of the file."""
    if len(set(flat.lookups)) == len(flat.lookups):
        return []
    shared = {lookup for lookup, times in Counter(flat.lookups).items() if times > 1}
    later: dict[int, int] = {}  # row -> one after it that speaks of the same person

    def last(row: int) -> int:
        while row in later:
            row = later[row]
        return row

    owners: dict[bytes, int] = {}
    told = ((lookup, row) for lookup, row in zip(flat.lookups, flat.rows, strict=True) if lookup in shared)
    for lookup, row in told:
        one, other = sorted((last(owners.setdefault(lookup, row)), last(row)))
        if one != other:
            later[one] = other
    groups: dict[int, list[int]] = {}
    for row in sorted({*later, *later.values()}):
        groups.setdefault(last(row), []).append(row)
    return list(groups.values())


def _places(turns: list[int], groups: list[list[int]], size: int) -> list[int]:
    """Of each row, the place among `turns` of the one it became part of."""
    places = [0] * size
    for place, row in enumerate(turns):
        places[row] = place
    for rows in groups:
        for row in rows:
            places[row] = places[rows[-1]]
    return places


def _sealed(vault: Vault, flat: _Flat, places: list[int]) -> Sealed:
    once = dict(zip(flat.lookups, range(len(flat.lookups)), strict=True))
    lookups = sorted(once)
    order = list(map(once.__getitem__, lookups))
    kinds, accounts, texts, rows = (_picked(column, order) for column in flat[:4])
    sealed = vault.seal_many(texts, [IDENTITY + lookup for lookup in lookups])
    keys = [value[1] for value in sealed]
    return Sealed(kinds, accounts, lookups, sealed, keys, _picked(places, rows))


def _consents(contacts: Contacts, places: list[int]) -> list[tuple[int, str, str, bool, Proved]]:
    """Row by row, in the order of the file: of what one row says and another, nothing is lost."""
    return [
        (places[row], purpose, channel, said, proof)
        for row, proof in enumerate(_proofs(contacts) if contacts.consents else ())
        for purpose, channels, granted in contacts.consents
        if (said := granted[row]) is not None
        for channel in channels
    ]


def _proofs(contacts: Contacts) -> Iterable[Proved]:
    """Of each row."""
    if not contacts.proofs:
        return repeat(None, contacts.size)
    every = range(contacts.size)
    return zip(*(_picked(contacts.proofs.get(name), every) for name in PROOFS), strict=True)
