"""Customers that a shop tells of: found or made, their fields set, tags added, words of consent recorded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pydantic

from automation.journey import tag_names
from automation.people import consents, fields, identities, profiles, tags, values
from automation.people.consents import Consent
from automation.people.fields import Draft
from automation.people.identities import Identity
from automation.people.normalise import Unusable
from automation.store.database import Transaction

from . import events, forms
from .shop import Shop
from .writer import Write


@dataclass(frozen=True, slots=True)
class Record:
    """A good record. `words`: of consent, of nobody yet, with whether they say when they were given."""

    source: str
    known_by: tuple[Identity, ...]
    lookups: tuple[bytes, ...]
    draft: Draft
    tags: tuple[str, ...]
    words: tuple[tuple[forms.Consent, int | None], ...]


@dataclass(frozen=True, slots=True)
class Chunk:
    """Records of one request that are written in one transaction."""

    shop: Shop
    records: tuple[Record, ...]


def read(shop: Shop, source: str, now: int, raw: Any, fallback: str | None = None) -> Record:
    """One record as it was sent. Raises forms.Wrong. `fallback` is not needed: a record said twice changes nothing."""
    try:
        form = forms.Customer.model_validate(raw)
    except pydantic.ValidationError as error:
        raise forms.wrong(error) from None
    known_by = shop.identities(form.customer)
    try:
        draft = fields.drafted(shop.registry, form.fields)
    except Unusable as error:
        raise forms.Wrong(str(error), "fields") from None
    words = []
    for index, word in enumerate(form.consents):
        at = shop.moment(word.at, f"consents.{index}.at")
        words.append((word, None if at is None else min(at, now)))
    lookups = tuple(identities.lookups(shop.registry.vault, known_by))
    return Record(source, known_by, lookups, draft, _tags(form.tags), tuple(words))


def _tags(said: Sequence[str]) -> tuple[str, ...]:
    several = (word for words in said for word in tag_names.SIGNS.split(words))
    words = dict.fromkeys(values.text(word)[: tag_names.LONGEST] for word in several)
    words.pop("", None)
    return tuple(words)


class CustomerKind:
    """Writes chunks; a result is the status of each of its records: created, updated or unchanged."""

    def prepare(self, now: int, items: Sequence[Chunk]) -> Write:
        words = {tag for chunk in items for record in chunk.records for tag in record.tags}
        ids = items[0].shop.registry.names.ensure("tag", sorted(words))
        return lambda tx: [[_write(chunk.shop, tx, now, one, ids) for one in chunk.records] for chunk in items]


def _write(shop: Shop, tx: Transaction, now: int, record: Record, tag_ids: dict[str, int]) -> str:
    owners = {
        identities.owner(tx, one.kind, one.account, lookup)
        for one, lookup in zip(record.known_by, record.lookups, strict=True)
    }
    people = {owner for owner in owners if owner is not None}
    person = events.recognise(shop, tx, now, record.known_by, people)
    changes = profiles.store_draft(shop.registry, tx, now, person, record.draft)
    if people:
        profiles.emit(shop.registry, tx, now, person, changes)
    given = [
        {"tag": tag_ids[tag], "person": person, "source": record.source, "now": now, "until": None}
        for tag in record.tags
    ]
    tags.add_rows(tx, given)
    consents.put(tx, [_consent(record.source, person, word, at, now) for word, at in record.words])
    if not people:
        return "created"
    is_changed = changes or record.tags or record.words or None in owners or len(people) > 1
    return "updated" if is_changed else "unchanged"


def _consent(source: str, person: int, word: forms.Consent, at: int | None, now: int) -> Consent:
    version, evidence = (None if said is None else values.text(said) for said in (word.text_version, word.evidence))
    return Consent(
        person, word.channel, word.purpose, word.granted, source, now if at is None else at, version, evidence,
        dated=at is not None,
    )  # fmt: skip
