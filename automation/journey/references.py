"""What steps hand on: `set: {FIELD: value}` and `with: {name: value}`, literals or references, checked by the catalog.

Apart from conditions, because here values are given, not asked for.
"""

from __future__ import annotations

from typing import Any, Final

from automation.conditions import values
from automation.conditions.findings import Findings, said, short
from automation.conditions.scope import FieldInfo, Scope
from automation.conditions.tree import FieldType, Ref, Scalar, Value
from automation.journey.catalog_values import Catalog, Field, Home
from automation.kernel.document import Loc

UNWRITABLE: Final = (FieldType.DATE, FieldType.LIST, FieldType.TIME)
ELSEWHERE: Final = "imports and the API set it"


def read_set(findings: Findings, scope: Scope, catalog: Catalog, value: Any, loc: Loc) -> tuple[tuple[str, Value], ...]:
    """The fields that a step writes with their values as stored: those that statements over many people can write."""
    found: list[tuple[str, Value]] = []
    parts = findings.mapping(value, loc)
    if isinstance(value, dict) and not parts:
        findings.wrong(loc, "C003", "nothing is set here", "such as set: {size: L}")
    for written, part in parts.items():
        name = written.removeprefix("customer.")
        place: Loc = (*loc, written)
        if not _writable(findings, catalog, name, place):
            continue
        given = values.value_for(findings, scope, part, place, catalog.fields[name].info())
        if given is not None:
            found.append((name, given))
    return tuple(found)


def _writable(findings: Findings, catalog: Catalog, name: str, loc: Loc) -> bool:
    if name in catalog.computed:
        findings.wrong(loc, "C012", f"'{name}' is computed from events and cannot be set", key=True)
        return False
    known = catalog.fields.get(name)
    if known is None:
        findings.unknown(loc, "C001", f"'{short(name)}' is no field of a customer", name, catalog.fields)
        return False
    if known.kept:
        findings.wrong(loc, "C012", f"'{name}' cannot be set by a journey", known.kept, key=True)
        return False
    if special := _special(known):
        findings.wrong(loc, "C012", f"'{name}' is {special} and cannot be set by a journey", ELSEWHERE, key=True)
    return not special


def _special(known: Field) -> str:
    """What keeps a statement over many people from writing the field, "" for nothing."""
    if known.sealed:
        return "sealed"
    if known.kind in UNWRITABLE:
        return known.kind
    return "" if known.home is Home.ATTRS else "built in"


def read_with(findings: Findings, scope: Scope, value: Any, loc: Loc) -> tuple[tuple[str, Value], ...]:
    """Named values for another journey or a webhook: any literal, or a reference to anything that is not sealed."""
    found: list[tuple[str, Value]] = []
    for name, part in findings.mapping(value, loc).items():
        given = _any_value(findings, scope, part, (*loc, name))
        if given is not None:
            found.append((name, given))
    return tuple(found)


def _any_value(findings: Findings, scope: Scope, value: Any, loc: Loc) -> Scalar | Ref | None:
    if values.is_reference(value):
        path = value["from"]
        info = scope.find(path) if isinstance(path, str) else None
        return values.reference(findings, scope, value, loc, info or FieldInfo(FieldType.TEXT))
    if isinstance(value, str | int | float | bool):
        return value
    findings.wrong(loc, "C012", f"one value or {{from: path}} is due here, not {said(value)}")
    return None
