"""Whose happenings these are: one look for all ids of a batch, people made and merged only where that is needed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from automation.audience.computed import ComputedValues
from automation.people import identities, profiles
from automation.people.identities import Identity
from automation.people.registry import Registry
from automation.store.database import Transaction

from .values import Item


class Owner(NamedTuple):
    person: int
    identity: int


def owners(
    registry: Registry, computed: ComputedValues, tx: Transaction, items: Sequence[Item], now: int
) -> dict[bytes, Owner]:
    """Who has each item's first identity. An identity nobody has makes a person; several people's make them one."""
    shared = {item.lookups[0]: _anywhere(registry, item.known[0]) for item in items}
    wanted = {lookup for item in items for lookup in item.lookups} | set(shared.values())
    found = _look(tx, wanted)
    fresh = {item.lookups: item for item in items if not _is_settled(item, found, shared)}
    touched: set[int] = set()
    for item in fresh.values():
        known = list(item.known)
        if item.lookups[0] not in found and shared[item.lookups[0]] in found:
            known[0] = Identity(known[0].kind, known[0].text)  # recorded before accounts were told apart
        before = {found[lookup].person for lookup in (*item.lookups, shared[item.lookups[0]]) if lookup in found}
        person = profiles.recognise(registry, tx, now, known)
        if len(before) > 1:
            touched.add(person)
    if fresh:
        found = _look(tx, wanted)
    if touched:
        _recompute(computed, tx, touched, now)
    return {item.lookups[0]: found.get(item.lookups[0]) or found[shared[item.lookups[0]]] for item in items}


def _anywhere(registry: Registry, known: Identity) -> bytes:
    """The look-up of the same id without an account, as lists imported without one hold it."""
    return identities.lookups(registry.vault, [Identity(known.kind, known.text)])[0]


def _is_settled(item: Item, found: dict[bytes, Owner], shared: dict[bytes, bytes]) -> bool:
    """Whether all its identities are known to be one person's."""
    first = found.get(item.lookups[0]) or found.get(shared[item.lookups[0]])
    if first is None:
        return False
    return all(lookup in found and found[lookup].person == first.person for lookup in item.lookups[1:])


def _look(tx: Transaction, lookups: Iterable[bytes]) -> dict[bytes, Owner]:
    given, then = tx.dialect.blobs("lookups"), tx.dialect.join_in_order
    rows = tx.rows(
        f"SELECT i.lookup, i.person_id, i.id FROM {given} AS l {then} identity i ON i.lookup = l.value",
        lookups=tx.dialect.blob_array(sorted(set(lookups))),
    )
    return {bytes(lookup): Owner(person, number) for lookup, person, number in rows}


def _recompute(computed: ComputedValues, tx: Transaction, people: Iterable[int], now: int) -> None:
    """Computed values of two people cannot be added up: those of whoever was kept are worked out anew."""
    tx.temporary("touched", "person_id BIGINT")
    tx.insert("touched", ("person_id",), [(person,) for person in sorted(people)])
    computed.refresh(tx, now)
