"""Reads what fields and properties have in common: type, values of a choice, unit, example, items of a list."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from automation.conditions import values
from automation.conditions.findings import Findings, said, short
from automation.conditions.scope import FieldInfo
from automation.conditions.tree import FieldType
from automation.journey import names
from automation.journey.catalog_values import Property
from automation.kernel.document import Loc

TYPES: Final = tuple(str(kind) for kind in FieldType if kind is not FieldType.RECORD)
_UNITS: Final = ("fen", "yuan")
_CHOICES: Final = ("order", "choices")
_PROPERTY: Final = ("type", "title", "unit", "example", "of", *_CHOICES)
_MEANT: Final = {
    "string": "text", "str": "text", "int": "number", "integer": "number", "float": "number", "boolean": "bool",
    "datetime": "time", "timestamp": "time", "enum": "choice", "array": "list", "decimal": "money", "price": "money",
}  # fmt: skip


def spread(value: Any) -> Any:
    """The short form `product_id: text` as the long one."""
    return {"type": value} if isinstance(value, str) else value


def kind(findings: Findings, parts: Mapping[str, Any], loc: Loc) -> FieldType | None:
    """The type; None and a problem when it is unknown (a missing one is noted with the mapping)."""
    word = parts.get("type")
    if word is None:
        return None
    if isinstance(word, str) and word in TYPES:
        return FieldType(word)
    at = (*loc, "type") if (*loc, "type") in findings.document.marks else loc
    if isinstance(word, str) and word.lower() in _MEANT:
        findings.wrong(at, "K004", f"unknown type '{word}'", f"did you mean '{_MEANT[word.lower()]}'?")
    else:
        findings.unknown(at, "K004", f"{said(word)} is no type", str(word), TYPES, key=False)
    return None


def choices(
    findings: Findings, found: FieldType, parts: Mapping[str, Any], loc: Loc
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(order, choices) of a choice: `order` from low to high, or `choices` without an order."""
    given = [word for word in _CHOICES if word in parts]
    if found is not FieldType.CHOICE:
        for word in given:
            findings.wrong((*loc, word), "K005", f"'{word}' belongs to type choice", "use type: choice", key=True)
        return (), ()
    if len(given) != 1:
        findings.wrong(loc, "K006", "a choice needs order (from low to high) or choices", "order: [basic, gold]")
        return (), ()
    listed = parts[given[0]]
    if not isinstance(listed, list | tuple):
        findings.wrong((*loc, given[0]), "S011", f"a list is due here, not {said(listed)}", "such as [basic, gold]")
        return (), ()
    known = findings.texts(listed, (*loc, given[0]))
    if len(known) < len(listed):
        findings.wrong((*loc, given[0]), "K006", "each value stands once, as a text")
    return (known, known) if given[0] == "order" else ((), known)


def read_property(findings: Findings, name: str, value: Any, loc: Loc) -> Property | None:
    """A property of an event, or of the items of a list; None where it has no type."""
    names.prop(findings, name, loc)
    parts = findings.mapping(spread(value), loc, _PROPERTY, needed=("type",))
    found = kind(findings, parts, loc)
    if found is None:
        return None
    order, known = choices(findings, found, parts, loc)
    unit = _unit(findings, found, parts, loc)
    members = _members(findings, found, parts, loc)
    if "example" in parts:
        plain = FieldType.NUMBER if unit == "fen" else found
        example(findings, parts["example"], (*loc, "example"), FieldInfo(plain, order, known))
    title = findings.text(parts["title"], (*loc, "title")) if "title" in parts else None
    return Property(name, found, unit, parts.get("example"), members, order, known, title or "")


def _unit(findings: Findings, found: FieldType, parts: Mapping[str, Any], loc: Loc) -> str | None:
    if found is not FieldType.MONEY:
        if "unit" in parts:
            findings.wrong((*loc, "unit"), "K005", "'unit' belongs to type money", "use type: money", key=True)
        return None
    return findings.word(parts.get("unit", "yuan"), (*loc, "unit"), _UNITS) or "yuan"


def _members(findings: Findings, found: FieldType, parts: Mapping[str, Any], loc: Loc) -> Mapping[str, Property] | None:
    if "of" not in parts:
        return None
    if found is not FieldType.LIST:
        findings.wrong((*loc, "of"), "K005", "'of' belongs to type list", "use type: list", key=True)
        return None
    return properties(findings, parts["of"], (*loc, "of"))


def properties(findings: Findings, value: Any, loc: Loc) -> dict[str, Property]:
    """The properties by name, without those that could not be read."""
    parts = findings.mapping(value, loc)
    found = {name: read_property(findings, name, part, (*loc, name)) for name, part in parts.items()}
    return {name: known for name, known in found.items() if known is not None}


def example(findings: Findings, value: Any, loc: Loc, info: FieldInfo) -> None:
    """Note an example that a condition could not be compared with."""
    if info.kind is FieldType.LIST:
        suits = isinstance(value, list)
    elif info.kind in (FieldType.DATE, FieldType.TIME):
        suits = isinstance(value, str)  # as they arrive: 1990-03-08, 03-08, 农历八月十五, 2026-01-15 10:00
    else:
        trial = Findings(findings.document)
        suits = values.literal(trial, value, loc, info) is not None
    if not suits:
        findings.wrong(loc, "K008", f"'{short(value)}' is no example of {info.kind}")
