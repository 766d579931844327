"""Reads a whole journey: the keys of its head, then its entry, steps, exits and goal, into a compiled Journey."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Mapping
from typing import Any, Final, TypeAlias

from automation.conditions import parse, tree, values
from automation.conditions.findings import Findings, said, short
from automation.conditions.tree import FieldType
from automation.festivals import schedules
from automation.festivals.durations import Duration
from automation.journey import entries, graph, keys, steps, words
from automation.journey.actions import STAFF
from automation.journey.compile import compile_steps, dealt
from automation.journey.entries import Entered
from automation.journey.reading import Context, Facts, Flow
from automation.journey.shop import Shop
from automation.kernel.document import Document, Loc

Parts: TypeAlias = Mapping[str, Any]
GOAL: Final = "goal"
LARGEST_HOLDOUT: Final = 50  # per cent: with more the control group would be the bigger one
_PACE = re.compile(r"([1-9][0-9]{0,8}) a day")
_MOST_A_DAY = "9" * 9


def read(
    document: Document, source: str, name: str, shop: Shop, forgiven: Collection[str] = ()
) -> tuple[graph.Journey, Context]:
    """The journey of a file, compiled. `name`: what the file is called. Raises SourceErrors with all its problems but
    those of the `forgiven` codes.

    The context says which journeys it starts and with what, and holds the steps and the warnings.
    """
    context = Context(Findings(document, forgiven), shop, steps=steps.read)
    journey = _read(context, source, name)
    context.findings.raise_if_any()
    assert journey is not None
    return journey, context


def survey(document: Document, name: str, shop: Shop) -> Context:
    """What can be told of a file that has problems: which journeys it starts, and with what."""
    context = Context(Findings(document), shop, steps=steps.read)
    _read(context, document.text, name)
    return context


def _read(context: Context, source: str, name: str) -> graph.Journey | None:
    """None only beside a problem."""
    data = context.findings.document.data if context.findings.document.data is not None else {}
    needed = [key for key, known in words.JOURNEY.items() if known.required]
    parts = context.mapping(data, (), tuple(words.JOURNEY), words.JOURNEY_LATER, needed)
    journey = _Reader(context, parts, name).journey(source)
    # A title is shown as it stands, whatever an operator calls a campaign.
    _refuse_templates(context.findings, {key: value for key, value in parts.items() if key != "title"}, ())
    return journey


def _refuse_templates(findings: Findings, value: Any, loc: Loc) -> None:
    """Notes each text with a template expression: it would be taken as it stands, for nothing here is rendered."""
    if isinstance(value, dict | list):
        for key, part in value.items() if isinstance(value, dict) else enumerate(value):
            _refuse_templates(findings, part, (*loc, key))
    elif isinstance(value, str) and ("{{" in value or "{%" in value):
        hint = "only texts in templates/ are; a step takes a value as {from: path} where it takes one at all"
        findings.wrong(loc, "J054", "a template expression is not worked out here", hint)


def _pace_hint(value: Any) -> str:
    digits = re.sub(r"[,，_\s]", "", str(value).removesuffix("a day"))
    if not digits.isdecimal() or not digits.strip("0"):
        return "such as pace: 500 a day"
    return f"write pace: {int(digits)} a day" if len(digits) <= len(_MOST_A_DAY) else f"at most {_MOST_A_DAY} a day"


class _Reader:
    def __init__(self, context: Context, parts: Parts, name: str) -> None:
        self.context, self.parts, self.name = context, parts, name
        self.findings = context.findings

    def journey(self, source: str) -> graph.Journey | None:
        """None only beside a problem."""
        context, parts = self.context, self.parts
        self._name()
        title = self._text("title") or self.name
        purpose, kind = self._purpose()
        context.facts = Facts(self.name, title, purpose, kind, entered=False)
        entered = entries.read(context, parts["enter"]) if "enter" in parts else None
        key = self._key(entered)
        if entered is not None:
            context.facts = Facts(self.name, title, purpose, kind, key, entered.entry_fields, entered.sure)
        entry_if = entries.condition(context, parts.get("enter"))
        texts = context.shop.texts
        context.keys = keys.collect(self.findings, parts.get("steps"), ("steps",), {*texts.texts, *texts.broken})
        read_steps, _ = context.list(parts, "steps", (), Flow())
        context.read = read_steps
        goal = self._goal()
        exits, exit_on_goal = self._exits(goal)
        unless = context.condition(parts["unless"], ("unless",), context.names) if "unless" in parts else None
        context.check_reports()
        again, again_after = self._again(entered, key)
        pace = self._pace(entered)
        common = self._common()
        if entered is None or self.findings.problems:
            return None
        if not read_steps:
            self.findings.warn(("steps",), "W502", "nothing happens in this journey")
        return graph.Journey(
            name=self.name, title=title, purpose=purpose, kind=kind, entry=entered.entry, entry_if=entry_if, key=key,
            again=again, again_after=again_after, catch_up=entered.catch_up, goal=goal, exit=exits,
            exit_on_goal=exit_on_goal, unless=unless, pace=pace, nodes=compile_steps(read_steps),
            path=self.findings.document.path, source=source, hash=hashlib.sha256(source.encode()).hexdigest(),
            sends=context.sends, splits={point: dealt(one) for point, one in context.splits.items()}, **common,
        )  # fmt: skip

    def _name(self) -> None:
        given = self._text("journey")
        if given is not None and given != self.name:
            hint = f"write journey: {self.name}, or rename the file to {short(given)}.yaml"
            self.findings.wrong(("journey",), "J001", f"the file is called {short(self.name)}.yaml", hint)

    def _text(self, key: str) -> str | None:
        return self.findings.text(self.parts[key], (key,)) if key in self.parts else None

    def _word(self, key: str, known: tuple[str, ...], default: str) -> str:
        return (self.findings.word(self.parts[key], (key,), known) if key in self.parts else None) or default

    def _purpose(self) -> tuple[str, str]:
        """The purpose and its legal kind."""
        purposes = self.context.shop.purposes
        if "purpose" not in self.parts:
            return "marketing", "marketing"
        found = self.context.purpose(self.parts["purpose"], ("purpose",))
        return (found, purposes[found]) if found else ("marketing", "marketing")

    def _common(self) -> dict[str, Any]:
        """The keys that depend on nothing else."""
        owner = None
        if "owner" in self.parts:
            owner = self.context.known(
                self.parts["owner"], ("owner",), self.context.shop.roles, "J008", "member of staff", STAFF
            )
        if self.parts.get("subject") == "group":
            self.findings.wrong(("subject",), "J002", "'subject: group' is not available yet")
        else:
            self._word("subject", ("customer",), "customer")
        return {
            "owner": owner,
            "status": graph.Status(self._word("status", tuple(graph.Status), "draft")),
            "on_change": graph.OnChange(self._word("on_change", tuple(graph.OnChange), "pin")),
            "active": self._active(),
            "shop_clock": self._word("clock", ("customer", "shop"), "customer") == "shop",
            "restart_inside": self._word("while_inside", ("ignore", "restart"), "ignore") == "restart",
            "holdout": self._holdout(),
        }

    def _active(self) -> tuple[str, str] | None:
        text = self._text("active")
        if text is None:
            return None
        try:
            found = schedules.parse_active(text)
        except ValueError as mistake:
            self.findings.wrong(("active",), "J004", str(mistake))
            return None
        return found.first.isoformat(), found.last.isoformat()

    def _holdout(self) -> float:
        if "holdout" not in self.parts:
            return 0.0
        found = values.percent(self.findings, self.parts["holdout"], ("holdout",))
        if found is not None and found > LARGEST_HOLDOUT:
            message = f"a control group of {found:g}% is more than half of all"
            self.findings.wrong(("holdout",), "J007", message, f"at most {LARGEST_HOLDOUT}%, usually 5%")
        return found or 0.0

    def _key(self, entered: Entered | None) -> str | None:
        key = self._text("key")
        if key is None or entered is None:
            return None
        loc: Loc = ("key",)
        if not isinstance(entered.entry, graph.EventEntry):
            hint = "delete it: one run per person"
            self.findings.wrong(loc, "J011", "only an entry by event has properties", hint, key=True)
            return None
        name = key.removeprefix("entry.")
        info = entered.sure.get(name)
        if name == "at" or (info is not None and info.kind not in (FieldType.TEXT, FieldType.CHOICE, FieldType.NUMBER)):
            self.findings.wrong(loc, "J011", f"'{short(key)}' names no single thing", "such as order_id")
            return None
        if info is None:
            events = " and ".join(entered.entry.event.names)
            known = [member for member in entered.sure if member != "at"]
            self.findings.unknown(loc, "J011", f"{events}: no '{short(key)}'", name, known, key=False)
            return None
        return name

    def _again(self, entered: Entered | None, key: str | None) -> tuple[graph.Again, Duration | None]:
        occasions = entered is not None and isinstance(entered.entry, graph.DateEntry | graph.FestivalEntry)
        if "again" not in self.parts:
            if occasions:
                return graph.Again.EACH_OCCASION, None
            keyed = entered is not None and isinstance(entered.entry, graph.EventEntry) and "key" in self.parts
            if not keyed and entered is not None:
                hint = "again: never, finished, or after 180d"
                self.findings.wrong((), "J005", "'again' is missing: may a person enter once more?", hint)
            return graph.Again.NEVER, None
        value, loc = self.parts["again"], ("again",)
        if isinstance(value, str) and value.startswith("after "):
            length = values.span(self.findings, value.removeprefix("after "), loc)
            return graph.Again.AFTER, length
        if value not in tuple(graph.Again) or value == graph.Again.AFTER:
            hint = "never, finished, each_occasion, or after a duration, such as after 180d"
            self.findings.wrong(loc, "J005", f"{said(value)} is not possible here", hint)
            return graph.Again.NEVER, None
        if value == graph.Again.EACH_OCCASION and not occasions and entered is not None:
            hint = "use finished, or after 30d"
            self.findings.wrong(loc, "J005", "each_occasion needs an entry by date or festival", hint)
        return graph.Again(value), None

    def _pace(self, entered: Entered | None) -> int | None:
        if "pace" not in self.parts:
            if entered is not None and isinstance(entered.entry, graph.SegmentEntry) and not entered.existing_said:
                hint = "existing: skip, existing: include, or pace: 500 a day"
                message = "everybody in the segment would enter at once on the first day"
                self.findings.wrong(("enter", "segment"), "J012", message, hint)
            return None
        value = self.parts["pace"]
        found = _PACE.fullmatch(" ".join(value.split())) if isinstance(value, str) else None
        if found:
            return int(found[1])
        self.findings.wrong(("pace",), "J006", f"{said(value)} is no pace", _pace_hint(value))
        return None

    def _goal(self) -> graph.Goal | None:
        if GOAL not in self.parts:
            return None
        loc: Loc = (GOAL,)
        parts = self.context.mapping(self.parts[GOAL], loc, ("event", "up_to", "value"), needed=("event", "up_to"))
        reader = parse.Reader(self.findings, self.context.scope(self.context.names))
        event = reader.match(parts["event"], (GOAL, "event"), same=True) if "event" in parts else None
        up_to = values.span(self.findings, parts["up_to"], (GOAL, "up_to")) if "up_to" in parts else None
        value = self._goal_value(event, parts["value"]) if "value" in parts else None
        return graph.Goal(event, up_to, value) if event and up_to else None

    def _goal_value(self, event: tree.Happened | None, value: Any) -> str | None:
        loc = (GOAL, "value")
        name = self.findings.text(value, loc)
        if name is None or event is None:
            return name
        events = self.context.shop.catalog.vocabulary.events
        for one in event.names:
            money = [known for known, info in events[one].properties.items() if info.kind is FieldType.MONEY]
            if name not in money:
                message = f"'{short(name)}' is no money of {one}"
                self.findings.unknown(loc, "J018", message, name, money, key=False)
                return None
        return name

    def _exits(self, goal: graph.Goal | None) -> tuple[tuple[tree.Condition, ...], bool]:
        value, loc = self.parts.get("exit", []), ("exit",)
        if value == GOAL:
            value = [GOAL]
        if not isinstance(value, list):
            hint = "put each condition on its own line behind a dash"
            self.findings.wrong(loc, "S011", f"a list of conditions is due here, not {said(value)}", hint)
            return (), False
        for place, part in enumerate(value):
            if part == GOAL and GOAL not in self.parts:
                self.findings.wrong(
                    (*loc, place), "J018", "there is no goal to leave at", "add goal: {event: ..., up_to: ...}"
                )
        conditions = tuple(
            self.context.condition(part, (*loc, place), self.context.names)
            for place, part in enumerate(value)
            if part != GOAL
        )
        return conditions, GOAL in value
