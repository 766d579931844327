"""References of journeys, `{from: path}`, read outside conditions: as text, as JSON, and what a wait was for."""

from __future__ import annotations

from automation.conditions import tree

from . import fields
from .compiler import Compiler, Target
from .context import Context
from .happenings import event_search, marked_at
from .parameters import Parameters

PERSON, RUN = "p", "r"


def text(compiler: Compiler, path: str, parameters: Parameters) -> str:
    """SQL of one value as text: the run's data by a dotted path, else a field of the person."""
    return fields.reference(_context(compiler, parameters), tree.Ref(path), tree.FieldType.TEXT)


def json(compiler: Compiler, path: str, parameters: Parameters) -> str:
    """SQL of the same value as JSON text, so that numbers and flags stay what they are; NULL where it is missing."""
    head, _, rest = path.partition(".")
    dialect = compiler.around.dialect
    if rest and head != "customer":
        return dialect.json_member(f"{RUN}.data", [head, *rest.split(".")])
    value = text(compiler, path, parameters)
    if _is_flag(compiler, path):
        return f"CASE {value} WHEN 1 THEN 'true' WHEN 0 THEN 'false' END"
    return f"CASE WHEN {value} IS NOT NULL THEN {dialect.json_member(dialect.json_object(v=value), ['v'])} END"


def first_event(compiler: Compiler, ask: tree.Happened, parameters: Parameters, key: str | None) -> str:
    """SQL of the id of the first event that meets the match, NULL where there is none."""
    tests = event_search(_context(compiler, parameters, key), ask)
    return f"(SELECT e.id FROM event e WHERE e.person_id = {PERSON}.id AND {tests} ORDER BY e.at, e.id LIMIT 1)"


def mark_moment(compiler: Compiler, ask: tree.Marked, parameters: Parameters) -> str:
    """SQL of when what is asked became of a message of the run, NULL where it did not."""
    return marked_at(_context(compiler, parameters), ask)


def _is_flag(compiler: Compiler, path: str) -> bool:
    catalog, name = compiler.around.catalog, path.removeprefix("customer.")
    known = catalog.computed.get(name) or catalog.fields.get(name)
    return known is not None and known.kind is tree.FieldType.BOOL


def _context(compiler: Compiler, parameters: Parameters, key: str | None = None) -> Context:
    return Context(compiler.around, Target.BATCH, parameters, PERSON, RUN, key)
