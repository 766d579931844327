"""`set`: fields of the customer, from a literal or a reference. Each real change is an event, customer.changed."""

from __future__ import annotations

import json
from typing import Any

from automation.audience import references
from automation.audience.parameters import Parameters
from automation.conditions import tree
from automation.engine import values
from automation.engine.parts import Parts
from automation.engine.registry import CHANGED, Loaded
from automation.journey import graph
from automation.journey.catalog import Field
from automation.store.database import Transaction

CHANGING = "person_id BIGINT, old TEXT, value TEXT, depth BIGINT"
SOON = 3600
"""Seconds. A run that began within them and changes a field may have been begun by such a change, and begin another:
what follows counts as deeper, and `enrol.DEEPEST` ends the circle."""


def step(parts: Parts, loaded: Loaded, effect: graph.SetFields, chosen: str, parameters: Parameters, now: int) -> Any:
    name_id = parts.names.ensure("event", [CHANGED])[CHANGED]
    changes = [_Change(parts, name, value, chosen, parameters, name_id) for name, value in effect.values]

    def run(tx: Transaction, moment: int, bound: dict[str, Any]) -> None:
        for change in changes:
            change(tx, bound)

    return run


class _Change:
    """One field: the new values are collected first, then written, then told."""

    def __init__(
        self, parts: Parts, name: str, value: tree.Value, chosen: str, parameters: Parameters, name_id: int
    ) -> None:
        dialect = parts.store.dialect
        new = _new_json(parts, value, parameters)
        old = dialect.json_text("p.attrs", [name])
        self._collect = (
            f"INSERT INTO changing SELECT p.id, {old}, max({new}),"
            f" max(CASE WHEN r.entered_at > :now - {SOON} THEN r.depth + 1 ELSE 0 END)"
            f" FROM {values.joined(parts, 'plan')} WHERE {chosen} AND {new} IS NOT NULL GROUP BY p.id, {old}"
        )
        self._write = (
            f"UPDATE person SET attrs = {dialect.json_put('person.attrs', name, 'changing.value')}, changed_at = :now"
            " FROM changing WHERE person.id = changing.person_id"
        )
        value_text = dialect.json_text(dialect.json_put("'{}'", "v", "c.value"), ["v"])
        way = _direction(parts, name, value_text)
        field = f"CAST({parameters.add(name)} AS TEXT)"
        known = parts.project.catalog.fields.get(name)
        props = dialect.json_object(field=field, old=_told(known, "c.old"), new=_told(known, value_text), direction=way)
        differs = f"coalesce(c.old, '') <> coalesce({value_text}, '')"
        self._tell = (
            "INSERT INTO event (person_id, name_id, at, received_at, props, source)"
            f" SELECT c.person_id, {name_id}, :now, :now, {props}, 'journey' FROM changing c WHERE {differs}"
            " RETURNING id, person_id, name_id, at"
        )

    def __call__(self, tx: Transaction, bound: dict[str, Any]) -> None:
        tx.temporary("changing", CHANGING)
        if not tx.run(self._collect, **bound):
            return
        depths: dict[int, int] = dict(tx.rows("SELECT person_id, depth FROM changing"))
        told = ((event, person, name, at, depths[person]) for event, person, name, at in tx.rows(self._tell, **bound))
        tx.insert("event_queue", ["event_id", "person_id", "name_id", "at", "depth"], told)
        tx.run(self._write, **bound)


def _direction(parts: Parts, name: str, new: str) -> str:
    """SQL of up or down where the field's values have an order, NULL elsewhere. Arguments are values as text."""
    known = parts.project.catalog.fields.get(name)
    if known is not None and known.order:
        places = " ".join(
            f"WHEN '{value.replace(chr(39), chr(39) * 2)}' THEN {n}" for n, value in enumerate(known.order)
        )
        before, after = f"CASE c.old {places} END", f"CASE {new} {places} END"
    elif known is not None and known.kind in (tree.FieldType.NUMBER, tree.FieldType.MONEY):
        before, after = "CAST(c.old AS NUMERIC)", f"CAST({new} AS NUMERIC)"
    else:
        return "CAST(NULL AS TEXT)"
    return f"CASE WHEN {after} > {before} THEN 'up' WHEN {after} < {before} THEN 'down' END"


def _told(known: Field | None, value: str) -> str:
    """SQL of a stored value, given as text, as people.fields tells it: money in yuan, yes or no as a word."""
    if known is not None and known.kind is tree.FieldType.BOOL:
        return f"CASE WHEN {value} IN ('1', 'true') THEN 'true' WHEN {value} IN ('0', 'false') THEN 'false' END"
    if known is not None and known.kind is tree.FieldType.MONEY:
        fen = f"abs(CAST({value} AS BIGINT))"
        sign = f"CASE WHEN CAST({value} AS BIGINT) < 0 THEN '-' ELSE '' END"
        return f"{sign} || CAST({fen} / 100 AS TEXT) || '.' || substr(CAST({fen} % 100 + 100 AS TEXT), 2)"
    return value


def _new_json(parts: Parts, value: tree.Value, parameters: Parameters) -> str:
    """SQL of the new value as JSON text."""
    if isinstance(value, tree.Ref):
        return references.json(parts.compiler, value.path, parameters)
    return f"CAST({parameters.add(json.dumps(value, ensure_ascii=False))} AS TEXT)"
