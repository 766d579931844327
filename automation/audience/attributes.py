"""Attributes that have an index: `indexed: true` of the catalog. What is indexed, and which comparisons it answers.

Apart from fields.py, because only questions over the whole base are put to an index: for a batch or one person the
row is at hand.
"""

from __future__ import annotations

from automation.conditions.tree import Compare, FieldType, Op, Ref
from automation.journey.catalog_values import Catalog, Field
from automation.store import indexes
from automation.store.database import Store
from automation.store.dialect import Dialect

from . import fields

TEXTS = (FieldType.TEXT, FieldType.CHOICE)
BEGINNING = 100
"""Characters of a text that are in the index: PostgreSQL takes no value of more than 2,704 bytes."""


def bring(store: Store, catalog: Catalog, tell: indexes.Tell = indexes.log.info) -> None:
    """Makes the indexes that the catalog asks for, and drops those it no longer does. `tell`: each, as it begins and
    ends."""
    indexes.bring(store, _wanted(store.dialect, catalog), tell)


def differ(store: Store, catalog: Catalog) -> bool:
    """Whether `bring` has something to do."""
    return indexes.differ(store, _wanted(store.dialect, catalog))


def key(dialect: Dialect, document: str, field: Field) -> str:
    """SQL of the indexed value. Conditions over everybody spell it as the index does, all others as `fields.typed`
    does: where people are at hand no planner is led to the index."""
    value = fields.typed(dialect, document, [field.name], field.kind)
    return f"substr({value}, 1, {BEGINNING})" if field.kind in TEXTS else f"({value} + 0)"


def answers(ask: Compare) -> bool:
    """Whether the comparison means the same of the indexed value: not of a text's end, nor of the row at hand."""
    if isinstance(ask.value, Ref):
        return False
    if ask.kind not in TEXTS or ask.op is Op.EXISTS:
        return True
    said = (*ask.order, *(ask.value if isinstance(ask.value, tuple) else (ask.value,)))
    return ask.op is not Op.CONTAINS and all(len(str(one)) < BEGINNING for one in said)


def _wanted(dialect: Dialect, catalog: Catalog) -> dict[str, str]:
    return {field.name: key(dialect, "attrs", field) for field in catalog.fields.values() if field.indexed}
