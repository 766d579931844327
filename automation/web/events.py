"""Events that a shop tells: checked one by one, written in sets, each with the customer it is about."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import Any, NamedTuple

import pydantic

from automation.audience import computed as values
from automation.people import happenings, identities, profiles
from automation.people.happenings import OURS, Checked, Happening
from automation.people.identities import Identity
from automation.people.normalise import Unusable
from automation.store.database import Transaction

from . import forms
from .shop import Shop
from .writer import Write


class Told(NamedTuple):
    """A good event, of nobody yet. `lookups`: of its identities, in their order."""

    event: Checked
    known_by: tuple[Identity, ...]
    lookups: tuple[bytes, ...]


class Chunk(NamedTuple):
    """Events of one request that are written in one transaction."""

    shop: Shop
    told: tuple[Told, ...]


def read(shop: Shop, source: str, now: int, raw: Any, fallback: str | None = None) -> Told:
    """One event as it was sent. `fallback`: its id where the sender gives none. Raises forms.Wrong."""
    try:
        form = forms.Event.model_validate(raw)
    except pydantic.ValidationError as error:
        raise forms.wrong(error) from None
    if form.event.startswith(OURS):
        raise forms.Wrong(f"{form.event[:60]} is told by Lucheng itself", "event")
    known_by = shop.identities(form.customer)
    happening = Happening(
        0, form.event, form.properties, shop.moment(form.at, "at"), source, fallback if form.id is None else form.id
    )
    try:
        event = happenings.checked(shop.registry, now, happening)
    except happenings.NoId as error:
        raise forms.Wrong(str(error), "id") from None
    except Unusable as error:
        where = "event" if form.event not in shop.registry.catalog.events else "properties"
        raise forms.Wrong(str(error), where) from None
    return Told(event, known_by, tuple(identities.lookups(shop.registry.vault, known_by)))


class EventKind:
    """Writes chunks; a result is the status of each of its events: added or known."""

    def prepare(self, now: int, items: Sequence[Chunk]) -> Write:
        return lambda tx: _write(tx, now, items)


def _write(tx: Transaction, now: int, chunks: Sequence[Chunk]) -> list[list[str]]:
    shop = chunks[0].shop
    told = [one for chunk in chunks for one in chunk.told]
    owners = _owners(tx, {lookup for one in told for lookup in one.lookups})
    ready = [Checked(_person(shop, tx, now, one, owners), *one.event[1:]) for one in told]
    # The database says which were new: what it left out was told before, or earlier in this very list.
    new = {(one.source, one.dedupe) for one in happenings.add_many(tx, now, ready)}
    statuses = iter([_status(event, new) for event in ready])
    return [list(islice(statuses, len(chunk.told))) for chunk in chunks]


def _status(event: Checked, new: set[tuple[str, str | None]]) -> str:
    if event.dedupe is None:
        return "added"
    mark = (event.source, event.dedupe)
    if mark not in new:
        return "known"
    new.remove(mark)
    return "added"


def _person(shop: Shop, tx: Transaction, now: int, told: Told, owners: dict[bytes, int]) -> int:
    """Who it is: found by every identity, else recognised, which may make one of nobody or of two."""
    first = owners.get(told.lookups[0])
    if first is not None and len(told.lookups) == 1:  # most are known by one identity, and known
        return first
    people = {owners.get(lookup) for lookup in told.lookups}
    if people == {first} and first is not None:
        return first
    person = recognise(shop, tx, now, told.known_by, {one for one in people if one is not None})
    for lookup, owner in owners.items():
        if owner in people:
            owners[lookup] = person
    owners.update(dict.fromkeys(told.lookups, person))
    return person


def recognise(shop: Shop, tx: Transaction, now: int, known_by: Sequence[Identity], people: set[int]) -> int:
    """The one customer of these identities. `people`: whose they are now; where there are several, they are merged."""
    person = profiles.recognise(shop.registry, tx, now, known_by)
    if len(people) > 1:
        values.touch(tx, sorted(people))
        shop.computed.refresh(tx, now)
    return person


def _owners(tx: Transaction, lookups: set[bytes]) -> dict[bytes, int]:
    given, join = tx.dialect.blobs("lookups"), tx.dialect.join_in_order
    found = tx.rows(
        f"SELECT i.lookup, i.person_id FROM {given} AS l {join} identity i ON i.lookup = l.value",
        lookups=tx.dialect.blob_array(sorted(lookups)),
    )
    return {bytes(lookup): person for lookup, person in found}
