"""Reads conditions: a mapping is AND of its keys, a list is "one of". Every mistake becomes a problem with its place.

Nothing a person can write makes this raise; where a part cannot be read it stands as Always beside its problem.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from automation.conditions import compare, values
from automation.conditions.events import EventReader
from automation.conditions.findings import Findings, said, short
from automation.conditions.scope import FieldInfo, Inside, Scope, Vocabulary
from automation.conditions.tree import (
    All,
    Always,
    AnyOf,
    Condition,
    Consented,
    Happened,
    InJourney,
    InSegment,
    InStage,
    Marked,
    MarkKind,
    Not,
    Tagged,
)
from automation.kernel.document import Loc
from automation.rendering.texts import Kind

_JOINS: Final = ("all", "any", "not")
_LATER: Final = ("group", "open_ticket")
WORDS: Final = frozenset((*_JOINS, "tag", "segment", "stage", "consent", "in_journey", "event", *_LATER, *MarkKind))
"""The words of conditions: no field may bear such a name."""

CONSENTS: Final = ("marketing", "service")
"""What a person can agree to."""

_MEANT: Final = {
    "and": "all", "or": "any", "none": "not", "tags": "tag", "events": "event", "segments": "segment", "if": "all",
    "且": "all", "或": "any", "标签": "tag", "人群": "segment",
}  # fmt: skip
_SENDING: Final = ("send", "survey")


class Reader:
    """Reads the conditions of one document in one scope; problems go to `findings`."""

    def __init__(self, findings: Findings, scope: Scope, outer: Scope | None = None) -> None:
        """`outer`: in a `where`, the scope around it, in which references are looked up."""
        self.findings = findings
        self.scope = scope
        self.outer = outer or scope
        self.events = EventReader(findings, scope, self._where)

    def condition(self, value: Any, loc: Loc) -> Condition:
        """A mapping (all of its keys) or a list of them (one of)."""
        if isinstance(value, list | tuple):
            return _any_of(self._each(value, loc))
        if not isinstance(value, Mapping):
            hint = "such as {tag: 会员} or {tier: gold}"
            self.findings.wrong(loc, "S012", f"a condition is due here, not {said(value)}", hint)
            return Always()
        if not value:
            self.findings.wrong(loc, "C003", "the condition is empty", "write what must hold, or delete the key")
        return _all([self._entry(str(key), part, (*loc, key)) for key, part in value.items()])

    def happening(self, value: Any, loc: Loc) -> Happened | Marked | None:
        """What a `wait_for` waits for: `{event: ...}`, or `{clicked: step}` and its like; None where it is neither."""
        marks = [str(mark) for mark in MarkKind]
        before = len(self.findings.problems)
        parts = self.findings.mapping(value, loc, ("event", *marks))
        if len(parts) != 1:
            if len(self.findings.problems) == before:
                hint = f"event, or one of {', '.join(marks)}"
                self.findings.wrong(loc, "C003", "exactly one thing to wait for is due here", hint)
            return None
        ((word, part),) = parts.items()
        if word == "event":
            return self.events.match(part, (*loc, word), same=True)
        found = self._marks(MarkKind(word), part, (*loc, word))
        if isinstance(found, AnyOf):
            self.findings.wrong((*loc, word), "S010", "one step is due here, not a list")
        return found if isinstance(found, Marked) else None

    def match(self, value: Any, loc: Loc, same: bool) -> Happened | None:
        """An event by name and `where` alone: `enter` (same=False: there is no entry yet) and `goal` (same=True)."""
        return self.events.match(value, loc, same)

    def _entry(self, key: str, value: Any, loc: Loc) -> Condition:
        inside_where = self.scope.inside is Inside.WHERE
        if key in _JOINS or (key in WORDS and not inside_where):
            return self._word(key, value, loc)
        info = self.scope.find(key)
        if info is not None:
            return compare.read(self.findings, self.outer, key.removeprefix("customer."), info, value, loc)
        self._unknown(key, loc)
        return Always()

    def _unknown(self, key: str, loc: Loc) -> None:
        if key in _MEANT:
            hint = f"did you mean '{_MEANT[key]}'?"
            self.findings.wrong(loc, "C001", f"'{short(key)}' is no field and no word of conditions", hint, key=True)
        elif self.scope.inside is Inside.WHERE:
            message = f"'{short(key)}' is no property of this event"
            self.findings.unknown(loc, "C001", message, key, (*self.scope.catalog.fields, *_JOINS))
        elif "." in key:
            values.missing(self.findings, self.scope, key, loc, key=True)
        else:
            message = f"'{short(key)}' is no field and no word of conditions"
            self.findings.unknown(loc, "C001", message, key, (*self.scope.paths(), *WORDS))

    def _word(self, key: str, value: Any, loc: Loc) -> Condition:
        if key in _LATER:
            self.findings.wrong(loc, "C090", f"'{key}' is not available yet", key=True)
            return Always()
        if key in tuple(MarkKind):
            return self._marks(MarkKind(key), value, loc)
        readers: dict[str, Callable[[Any, Loc], Condition]] = {
            "all": lambda part, at: _all(self._list(part, at)),
            "any": lambda part, at: _any_of(self._list(part, at)),
            "not": lambda part, at: Not(self.condition(part, at)),
            "tag": lambda part, at: Tagged(self.findings.texts(part, at)),
            "segment": self._segments,
            "stage": self._stages,
            "consent": self._consents,
            "in_journey": self._journeys,
            "event": lambda part, at: self.events.happened(part, at) or Always(),
        }
        return readers[key](value, loc)

    def _list(self, value: Any, loc: Loc) -> list[Condition]:
        if not isinstance(value, list | tuple):
            self.findings.wrong(loc, "S011", f"a list is due here, not {said(value)}", "put a dash before each part")
            return [Always()]
        return self._each(value, loc)

    def _each(self, value: list[Any] | tuple[Any, ...], loc: Loc) -> list[Condition]:
        if not value:
            self.findings.wrong(loc, "C003", "the list is empty", "write what must hold, or delete the key")
        return [self.condition(part, (*loc, place)) for place, part in enumerate(value)] or [Always()]

    def _segments(self, value: Any, loc: Loc) -> Condition:
        found = []
        for name in self.findings.texts(value, loc):
            if name in self.scope.segments:
                found.append(InSegment(name, self.scope.segments[name]))
            else:
                message = f"unknown segment '{short(name)}'"
                self.findings.unknown(loc, "C040", message, name, self.scope.segments, key=False)
        return _any_of(found)

    def _stages(self, value: Any, loc: Loc) -> Condition:
        info = self.scope.catalog.fields.get("stage")
        known = info.choices if info else ()
        stages = self.findings.texts(value, loc)
        for stage in stages:
            if known and stage not in known:
                self.findings.unknown(loc, "C041", f"unknown stage '{short(stage)}'", stage, known, key=False)
        return InStage(stages)

    def _consents(self, value: Any, loc: Loc) -> Condition:
        if not isinstance(value, Mapping):
            asked = self.findings.texts(value, loc)
            for one in asked:
                self.findings.word(one, loc, CONSENTS)
            return _any_of([Consented(one) for one in asked])
        parts = self.findings.mapping(value, loc, ("purpose", "channel"), needed=("purpose",))
        purpose = self.findings.word(parts["purpose"], (*loc, "purpose"), CONSENTS) if "purpose" in parts else None
        channel = self.findings.word(parts["channel"], (*loc, "channel"), tuple(Kind)) if "channel" in parts else None
        return Always() if purpose is None else Consented(purpose, channel)

    def _journeys(self, value: Any, loc: Loc) -> Condition:
        names = self.findings.texts(value, loc)
        known = self.scope.journeys
        for name in names:
            if known is not None and name not in known:
                self.findings.unknown(loc, "C042", f"unknown journey '{short(name)}'", name, known, key=False)
        return InJourney(names)

    def _marks(self, kind: MarkKind, value: Any, loc: Loc) -> Condition:
        if self.scope.inside is not Inside.JOURNEY:
            message = f"'{kind}' asks about a message of the run, and there is no run here"
            self.findings.wrong(loc, "C030", message, f"ask for event: message.{kind} with a span", key=True)
            return Always()
        found = []
        for step in self.findings.texts(value, loc):
            found.append(Marked(kind, step))
            self._check_step(kind, step, loc)
        return _any_of(found)

    def _check_step(self, kind: MarkKind, step: str, loc: Loc) -> None:
        if kind is MarkKind.ANSWERED:
            self.findings.wrong(loc, "C090", "'answered' needs a survey, not available yet", key=True)
            return
        sends = {name: done for name, done in self.scope.steps.items() if done in _SENDING}
        if step not in sends:
            other = self.scope.steps.get(step)
            message = (
                f"'{short(step)}' sends nothing: it is a {other} step" if other else f"unknown step '{short(step)}'"
            )
            offered = [name for name in sends if name not in self.scope.unsent]
            self.findings.unknown(loc, "C031", message, step, offered, key=False)

    def _where(self, value: Any, loc: Loc, properties: Mapping[str, FieldInfo]) -> Condition:
        scope = Scope(Vocabulary(properties, {}), Inside.WHERE)
        return Reader(self.findings, scope, self.outer).condition(value, loc)


def _all(parts: list[Condition]) -> Condition:
    return parts[0] if len(parts) == 1 else All(tuple(parts)) if parts else Always()


def _any_of(parts: list[Any]) -> Condition:
    return parts[0] if len(parts) == 1 else AnyOf(tuple(parts)) if parts else Always()
