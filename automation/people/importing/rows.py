"""From the cells of a row to a contact: identities in their one spelling, fields as they are stored."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, partial
from typing import Any, TypeAlias
from zoneinfo import ZoneInfo

from automation.conditions.tree import FieldType
from automation.journey.catalog import Field, Home
from automation.people import dates, fields, values
from automation.people.dates import YearDay
from automation.people.normalise import KINDS, Unusable
from automation.people.registry import Registry

from . import columns
from .cells import IdentityColumn, fitted, identities, identity_columns
from .options import Options

TAG_SIGNS = re.compile(r"[,，;；、|\n]+")
MAX_TAG = 60
MAX_TAGS = 100
Setter: TypeAlias = Callable[[str, "Contact"], None]


@dataclass(slots=True)
class Contact:
    """One good row. `identities`: (kind, account, normalised). `consents`: (purpose, channel, granted)."""

    identities: list[tuple[str, str, str]]
    columns: dict[str, str] = field(default_factory=dict)
    days: dict[str, YearDay] = field(default_factory=dict)
    attrs: dict[str, Any] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    consents: tuple[tuple[str, str, bool], ...] = ()
    created_at: int | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """What is done with each cell, decided once for the file."""

    width: int
    identities: tuple[IdentityColumn, ...]
    setters: tuple[tuple[int, str, Setter], ...]

    def contact(self, row: list[str]) -> Contact:
        """Unusable names the column."""
        cells = fitted(row, self.width)
        contact = Contact(identities(self.identities, cells))
        for column, target, set_cell in self.setters:
            cell = cells[column]
            if cell:
                try:
                    set_cell(cell, contact)
                except Unusable as error:
                    raise Unusable(f"{target}: {error}") from None
        return contact


def plan(registry: Registry, options: Options, targets: Sequence[str | None]) -> Plan:
    """A plan for columns with these targets. Where two columns have one target, the last that is not empty holds."""
    setters = tuple(
        (column, target, _setter(registry, options, target))
        for column, target in enumerate(targets)
        if target is not None and target != columns.IGNORE and target not in KINDS
    )
    return Plan(len(targets), identity_columns(targets, options.accounts), setters)


def _setter(registry: Registry, options: Options, target: str) -> Setter:
    zone = ZoneInfo(registry.zone)
    if target == columns.TAGS:
        return _set_tags
    if target == columns.CREATED:
        return lambda cell, contact: setattr(contact, "created_at", dates.moment(cell, zone))
    if target.startswith(f"{columns.CONSENT}."):
        return _consent(target, options)
    known = registry.catalog.fields[target]
    if known.home is Home.DATE:
        return lambda cell, contact: contact.days.__setitem__(target, dates.year_day(cell))
    if known.home is Home.COLUMN:
        return lambda cell, contact: contact.columns.__setitem__(target, fields.column(known, cell))
    return _attribute(registry, known, zone)


def _attribute(registry: Registry, known: Field, zone: ZoneInfo) -> Setter:
    if known.kind is FieldType.LIST:
        return lambda cell, contact: contact.attrs.__setitem__(known.name, TAG_SIGNS.split(cell))

    name, convert = known.name, partial(fields.attribute, registry.vault, known)
    if not known.sealed:
        # The words of a column come again and again; a sealed value must be sealed anew each time.
        convert = partial(lru_cache(maxsize=4096)(convert))

    def set_attribute(cell: str, contact: Contact) -> None:
        contact.attrs[name] = convert(cell, zone)

    return set_attribute


def _set_tags(cell: str, contact: Contact) -> None:
    words = dict.fromkeys(values.text(word)[:MAX_TAG] for word in TAG_SIGNS.split(cell))
    words.pop("", None)
    if len(words) > MAX_TAGS:
        raise Unusable(f"more than {MAX_TAGS} tags")
    contact.tags = tuple(words)


def _consent(target: str, options: Options) -> Setter:
    _, purpose, *channel = target.split(".")
    channels = channel or options.consent_channels

    def set_consent(cell: str, contact: Contact) -> None:
        granted = values.yes(cell)
        contact.consents += tuple((purpose, channel, granted) for channel in channels)

    return set_consent
