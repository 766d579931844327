"""journeys/catalog.yaml: what exists in a shop, read and checked into a Catalog.

The values are in catalog_values.py and passed on here, so that others need only this module.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from automation.conditions.findings import Findings
from automation.conditions.scope import FieldInfo
from automation.conditions.tree import FieldType
from automation.journey import built_in, catalog_types, computed, names
from automation.journey.catalog_values import Catalog, Computed, EventType, Field, Home, Property
from automation.kernel.document import Document, Loc

__all__ = ["Catalog", "Computed", "EventType", "Field", "Home", "Property", "entry_of", "load"]

_FIELD: Final = ("type", "title", "order", "choices", "sealed", "indexed", "example")
_EVENT: Final = ("title", "key", "properties", "about")
_OPEN: Final = ("stage", "language")  # built-in fields whose values a shop may declare itself


def load(document: Document) -> Catalog:
    """The catalog with the built-in fields and events. Raises SourceErrors with all problems; an empty file is fine."""
    findings = Findings(document)
    parts = findings.mapping({} if document.data is None else document.data, (), ("fields", "events", "computed"))
    fields = {**built_in.FIELDS, **_fields(findings, parts.get("fields", {}), ("fields",))}
    events = {**built_in.EVENTS, **_events(findings, parts.get("events", {}), ("events",))}
    found: dict[str, Computed] = {}
    for name, value in findings.mapping(parts.get("computed", {}), ("computed",)).items():
        loc: Loc = ("computed", name)
        names.field(findings, name, loc)
        if name in fields:
            findings.wrong(loc, "K003", f"'{name}' is already a field", "give it another name", key=True)
        read = computed.read(findings, name, value, loc, events)
        if read is not None:
            found[name] = read
    findings.raise_if_any()
    return Catalog(fields, events, found)


def entry_of(event: EventType) -> dict[str, FieldInfo]:
    """What `entry` has after this event: its properties, and `at`, the time of the event."""
    return {"at": FieldInfo(FieldType.TIME), **event.info().properties}


def _fields(findings: Findings, value: Any, loc: Loc) -> dict[str, Field]:
    found = {}
    for name, part in findings.mapping(value, loc).items():
        read = _field(findings, name, part, (*loc, name))
        if read is not None:
            found[name] = read
    return found


def _field(findings: Findings, name: str, value: Any, loc: Loc) -> Field | None:
    known = built_in.FIELDS.get(name)
    if known is not None and name not in _OPEN:
        hint = "delete it, or give a field of your own another name"
        findings.wrong(loc, "K003", f"'{name}' is built in: {known.title}", hint, key=True)
    elif known is None:
        names.field(findings, name, loc)
    parts = findings.mapping(catalog_types.spread(value), loc, _FIELD, needed=("type",))
    kind = catalog_types.kind(findings, parts, loc)
    if kind is None:
        return None
    order, choices = catalog_types.choices(findings, kind, parts, loc)
    if "example" in parts:
        catalog_types.example(findings, parts["example"], (*loc, "example"), FieldInfo(kind, order, choices))
    sealed = findings.truth(parts["sealed"], (*loc, "sealed")) if "sealed" in parts else False
    title = findings.text(parts["title"], (*loc, "title")) if "title" in parts else None
    home = known.home if known else Home.DATE if kind is FieldType.DATE else Home.ATTRS
    if sealed and home is not Home.ATTRS:
        findings.wrong((*loc, "sealed"), "K005", "'sealed' is for texts and numbers of your own", "delete it", key=True)
    if name in _OPEN and kind not in (FieldType.TEXT, FieldType.CHOICE):
        findings.wrong((*loc, "type"), "K005", f"'{name}' is a text or a choice", "use type: choice")
    title = title or (known.title if known else name)
    field = Field(name, kind, title, order, bool(sealed), parts.get("example"), choices, home)
    return replace(field, indexed=_indexed(findings, field, parts, loc))


def _indexed(findings: Findings, field: Field, parts: Mapping[str, Any], loc: Loc) -> bool:
    wanted = findings.truth(parts["indexed"], (*loc, "indexed")) if "indexed" in parts else False
    why = ""
    if field.home is not Home.ATTRS:
        why = f"'{field.name}' has an index without it"
    elif field.sealed:
        why = "a sealed field can have no index: no condition compares it"
    elif field.kind is FieldType.LIST:
        why = "a list can have no index: no condition compares it"
    if wanted and why:
        findings.wrong((*loc, "indexed"), "K005", why, "delete it", key=True)
    return bool(wanted)


def _events(findings: Findings, value: Any, loc: Loc) -> dict[str, EventType]:
    found = {}
    for name, part in findings.mapping(value, loc).items():
        read = _event(findings, name, part, (*loc, name))
        own = built_in.EVENTS.get(name)
        if own is None:
            names.event(findings, name, (*loc, name))
            found[name] = read
        elif set(own.properties) & set(read.properties) or (read.key and own.key):
            message = f"'{name}' is built in with {', '.join(own.properties)}"
            findings.wrong((*loc, name), "K003", message, "declare only properties of your own besides", key=True)
        else:
            title = read.title if read.title != name else own.title
            properties = {**own.properties, **read.properties}
            found[name] = replace(own, title=title, properties=properties, key=own.key or read.key)
    return found


def _event(findings: Findings, name: str, value: Any, loc: Loc) -> EventType:
    parts = findings.mapping(value, loc, _EVENT)
    title = findings.text(parts["title"], (*loc, "title")) if "title" in parts else None
    properties = catalog_types.properties(findings, parts.get("properties", {}), (*loc, "properties"))
    key = findings.text(parts["key"], (*loc, "key")) if "key" in parts else None
    declared = parts.get("properties")
    if key is not None and isinstance(declared, dict) and key not in declared:
        findings.unknown((*loc, "key"), "K007", f"'{key}' is none of its properties", key, declared, key=False)
    elif key is not None and declared is None:
        findings.wrong((*loc, "key"), "K007", f"'{key}' is none of its properties", "declare it under properties")
    about = findings.text(parts["about"], (*loc, "about")) if "about" in parts else None
    return EventType(name, title or name, key, properties, about)
