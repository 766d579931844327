"""From the cells of rows to contacts: identities in their one spelling, fields as they are stored."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache, partial
from typing import Any, TypeAlias
from zoneinfo import ZoneInfo

from automation.conditions.tree import FieldType
from automation.journey import tag_names
from automation.journey.catalog import Field, Home
from automation.people import dates, fields, values
from automation.people.normalise import KINDS, Unusable
from automation.people.registry import Registry

from . import columns
from .cells import NOBODY, cleaned, fitted
from .contacts import Consents, Contacts, Identities, Values
from .options import Options

BIRTHDAY = "birthday"
MAX_TAGS = 100
Refused: TypeAlias = dict[int, str]  # place of a row -> why


@dataclass(frozen=True, slots=True)
class Column:
    """What the cells of a column become, and where that goes."""

    place: int
    target: str
    convert: Callable[[str], Any]
    put: Callable[[Contacts, Values], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """What is done with each column, decided once for the file."""

    width: int
    identities: tuple[Column, ...]
    fields: tuple[Column, ...]

    def contacts(self, rows: Sequence[list[str]]) -> tuple[Contacts, list[int], Refused]:
        """The good rows, their places, and why others are refused; the rest is blank."""
        refused: Refused = {}
        cells = list(zip(*_fitted(rows, self.width, refused), strict=True)) or [()] * self.width
        found = Contacts(len(rows))
        for column in self.identities:
            column.put(found, _converted(column, cells[column.place], refused))
        blank = _without_identity(found, rows, refused)
        for column in self.fields:
            column.put(found, _converted(column, cells[column.place], refused))
        good = [place for place in range(len(rows)) if place not in refused and place not in blank]
        if len(good) < len(rows):
            found = found.part(good)
        return found, good, refused


def _fitted(rows: Sequence[list[str]], width: int, refused: Refused) -> Sequence[list[str]]:
    """As many cells in each row as there are headings."""
    if all(len(row) == width for row in rows):
        return rows
    table = []
    for place, row in enumerate(rows):
        try:
            table.append(fitted(row[:width] + cleaned(row[width:]), width))
        except Unusable as error:
            refused[place] = str(error)
            table.append([""] * width)
    return table


def _converted(column: Column, raw: Sequence[str], refused: Refused) -> Values:
    """The values, None for empty cells. A row is refused for each of its cells that is."""
    cells, convert = cleaned(raw), column.convert
    try:
        return [convert(cell) if cell else None for cell in cells] if "" in cells else list(map(convert, cells))
    except Unusable:
        found: Values = [None] * len(cells)
    for place, cell in enumerate(cells):
        try:
            found[place] = convert(cell) if cell else None
        except Unusable as error:
            wrong = f"{column.target}: {error}"
            refused[place] = f"{refused[place]}; {wrong}" if place in refused else wrong
    return found


def _without_identity(contacts: Contacts, rows: Sequence[list[str]], refused: Refused) -> set[int]:
    """Refuses rows nobody can be known by, but for those without any cell: their places."""
    blank: set[int] = set()
    known = [column.texts for column in contacts.identities]
    if any(None not in texts for texts in known):
        return blank
    for place, texts in enumerate(zip(*known, strict=True)):
        if not any(texts) and place not in refused:
            if any(cleaned(rows[place])):
                refused[place] = NOBODY
            else:
                blank.add(place)
    return blank


def plan(registry: Registry, options: Options, targets: Sequence[str | None], now: int) -> Plan:
    """A plan for columns with these targets. Where two columns have one target, the last that is not empty holds."""
    named = [(place, target) for place, target in enumerate(targets) if target not in (None, columns.IGNORE)]
    identities = (_identities(options, place, target) for place, target in named if target in KINDS)
    others = (_field(registry, options, place, target, now) for place, target in named if target not in KINDS)
    return Plan(len(targets), tuple(identities), tuple(others))


def _identities(options: Options, place: int, kind: str) -> Column:
    account = options.accounts.get(kind, "")
    return Column(
        place, kind, KINDS[kind], lambda found, texts: found.identities.append(Identities(kind, account, texts))
    )


def _field(registry: Registry, options: Options, place: int, target: str, now: int) -> Column:
    if target == columns.TAGS:
        return Column(place, target, _tags, lambda found, said: setattr(found, "tags", _over(found.tags, said)))
    if target == columns.CREATED:
        moment = partial(dates.moment, zone=ZoneInfo(registry.zone))
        return Column(place, target, moment, lambda found, said: setattr(found, "created", _over(found.created, said)))
    if target.startswith(f"{columns.CONSENT}."):
        _, purpose, *channel = target.split(".")
        channels = channel or options.consent_channels
        return Column(
            place, target, values.yes, lambda found, said: found.consents.append(Consents(purpose, channels, said))
        )
    if target in columns.PROOFS:
        proof = partial(_given, zone=ZoneInfo(registry.zone), now=now) if target == columns.PROOFS[0] else values.text
        return Column(place, target, proof, lambda found, said: _put(found.proofs, target, said))
    known = registry.catalog.fields[target]
    if known.home is Home.DATE:
        return Column(
            place, target, _year_day(registry, target, now), lambda found, said: _put(found.days, target, said)
        )
    if known.home is Home.COLUMN:
        convert = partial(fields.column, known)
        return Column(place, target, convert, lambda found, said: _put(found.columns, target, said))
    return Column(place, target, _attribute(registry, known), lambda found, said: _put(found.attrs, target, said))


def _given(cell: str, zone: ZoneInfo, now: int) -> int:
    at = dates.moment(cell, zone)
    if at > now:
        raise Unusable("lies in the future")
    return at


def _year_day(registry: Registry, target: str, now: int) -> Callable[[str], Any]:
    if target != BIRTHDAY:
        return dates.year_day
    today = datetime.fromtimestamp(now, ZoneInfo(registry.zone)).date()
    return lru_cache(maxsize=65536)(partial(dates.birthday, today=today))


def _attribute(registry: Registry, known: Field) -> Callable[[str], Any]:
    if known.kind is FieldType.LIST:
        return tag_names.SIGNS.split
    convert = partial(fields.attribute, registry.vault, known, zone=ZoneInfo(registry.zone))
    # The words of a column come again and again; a sealed value must be sealed anew each time.
    return convert if known.sealed else lru_cache(maxsize=4096)(convert)


def _put(named: dict[str, Values], target: str, said: Values) -> None:
    named[target] = _over(named.get(target), said)


def _over(before: Values | None, said: Values) -> Values:
    if before is None:
        return said
    return [old if new is None else new for old, new in zip(before, said, strict=True)]


def _tags(cell: str) -> tuple[str, ...]:
    words = dict.fromkeys(values.text(word)[: tag_names.LONGEST] for word in tag_names.SIGNS.split(cell))
    words.pop("", None)
    if len(words) > MAX_TAGS:
        raise Unusable(f"more than {MAX_TAGS} tags")
    return tuple(words)
