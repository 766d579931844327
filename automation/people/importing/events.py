"""Importing what happened in the past: each row is an event of a person who is known by an identity."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeAlias
from zoneinfo import ZoneInfo

from automation.kernel import errors
from automation.people import dates, happenings, values
from automation.people.happenings import Happening
from automation.people.normalise import KINDS, Unusable
from automation.people.registry import Registry
from automation.store.database import Transaction

from . import columns, pipeline
from .cells import IdentityColumn, cleaned, fitted, identities, identity_columns, owners
from .options import Options, Report, Watch
from .workers import Outcome, Taken

# Of each good row what happened, and the look-ups of its identities: the person is the first of them who is known.
Known: TypeAlias = list[tuple[Happening, list[bytes]]]


@dataclass(frozen=True, slots=True)
class _Plan:
    width: int
    identities: tuple[IdentityColumn, ...]
    properties: tuple[tuple[int, str], ...]
    special: dict[str, int]


def events(registry: Registry, path: Path, options: Options, now: int, watch: Watch = Watch()) -> Report:  # noqa: B008
    """Imports a CSV or XLSX of events; columns: an identity, event, at, and properties by name or title.

    Without a column for the event's own id, the same content counts once, also over several files. Journeys do not
    see them unless `options.live`. In the report `created` counts events, `updated` rows that were known already.
    """
    return pipeline.run(registry.store, _Events(registry, options, now), path, options, now, watch)


class _Events:
    kind = "events"
    notes: tuple[str, ...] = ()

    def __init__(self, registry: Registry, options: Options, now: int) -> None:
        self._registry = registry
        self._options = options
        self._now = now
        self._zone = ZoneInfo(registry.zone)
        self._plan = _Plan(0, (), (), {})

    def understands(self, headings: Sequence[str]) -> bool:
        found = columns.targets(headings, self._options.columns, self._registry.catalog, of_events=True)
        return any(target in KINDS for target in found)

    def settle(self, headings: Sequence[str]) -> Sequence[str]:
        found = columns.read(headings, self._options.columns, self._registry.catalog, of_events=True)
        special = {columns.EVENT, columns.AT, columns.DEDUPE}
        known = [(place, name) for place, name in enumerate(found.targets) if name is not None]
        others = {columns.IGNORE, *special, *KINDS}
        self._plan = _Plan(
            len(found.targets),
            identity_columns(found.targets, self._options.accounts),
            tuple((place, name) for place, name in known if name not in others),
            {name: place for place, name in known if name in special},
        )
        for needed, given in ((columns.AT, None), (columns.EVENT, self._options.event)):
            if needed not in self._plan.special and given is None:
                raise errors.Refused(f"no column says {needed}: map one to {needed}, {columns.MAPPED}")
        return found.unknown

    def prepare(self, rows: Sequence[list[str]]) -> Taken[Known]:
        taken: Taken[Known] = Taken([], [], {})
        for place, cells in enumerate(map(cleaned, rows)):
            try:
                if any(cells):
                    taken.prepared.append(self._past(cells))
                    taken.good.append(place)
            except Unusable as error:
                taken.refused[place] = "; ".join(self._mistakes(cells)) or str(error)
        return taken

    def named(self, prepared: Known) -> bool:
        return True

    def name(self, prepared: Known) -> None:
        """A registry has the names of all events."""

    def tables(self, tx: Transaction) -> None:
        tx.temporary("touched", "person_id BIGINT")
        tx.temporary("new_event", happenings.STAGED)

    def write(self, tx: Transaction, now: int, prepared: Known) -> Outcome:
        known = owners(tx, sorted({lookup for _, lookups in prepared for lookup in lookups}))
        outcome = Outcome()
        ready = []
        for position, (past, lookups) in enumerate(prepared):
            person = next((known[lookup] for lookup in lookups if lookup in known), None)
            if person is None:
                outcome.refused.append((position, "nobody has this identity: import the customers first"))
                continue
            happening = past._replace(person_id=person)
            event = happenings.checked(self._registry, now, happening)
            ready.append(event if event.dedupe else event._replace(dedupe=_content(lookups[0], past)))
        added = happenings.add_many(tx, now, ready, queue=self._options.live)
        touched = sorted({one.person_id for one in added})
        tx.insert("touched", ("person_id",), [(person,) for person in touched])
        outcome.created = len(added)
        return outcome

    def _past(self, row: list[str]) -> tuple[Happening, list[bytes]]:
        cells = fitted(row, self._plan.width)
        known_by = identities(self._plan.identities, cells)
        happening = self._happening(cells, self._at(cells))
        return happening, self._registry.vault.lookups(known_by)

    def _happening(self, cells: list[str], at: int) -> Happening:
        name = self._name(cells)
        known = self._registry.catalog.events.get(name)
        props = {
            prop: cells[place]
            for place, prop in self._plan.properties
            if cells[place] and (known is None or prop in known.properties)
        }
        happening = Happening(0, name, props, at, self._options.source, self._special(cells, columns.DEDUPE) or None)
        happenings.checked(self._registry, self._now, happening)
        return happening

    def _mistakes(self, row: list[str]) -> list[str]:
        """All that is wrong with a row that was refused for the first of it."""
        try:
            cells = fitted(row, self._plan.width)
        except Unusable as error:
            return [str(error)]
        given = [column for column in self._plan.identities if cells[column.place]]
        looks: list[Callable[[], object]] = [partial(identities, (column,), cells) for column in given]
        looks += [] if given else [partial(identities, (), cells)]
        looks += [partial(self._at, cells)]
        return [said for look in looks if (said := _wrong(look))] + self._mistakes_of_event(cells)

    def _mistakes_of_event(self, cells: list[str]) -> list[str]:
        known = self._registry.catalog.events.get(self._name(cells))
        wrong: dict[str, str] = {}
        rest = list(cells)
        properties = known.properties if known else {}
        for place, prop in self._plan.properties:
            said = _wrong(partial(values.members, properties, {prop: cells[place]}, self._zone))
            if said and prop in properties:
                wrong[prop], rest[place] = said, ""
        whole = None if known and known.key in wrong else _wrong(partial(self._happening, rest, self._now))
        return [*wrong.values(), whole] if whole else [*wrong.values()]

    def _name(self, cells: list[str]) -> str:
        return self._special(cells, columns.EVENT) or self._options.event or ""

    def _special(self, cells: list[str], name: str) -> str:
        place = self._plan.special.get(name)
        return "" if place is None else cells[place]

    def _at(self, cells: list[str]) -> int:
        text = self._special(cells, columns.AT)
        if not text:
            raise Unusable("at: empty")
        try:
            at = dates.moment(text, self._zone)
        except Unusable as error:
            raise Unusable(f"at: {error}") from None
        if at > self._now:
            raise Unusable("at: lies in the future")
        return at


def _wrong(look: Callable[[], object]) -> str | None:
    try:
        look()
    except Unusable as error:
        return str(error)
    return None


def _content(lookup: bytes, happening: Happening) -> str:
    told = json.dumps([happening.name, happening.at, dict(happening.props)], sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(lookup + told.encode()).hexdigest()[:32]
