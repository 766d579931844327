"""`event`: names, where, count, span and same, in the one shape it has everywhere.

Apart from the words about a person, since an event stands in its own scope: `where` is about its properties.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from automation.conditions import compare, values
from automation.conditions.findings import Findings, said, short
from automation.conditions.scope import EventInfo, FieldInfo, Inside, Scope
from automation.conditions.tree import Always, Compare, Condition, FieldType, Happened, Op, Span, Value
from automation.kernel.document import Loc

_SPANS: Final = ("within", "since", "between", "ever")
_KEYS: Final = ("name", "where", "count", *_SPANS, "same")
_COUNTED: Final = (Op.IS, Op.ABOVE, Op.AT_LEAST, Op.BELOW, Op.AT_MOST, Op.BETWEEN)
_LATER: Final = ("ticket.", "group.")  # events that a later release brings; a shop may declare its own
_HOW_SPAN: Final = "add within: 30d, since: 2026-01-01, between: [...] or ever: true"

Where = Callable[[Any, Loc, Mapping[str, FieldInfo]], Condition]
"""Reads a `where`: the value, its place, the properties it may speak of."""


class EventReader:
    """Reads events of one scope. `where` reads the condition on their properties."""

    def __init__(self, findings: Findings, scope: Scope, where: Where) -> None:
        self.findings = findings
        self.scope = scope
        self.where = where

    def happened(self, value: Any, loc: Loc) -> Happened | None:
        """An event as a condition. Outside a journey's steps a span is required."""
        parts = self._parts(value, loc, _KEYS)
        names = self._names(parts, value, loc)
        if not names:
            return None
        span, until = self._span(parts, loc)
        count = self._count(parts["count"], (*loc, "count")) if "count" in parts else None
        same = self._same(names, parts, loc)
        return Happened(names, self._where(names, parts, loc), count, span, until, same)

    def match(self, value: Any, loc: Loc, same: bool) -> Happened | None:
        """The next event of a kind: for `enter`, `goal` and `wait_for`, without count and span.

        `same`: whether it belongs to an entry that is already there (goal, wait_for), so that `same` and `key` count.
        """
        parts = self._parts(value, loc, ("name", "where", "same") if same else ("name", "where"))
        names = self._names(parts, value, loc)
        if not names:
            return None
        return Happened(names, self._where(names, parts, loc), same=self._same(names, parts, loc) if same else None)

    def _parts(self, value: Any, loc: Loc, known: tuple[str, ...]) -> dict[str, Any]:
        if not isinstance(value, Mapping):
            return {"name": value}
        refused = [key for key in value if key in _KEYS and key not in known]
        for key in refused:
            message = f"'{key}' has no meaning here: the next such event is meant"
            self.findings.wrong((*loc, key), "C026", message, "delete it, or ask in an if", key=True)
        rest = {key: part for key, part in value.items() if key not in refused}
        return self.findings.mapping(rest, loc, known, needed=("name",))

    def _names(self, parts: dict[str, Any], value: Any, loc: Loc) -> tuple[str, ...]:
        if "name" not in parts:
            return ()
        known = self.scope.catalog.events
        inner: Loc = (*loc, "name") if isinstance(value, Mapping) else loc
        names = self.findings.texts(parts["name"], inner)
        listed = isinstance(parts["name"], list | tuple)
        for place, name in enumerate(names):
            where: Loc = (*inner, place) if listed else inner
            if name not in known and name.startswith(_LATER):
                self.findings.wrong(where, "C090", f"'{short(name)}' is not available yet")
            elif name not in known:
                self.findings.unknown(where, "C020", f"unknown event '{short(name)}'", name, known, key=False)
        return names if all(name in known for name in names) else ()

    def _events(self, names: tuple[str, ...]) -> list[EventInfo]:
        return [self.scope.catalog.events[name] for name in names]

    def _where(self, names: tuple[str, ...], parts: dict[str, Any], loc: Loc) -> Condition:
        if "where" not in parts:
            return Always()
        first, *others = self._events(names)
        shared = {
            name: info
            for name, info in first.properties.items()
            if all(name in other.properties and other.properties[name].kind is info.kind for other in others)
        }
        asked = parts["where"]
        if others and isinstance(asked, Mapping):
            for key in asked:
                if key not in shared and any(key in event.properties for event in (first, *others)):
                    message = f"'{short(key)}' is not a property of all of these events"
                    self.findings.wrong((*loc, "where", key), "C027", message, "ask for them one by one", key=True)
                    return Always()
        return self.where(asked, (*loc, "where"), shared)

    def _span(self, parts: dict[str, Any], loc: Loc) -> tuple[Span, Value | None]:
        given = [span for span in _SPANS if span in parts]
        inside_journey = self.scope.inside is Inside.JOURNEY
        if len(given) > 1:
            message = f"{' and '.join(given)} are two spans"
            self.findings.wrong((*loc, given[1]), "C022", message, "keep one", key=True)
        if not given:
            if not inside_journey:
                self.findings.wrong(loc, "C021", "it is not said since when the event counts", _HOW_SPAN)
            return Span.ENTRY, None
        span, value, place = given[0], parts[given[0]], (*loc, given[0])
        if span == "within":
            return Span.WITHIN, values.duration(self.findings, value, place)
        if span == "since":
            return self._since(value, place)
        if span == "between":
            return Span.BETWEEN, values.between_moments(self.findings, value, place)
        if value is not True:
            self.findings.wrong(place, "S015", "only ever: true is known", "or say within, since or between")
        return Span.EVER, None

    def _since(self, value: Any, loc: Loc) -> tuple[Span, Value | None]:
        if value == "entry":
            if self.scope.inside is not Inside.JOURNEY:
                self.findings.wrong(loc, "C004", "nobody has entered yet here", _HOW_SPAN)
            return Span.ENTRY, None
        return Span.SINCE, values.since(self.findings, self.scope, value, loc)

    def _count(self, value: Any, loc: Loc) -> tuple[Op, Value] | None:
        number = FieldInfo(FieldType.NUMBER)
        if isinstance(value, Mapping) and (len(value) != 1 or next(iter(value)) not in _COUNTED):
            hint = f"one of {', '.join(_COUNTED)}, such as count: {{at_least: 2}}"
            self.findings.wrong(loc, "C025", "a count takes exactly one comparator", hint)
            return None
        if isinstance(value, list | tuple) or values.is_reference(value):
            self.findings.wrong(loc, "C025", f"a number is due here, not {said(value)}", "such as count: {at_least: 2}")
            return None
        before = len(self.findings.problems)
        found = compare.read(self.findings, self.scope, "count", number, value, loc)
        if not isinstance(found, Compare) or len(self.findings.problems) > before:
            return None
        numbers = found.value if isinstance(found.value, tuple) else (found.value,)
        if not all(isinstance(one, int) and one >= 0 for one in numbers):
            self.findings.wrong(loc, "C025", "a count is a whole number from 0 on")
            return None
        return found.op, found.value

    def _same(self, names: tuple[str, ...], parts: dict[str, Any], loc: Loc) -> str | None:
        if "same" not in parts:
            return self._same_by_key(names, loc)
        place = (*loc, "same")
        wanted = self.findings.text(parts["same"], place)
        if wanted is None or wanted == "none":
            return None
        if self.scope.entry is None or self.scope.inside is Inside.SEGMENT:
            self.findings.wrong(place, "C004", "there is no entry here to be the same as", "delete `same`", key=True)
            return None
        for name, event in zip(names, self._events(names), strict=True):
            if wanted not in event.properties:
                message = f"{name} has no '{short(wanted)}'"
                self.findings.unknown(place, "C023", message, wanted, event.properties, key=False)
                return None
        if wanted not in self.scope.entry:
            message = f"the entry has no '{short(wanted)}'"
            self.findings.unknown(place, "C023", message, wanted, self.scope.entry, key=False)
            return None
        return wanted

    def _same_by_key(self, names: tuple[str, ...], loc: Loc) -> str | None:
        key = self.scope.key
        if key is None or self.scope.inside not in (Inside.JOURNEY, Inside.ENTRY):
            return None
        without = [name for name in names if key not in self.scope.catalog.events[name].properties]
        if not without:
            return key
        message = f"{', '.join(without)}: no '{short(key)}', which is the journey's key"
        self.findings.wrong(loc, "C024", message, "write same: none if any such event of the customer counts")
        return None
