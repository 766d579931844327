"""Reads `computed`: values made of a person's events, one aggregate each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from automation.conditions import values
from automation.conditions.findings import Findings, short
from automation.conditions.tree import FieldType
from automation.journey.catalog_values import Computed, EventType, Property
from automation.kernel.document import Loc

_HOWS: Final = ("latest", "sum", "count", "most_frequent")
_OF_PROPERTY: Final = ("sum", "most_frequent")
_KEYS: Final = (*_HOWS, "of", "take", "within", "cleared_by", "title")
_ADDED: Final = (FieldType.NUMBER, FieldType.MONEY)
_GROUPED: Final = (FieldType.TEXT, FieldType.CHOICE)


def read(findings: Findings, name: str, value: Any, loc: Loc, events: Mapping[str, EventType]) -> Computed | None:
    """`{latest: EVENT, take}`, `{sum: PROP, of: EVENT}`, `{count: EVENT}` or `{most_frequent: PROP, of: EVENT}`."""
    parts = findings.mapping(value, loc, _KEYS)
    hows = [how for how in _HOWS if how in parts]
    if len(hows) != 1:
        if parts:
            findings.wrong(loc, "K012", "exactly one of latest, sum, count, most_frequent is due")
        return None
    how = hows[0]
    _refuse_strange(findings, how, parts, loc)
    event = _event(findings, how, parts, loc, events)
    if event is None:
        return None
    taken = _taken(findings, how, parts, loc, event)
    if taken is None:
        return None
    take, kind, found = taken
    within = values.duration(findings, parts["within"], (*loc, "within")) if "within" in parts else None
    title = findings.text(parts["title"], (*loc, "title")) if "title" in parts else None
    order, choices = (found.order, found.choices) if found else ((), ())
    cleared = _cleared(findings, parts, loc, events)
    return Computed(name, kind, how, event.name, take, within, cleared, title or name, order, choices)


def _refuse_strange(findings: Findings, how: str, parts: Mapping[str, Any], loc: Loc) -> None:
    strange = {"of": how not in _OF_PROPERTY, "take": how != "latest", "cleared_by": how != "latest"}
    for key, wrong in strange.items():
        if wrong and key in parts:
            findings.wrong((*loc, key), "K005", f"'{key}' does not go with {how}", "delete it", key=True)


def _event(
    findings: Findings, how: str, parts: Mapping[str, Any], loc: Loc, events: Mapping[str, EventType]
) -> EventType | None:
    key = "of" if how in _OF_PROPERTY else how
    if key not in parts:
        findings.wrong(loc, "S002", "'of' is missing", "of: the event, such as order.paid")
        return None
    name = findings.text(parts[key], (*loc, key))
    if name is not None and name not in events:
        findings.unknown((*loc, key), "K009", f"unknown event '{short(name)}'", name, events, key=False)
    return events.get(name) if name else None


def _taken(
    findings: Findings, how: str, parts: Mapping[str, Any], loc: Loc, event: EventType
) -> tuple[str | None, FieldType, Property | None] | None:
    """(property or 'at', type, the property); None when it cannot be told."""
    if how == "count":
        return None, FieldType.NUMBER, None
    key = how if how in _OF_PROPERTY else "take"
    if key not in parts:
        return None, FieldType.RECORD, None
    name = findings.text(parts[key], (*loc, key))
    if name is None:
        return None
    if name == "at" and how == "latest":
        return name, FieldType.TIME, None
    if name not in event.properties:
        known = (*event.properties, "at") if how == "latest" else tuple(event.properties)
        findings.unknown((*loc, key), "K010", f"{event.name} has no '{short(name)}'", name, known, key=False)
        return None
    found = event.properties[name]
    fitting = {"sum": _ADDED, "most_frequent": _GROUPED}.get(how)
    if fitting and found.kind not in fitting:
        message = f"'{name}' is {found.kind}: {how} takes {' or '.join(fitting)}"
        findings.wrong((*loc, key), "K011", message)
        return None
    return name, found.kind, found


def _cleared(
    findings: Findings, parts: Mapping[str, Any], loc: Loc, events: Mapping[str, EventType]
) -> tuple[str, ...]:
    if "cleared_by" not in parts:
        return ()
    names = findings.texts(parts["cleared_by"], (*loc, "cleared_by"))
    for name in names:
        if name not in events:
            place = (*loc, "cleared_by")
            findings.unknown(place, "K009", f"unknown event '{short(name)}'", name, events, key=False)
    return names
