"""What every reader of a part of a journey has at hand: findings, shop, keys of steps, and what is known where.

Apart from the readers, which are one file a subject.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, TypeAlias

from automation.conditions import parse, tree, values
from automation.conditions.findings import Findings, said, short
from automation.conditions.scope import FieldInfo, Inside, Scope
from automation.conditions.tree import FieldType
from automation.festivals.durations import Duration
from automation.festivals.moments import Limit, Moment
from automation.journey import graph, model
from automation.journey.keys import Keys
from automation.journey.shop import Shop
from automation.kernel.document import Loc, nearest
from automation.rendering.texts import Kind

Members: TypeAlias = Mapping[str, FieldInfo]
_DATES: Final = (FieldType.DATE, FieldType.TIME)
StepsReader: TypeAlias = "Callable[[Context, Any, Loc, Flow], tuple[model.Steps, Flow]]"
Marks: TypeAlias = list[tuple[tree.Marked, Loc]]
LATER: Final = "is not available yet"
_TELL_OPENED: Final = frozenset({Kind.EMAIL})  # a mail's pictures are fetched; neither WeChat nor carriers tell


@dataclass(frozen=True, slots=True)
class Facts:
    """What the head of the journey says and its steps depend on. `entry`: what may be there, `sure`: what always is.

    `entered`: whether the entry could be read, so that what it lacks is known.
    """

    name: str = ""
    title: str = ""
    purpose: str = ""
    kind: str = "marketing"
    key: str | None = None
    entry: Members = field(default_factory=dict)
    sure: Members = field(default_factory=dict)
    entered: bool = True


@dataclass(frozen=True, slots=True)
class Flow:
    """Which `as` names a step knows: from every way to it (`sure`), from some (`maybe`). `ended`: nobody comes here."""

    sure: Mapping[str, Members] = field(default_factory=dict)
    maybe: Mapping[str, Members] = field(default_factory=dict)
    ended: bool = False

    def having(self, name: str, members: Members) -> Flow:
        return Flow({**self.sure, name: members}, {**self.maybe, name: members})

    def meeting(self, other: Flow) -> Flow:
        """Where two ways come together."""
        maybe = {**self.maybe, **other.maybe}
        if self.ended or other.ended:
            going = other if self.ended else self
            return replace(going, maybe=maybe) if not going.ended else Flow({}, maybe, True)
        sure = {name: _both(members, other.sure[name]) for name, members in self.sure.items() if name in other.sure}
        return Flow(sure, maybe)


def _both(one: Members, other: Members) -> Members:
    return {name: info for name, info in one.items() if name in other and other[name].kind is info.kind}


@dataclass(slots=True)
class Context:
    """One journey while it is read. `starts`: journeys it starts, with the places; `names`: every `as` name so far.

    `handed`: what it hands to each of them. `marks`: what is asked of messages, with the places. `steps` reads a list
    of steps: lists hold steps and steps hold lists. `read`: all of them, once they are read.
    """

    findings: Findings
    shop: Shop
    keys: Keys = field(default_factory=Keys)
    facts: Facts = field(default_factory=Facts)
    starts: dict[str, Loc] = field(default_factory=dict)
    handed: dict[str, dict[str, FieldInfo]] = field(default_factory=dict)
    names: dict[str, Members] = field(default_factory=dict)
    sends: dict[str, graph.Send] = field(default_factory=dict)
    splits: dict[str, model.Split] = field(default_factory=dict)
    marks: Marks = field(default_factory=list)
    steps: StepsReader | None = None
    read: model.Steps = ()

    def list(self, parts: Mapping[str, Any], key: str, loc: Loc, flow: Flow) -> tuple[model.Steps, Flow]:
        """The steps at a key, if it is there, and what is known behind them."""
        if key not in parts or self.steps is None:
            return (), flow
        return self.steps(self, parts[key], (*loc, key), flow)

    def scope(self, names: Mapping[str, Members], inside: Inside = Inside.JOURNEY) -> Scope:
        return Scope(
            self.shop.catalog.vocabulary, inside, self.shop.segments, self.keys.kinds, names, self.facts.entry,
            self.facts.key, self.shop.journeys, self.keys.unsent,
        )  # fmt: skip

    def condition(self, value: Any, loc: Loc, names: Mapping[str, Members]) -> tree.Condition:
        """A condition of a step, of `exit` or of `unless`."""
        found = parse.Reader(self.findings, self.scope(names)).condition(value, loc)
        self.check_marks(found, loc)
        return found

    def check_marks(self, condition: tree.Condition, loc: Loc) -> None:
        """A message is named by its step's id; a text sent in several places names none of them."""
        for mark in _marked(condition):
            self.marks.append((mark, loc))
            if mark.step in self.keys.shared:
                hint = "give these steps an id each, and name the one you mean"
                self.findings.wrong(loc, "J023", f"'{mark.step}' is sent in several places", hint)

    def check_reports(self) -> None:
        """Once all steps are read: whether a channel of the message can report what is asked of it."""
        for mark, loc in self.marks:
            send = self.sends.get(mark.step)
            kinds = {self.shop.channels.get(word, word) for word in send.via} if send else set()
            if kinds and mark.kind is tree.MarkKind.OPENED and not kinds & _TELL_OPENED:
                report = "reports" if len(kinds) == 1 else "report"
                message = f"{' and '.join(sorted(kinds))} never {report} `opened`: this does not come true"
                self.findings.warn(loc, "W504", message, "ask for clicked, delivered or sent")

    def mapping(
        self, value: Any, loc: Loc, known: Collection[str], later: Collection[str] = (), needed: Collection[str] = ()
    ) -> dict[str, Any]:
        """The keys known here; a reserved one is said to be not available yet."""
        if isinstance(value, dict):
            for key in [key for key in value if key in later]:
                self.findings.wrong((*loc, key), "J002", f"'{key}' {LATER}", key=True)
            value = {key: part for key, part in value.items() if key not in later}
        return self.findings.mapping(value, loc, known, needed)

    def known(
        self, value: Any, loc: Loc, names: Collection[str], code: str, what: str, declared: str = ""
    ) -> str | None:
        """A text that has to be one of the names. `declared`: where they are, to say so while there are none."""
        found = self.findings.text(value, loc)
        if found is not None and not names and declared:
            hint = f"none is there yet: add it to {declared}"
            self.findings.wrong(loc, code, f"unknown {what} '{short(found)}'", hint)
            return None
        if found is not None and found not in names:
            self.findings.unknown(loc, code, f"unknown {what} '{short(found)}'", found, names, key=False)
            return None
        return found

    def purpose(self, value: Any, loc: Loc) -> str | None:
        """The name of a class of purpose; who writes its title is told the name."""
        titles = self.shop.titles
        title = nearest(value, titles) if isinstance(value, str) and value not in self.shop.purposes else None
        if title is None:
            return self.known(value, loc, self.shop.purposes, "J003", "purpose")
        hint = f"did you mean {titles[title]} ({title})?"
        self.findings.wrong(loc, "J003", f"unknown purpose '{short(value)}'", hint)
        return None

    def length(self, parts: Mapping[str, Any], key: str, loc: Loc) -> Duration | None:
        """The duration at a key."""
        return values.duration(self.findings, parts[key], (*loc, key)) if key in parts else None

    def span(self, parts: Mapping[str, Any], key: str, loc: Loc, default: Duration | None = None) -> Duration | None:
        """The length at a key, in days or less; else the default."""
        return values.span(self.findings, parts[key], (*loc, key)) if key in parts else default

    def limit(self, value: Any, loc: Loc, scope: Scope) -> Limit | None:
        """A duration, `today` or a moment, whose paths lead to dates."""
        found: Limit | None = self._parsed(values.limit, value, loc, "J031", "a limit", "1d, today or entry.date 18:00")
        if isinstance(found, Duration):
            return found
        return self.paths(found, loc, scope)

    def moment(self, value: Any, loc: Loc, scope: Scope) -> Moment | None:
        found: Moment | None = self._parsed(values.instant, value, loc, "J031", "a moment", "09:30 or entry.date 09:00")
        return self.paths(found, loc, scope)

    def _parsed(self, read: Callable[[str], Any], value: Any, loc: Loc, code: str, due: str, such: str) -> Any:
        if not isinstance(value, str):
            self.findings.wrong(loc, code, f"{due} is due here, not {said(value)}", f"such as {such}")
            return None
        if value.startswith("until "):
            self.findings.wrong(loc, code, "'until' is a word of `wait` alone", f"write {value.removeprefix('until ')}")
            return None
        try:
            return read(value)
        except ValueError as mistake:
            self.findings.wrong(loc, code, str(mistake))
            return None

    def paths(self, moment: Moment | None, loc: Loc, scope: Scope) -> Moment | None:
        """Checks that a moment starts at a date and is moved by numbers of days."""
        if moment is None:
            return None
        wanted: dict[str, tuple[tuple[FieldType, ...], str]] = {}
        if moment.anchor.path:
            wanted[moment.anchor.path] = (_DATES, "a date or a time")
        wanted |= {shift.path: ((FieldType.NUMBER,), "a number of days") for shift in moment.shifts if shift.path}
        for path, (kinds, due) in wanted.items():
            info = scope.find(path)
            if info is None:
                dates = [
                    known for known in scope.paths() if (known_info := scope.find(known)) and known_info.kind in kinds
                ]
                message = f"'{path}' is not known here, and {due} is due"
                self.findings.unknown(loc, "J032", message, path, dates, key=False)
            elif info.kind not in kinds:
                self.findings.wrong(loc, "J032", f"'{path}' is {info.kind}, and {due} is due")
        return moment


def _marked(condition: tree.Condition) -> list[tree.Marked]:
    if isinstance(condition, tree.Marked):
        return [condition]
    if isinstance(condition, tree.All | tree.AnyOf):
        return [mark for part in condition.parts for mark in _marked(part)]
    return _marked(condition.part) if isinstance(condition, tree.Not) else []
