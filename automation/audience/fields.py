"""Where a value that a condition names is stored, and the SQL that reads it.

A value is either an expression of the row at hand (a column, a JSON member) or a row of its own: computed values and
dates, which over the whole base are better read once from their index.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from automation.conditions.tree import FieldType, Ref
from automation.journey.catalog_values import Computed, Field, Home
from automation.kernel import errors
from automation.store.dialect import Dialect

from .context import Context

NUMBERS = (FieldType.NUMBER, FieldType.MONEY, FieldType.TIME)


@dataclass(frozen=True, slots=True)
class Expression:
    """SQL of a value in the row at hand: text, a number, or 0/1; NULL where it is missing.

    `field`: the person's attribute that it is.
    """

    sql: str
    field: Field | None = None


@dataclass(frozen=True, slots=True)
class ComputedRow:
    """A row of computed_value. `zero`: what has no row is 0 (a count or sum of nothing)."""

    name_id: str
    column: str
    zero: bool


@dataclass(frozen=True, slots=True)
class DateRow:
    """A row of person_date: a day of the year, its year perhaps unknown, solar or lunar."""

    field: str


Source: TypeAlias = Expression | ComputedRow | DateRow


def source(context: Context, path: str, kind: FieldType) -> Source:
    """What `path` of a comparison means: a property inside a `where`, else the person's field or the run's data."""
    if context.event is not None:
        return Expression(_property(context, context.event, path, kind))
    return _outside(context, path, kind)


def reference(context: Context, ref: Ref, kind: FieldType) -> str:
    """The value a reference leads to: of the run's data, or of the person when it is a bare name."""
    found = _outside(replace(context, event=None), ref.path, kind)
    if isinstance(found, ComputedRow):
        return scalar(context, found)
    return date_text(context, found) if isinstance(found, DateRow) else found.sql


def scalar(context: Context, row: ComputedRow) -> str:
    """The computed value of the person as one expression."""
    value = (
        f"(SELECT c.{row.column} FROM computed_value c"
        f" WHERE c.name_id = {row.name_id} AND c.person_id = {context.person}.id)"
    )
    return f"coalesce({value}, 0)" if row.zero else value


def date_text(context: Context, row: DateRow) -> str:
    """A solar date whose year is known, as 'YYYY-MM-DD'; NULL for all others."""
    digits = "CAST(d.year * 10000 + d.month * 100 + d.day AS TEXT)"
    iso = f"substr({digits}, 1, 4) || '-' || substr({digits}, 5, 2) || '-' || substr({digits}, 7, 2)"
    field = context.bind(row.field)
    return (
        f"(SELECT {iso} FROM person_date d"
        f" WHERE d.person_id = {context.person}.id AND d.field = {field} AND d.calendar = 0)"
    )


def typed(dialect: Dialect, document: str, path: Sequence[str], kind: FieldType) -> str:
    """A member of a JSON document as its type: numbers as numbers, true and false as 1 and 0, all else as text."""
    if kind in NUMBERS:
        return dialect.json_number(document, path)
    if kind is FieldType.BOOL:
        return dialect.json_flag(document, path)
    return dialect.json_text(document, path)


def _property(context: Context, event: str, name: str, kind: FieldType) -> str:
    if name == "at" and kind is FieldType.TIME:
        return f"{event}.at"
    return typed(context.dialect, f"{event}.props", [name], kind)


def _outside(context: Context, path: str, kind: FieldType) -> Source:
    catalog, bare = context.around.catalog, path.removeprefix("customer.")
    if bare in catalog.computed:
        return _computed(context, catalog.computed[bare])
    if bare in catalog.fields:
        return _field(context, catalog.fields[bare])
    if "." not in bare:
        raise errors.Refused(f"the field '{bare}' is no longer in the catalog; run check")
    return Expression(typed(context.dialect, f"{context.run}.data", bare.split("."), kind))


def _computed(context: Context, computed: Computed) -> ComputedRow:
    column = "num" if computed.kind in (*NUMBERS, FieldType.BOOL) else "txt"
    return ComputedRow(context.name_id("computed", computed.name), column, computed.how in ("count", "sum"))


def _field(context: Context, field: Field) -> Source:
    if field.home is Home.COLUMN:
        return Expression(_column(context, field.name))
    if field.home is Home.DATE:
        return DateRow(field.name)
    if field.home is Home.IDENTITY:
        return Expression(_identity(context, field.name))
    return Expression(typed(context.dialect, f"{context.person}.attrs", [field.name], field.kind), field)


def _column(context: Context, name: str) -> str:
    if name == "zone":
        return f"(SELECT z.name FROM zone z WHERE z.id = {context.person}.zone_id)"
    return f"{context.person}.{name}"


def _identity(context: Context, kind: str) -> str:
    # 1 where there is one: contacts are sealed, so nothing but their existence can be asked.
    found = context.has("identity i", "i", f"i.kind = {context.bind(kind)}")
    return f"(CASE WHEN {found} THEN 1 END)"
