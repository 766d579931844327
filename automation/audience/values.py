"""The `customer.*` values that texts use: one query a kind of storage for the whole set, and only what is asked for."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, TypeAlias

from automation.conditions.tree import FieldType
from automation.festivals import keys
from automation.journey.catalog_values import Catalog, Home
from automation.kernel import json_text
from automation.store.database import Statements
from automation.store.names import Names

from . import times
from .context import ShopCalendar

Loaded: TypeAlias = dict[int, dict[str, Any]]


class Values:
    """Loads values by the catalog. Money stays fen, times UTC seconds; what is missing is absent.

    Identities and sealed fields are not loaded: they are opened with the shop's keys, by automation.people.
    """

    def __init__(self, names: Names, catalog: Catalog, calendar: ShopCalendar) -> None:
        self._names, self._catalog, self._calendar = names, catalog, calendar

    def load(self, statements: Statements, person_ids: Sequence[int], fields: Iterable[str], now: int) -> Loaded:
        """id -> name -> value. `fields`: `name`, `customer.name`, or a path into a value (`cart.items`): its head."""
        wanted = {path.removeprefix("customer.").partition(".")[0] for path in fields}
        found: Loaded = {number: {} for number in person_ids}
        known = self._catalog.fields
        homes = {
            home: {name for name in wanted if name in known and known[name].home is home and not known[name].sealed}
            for home in Home
        }
        computed = wanted & set(self._catalog.computed)
        if person_ids:
            self._columns(statements, found, homes[Home.COLUMN] - computed, homes[Home.ATTRS] - computed)
            self._dates(statements, found, homes[Home.DATE] - computed, now)
            self._computed(statements, found, computed)
        return found

    def _columns(
        self, statements: Statements, found: Loaded, columns: Collection[str], members: Collection[str]
    ) -> None:
        if not columns and not members:
            return
        picked = sorted(columns)
        listed = "".join(f", {'z.name' if name == 'zone' else f'p.{name}'}" for name in picked)
        attrs = "p.attrs" if members else "NULL"
        zone = " LEFT JOIN zone z ON z.id = p.zone_id" if "zone" in columns else ""
        rows = _about(statements, found, f"p.id, {attrs}{listed}", f"person p ON p.id = given.id{zone}")
        for number, document, *row in rows:
            values = found[number]
            if document:
                stored = json_text.read(document)
                for name in members:
                    if (value := stored.get(name)) is not None:
                        values[name] = value
            for name, value in zip(picked, row, strict=True):
                if value is not None:
                    values[name] = value

    def _dates(self, statements: Statements, found: Loaded, names: Collection[str], now: int) -> None:
        """A solar date with its year as it is; every other as the day it is next observed: 'YYYY-MM-DD'."""
        if not names:
            return
        today = times.today(self._calendar)(now)
        columns = "d.person_id, d.field, d.calendar, d.month, d.day, d.leap, d.year"
        for number, name, *stored in _about(statements, found, columns, "person_date d ON d.person_id = given.id"):
            if name in names:
                found[number][name] = self._day(stored, today).isoformat()

    def _day(self, stored: Sequence[Any], today: date) -> date:
        calendar, month, day, leap, year = stored
        if calendar == keys.SOLAR and year is not None:
            return date(year, month, day)
        return keys.occurrence(keys.DateKey(calendar, month, day, leap), today, self._calendar.days)

    def _computed(self, statements: Statements, found: Loaded, names: Collection[str]) -> None:
        if not names:
            return
        ids = {known: name for name in names if (known := self._names.find("computed", name)) is not None}
        for name in names:
            if self._catalog.computed[name].how in ("count", "sum"):
                for values in found.values():
                    values[name] = 0
        listed = ", ".join(str(number) for number in ids) or "-1"
        join = f"computed_value c ON c.person_id = given.id AND c.name_id IN ({listed})"
        for number, name_id, num, text in _about(statements, found, "c.person_id, c.name_id, c.num, c.txt", join):
            name = ids[name_id]
            found[number][name] = _value(self._catalog.computed[name].kind, num, text)


def _about(statements: Statements, found: Loaded, columns: str, joined: str) -> list[tuple[Any, ...]]:
    dialect = statements.dialect
    sql = f"SELECT {columns} FROM {dialect.ids('ids')} AS given {dialect.join_in_order} {joined}"
    return statements.rows(sql, ids=dialect.array(list(found)))


def _value(kind: FieldType, number: Any, text: str | None) -> Any:
    if text is not None:
        return json.loads(text) if kind in (FieldType.LIST, FieldType.RECORD) else text
    if kind is FieldType.BOOL:
        return bool(number)
    # PostgreSQL hands numbers over as Decimal, SQLite as int or float.
    whole = isinstance(number, Decimal | float) and number == int(number)
    return int(number) if whole or isinstance(number, int) else float(number)
