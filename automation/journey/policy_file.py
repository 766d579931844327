"""journeys/policy.yaml: classes of purpose with their caps and quiet hours, and what silences a kind of journey.

Only reading and checking; the rules are applied over claimed sets by automation.policy.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from automation.conditions import parse, values
from automation.conditions.findings import Findings, said, short
from automation.conditions.scope import Inside, Scope
from automation.conditions.tree import Condition
from automation.festivals import quiet
from automation.festivals.durations import Duration
from automation.festivals.quiet import Window
from automation.journey import names
from automation.journey.catalog_values import Catalog
from automation.journey.rules import RULES
from automation.kernel.document import Document, Loc
from automation.kernel.errors import Problem
from automation.rendering.texts import Kind

KINDS: Final = ("marketing", "service")
ON_CAP: Final = ("skip", "postpone", "next_channel")
CALENDAR: Final = ("day", "week", "month")
OPEN_FROM, OPEN_TO = 8 * 60, 22 * 60
"""Minutes of the recipient's day in which marketing may leave: carriers and providers refuse promotional SMS before
08:00 and after 22:00 (Huawei Cloud and Alibaba Cloud SMS rules); ours may only be narrower, on every channel."""
LEAST_REASON: Final = 4  # characters
_KEYS: Final = ("kind", "title", "caps", "on_cap", "quiet", "priority")
_ALL: Final = "all"


@dataclass(frozen=True, slots=True)
class Cap:
    """At most `count` messages to one person. `channel`: a kind such as sms, or `all`.

    `per`: a rolling duration, or a `day`, `week` (from Monday) or `month` of the person's calendar. 0: none at all.
    """

    channel: str
    count: int
    per: Duration | str


@dataclass(frozen=True, slots=True)
class PurposeClass:
    """`kind`: what it is by law. `quiet`: in the person's zone, None for never. `priority` 0-100: higher goes first."""

    name: str
    kind: str
    caps: tuple[Cap, ...] = ()
    on_cap: str = "skip"
    quiet: Window | None = None
    priority: int = 50
    title: str = ""


@dataclass(frozen=True, slots=True)
class Policy:
    """`purposes` include the built-in classes. `unless`: by kind, the condition that keeps its messages back.
    `overrides`: rules that the shop sets aside, with its reason."""

    purposes: Mapping[str, PurposeClass]
    unless: Mapping[str, Condition]
    overrides: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[Problem, ...] = ()


_QUIET: Final = quiet.parse("21:00-09:00")
BUILT_IN: Final[Mapping[str, PurposeClass]] = {
    "service": PurposeClass("service", "service", priority=90, title="服务通知"),
    "marketing": PurposeClass("marketing", "marketing", (Cap(_ALL, 1, Duration(days=1)),), quiet=_QUIET, title="营销"),
}
"""`marketing`, with safe defaults, is what a class that says nothing else inherits; a shop may declare both anew."""


def load(document: Document, catalog: Catalog, segments: Mapping[str, Condition] | None = None) -> Policy:
    """The policy with its warnings. Raises SourceErrors with all problems; an empty file is fine.

    `segments`: conditions by name, for `unless`.
    """
    findings = Findings(document)
    parts = findings.mapping({} if document.data is None else document.data, (), ("purposes", "unless", "overrides"))
    purposes = dict(BUILT_IN)
    for name, value in findings.mapping(parts.get("purposes", {}), ("purposes",)).items():
        names.plain(findings, name, ("purposes", name))
        purposes[name] = _purpose(findings, name, value, ("purposes", name))
    scope = Scope(catalog.vocabulary, Inside.SEGMENT, segments=segments or {})
    reader = parse.Reader(findings, scope)
    raw = findings.mapping(parts.get("unless", {}), ("unless",), KINDS)
    unless = {kind: reader.condition(value, ("unless", kind)) for kind, value in raw.items()}
    overrides = _overrides(findings, parts.get("overrides", {}))
    findings.raise_if_any()
    return Policy(purposes, unless, overrides, tuple(findings.warnings))


def _overrides(findings: Findings, value: Any) -> dict[str, str]:
    found = {}
    for name, reason in findings.mapping(value, ("overrides",)).items():
        at: Loc = ("overrides", name)
        if name not in RULES:
            findings.unknown(at, "K405", f"there is no rule '{short(name)}'", name, RULES)
        elif RULES[name].fixed:
            hint = "delete it: run.py check --rules says which may be"
            findings.wrong(at, "K407", f"{name} may not be set aside: {RULES[name].what}", hint, key=True)
        elif not isinstance(reason, str) or len(reason.strip()) < LEAST_REASON:
            findings.wrong(at, "K406", f"{name} is set aside without a reason", "say why, for whoever asks later")
        else:
            found[name] = reason.strip()
    return found


def _purpose(findings: Findings, name: str, value: Any, loc: Loc) -> PurposeClass:
    built_in = BUILT_IN.get(name)
    parts = findings.mapping(value, loc, _KEYS, needed=() if built_in else ("kind",))
    kind = findings.word(parts["kind"], (*loc, "kind"), KINDS) if "kind" in parts else None
    if built_in and kind not in (None, built_in.kind):
        findings.wrong((*loc, "kind"), "K404", f"'{name}' is {built_in.kind} by its name", "give it another name")
    kind = built_in.kind if built_in else kind or "marketing"
    base = BUILT_IN[kind]
    caps = _caps(findings, parts["caps"], (*loc, "caps")) if "caps" in parts else base.caps
    on_cap = findings.word(parts["on_cap"], (*loc, "on_cap"), ON_CAP) if "on_cap" in parts else base.on_cap
    window = _quiet(findings, kind, parts["quiet"], (*loc, "quiet")) if "quiet" in parts else base.quiet
    given = findings.whole(parts["priority"], (*loc, "priority"), 0, 100) if "priority" in parts else None
    title = findings.text(parts["title"], (*loc, "title")) if "title" in parts else None
    if kind == "marketing" and not caps:
        hint = "such as caps: {all: 2 per 7d}"
        findings.warn(loc, "W402", f"marketing of '{short(name)}' has no cap at all", hint, key=True)
    priority = base.priority if given is None else given
    return PurposeClass(name, kind, caps, on_cap or "skip", window, priority, title or name)


def _caps(findings: Findings, value: Any, loc: Loc) -> tuple[Cap, ...]:
    found = []
    for channel, text in findings.mapping(value, loc, (_ALL, *Kind)).items():
        listed = text if isinstance(text, list | tuple) else [text]
        for place, one in enumerate(listed):
            at: Loc = (*loc, channel, place) if listed is text else (*loc, channel)
            cap = _cap(findings, channel, one, at)
            if cap is not None:
                found.append(cap)
    return tuple(found)


def _cap(findings: Findings, channel: str, value: Any, loc: Loc) -> Cap | None:
    hint = "N per DURATION, day, week or month, such as 2 per 7d or 4 per month; 0 for none at all"
    if value == 0 and not isinstance(value, bool):
        value = "0 per day"
    words = value.split(maxsplit=2) if isinstance(value, str) else []
    if len(words) != 3 or words[1] != "per" or not (words[0].isdecimal() and len(words[0]) <= 6):
        findings.wrong(loc, "K401", f"{said(value)} is no cap", hint)
        return None
    per = words[2] if words[2] in CALENDAR else values.duration(findings, words[2], loc)
    if per is None:
        return None
    if isinstance(per, Duration) and per.workdays:
        findings.wrong(loc, "K401", "a cap cannot be counted in workdays", hint)
        return None
    if int(words[0]) == 0:
        findings.warn(loc, "W401", f"a cap of 0: nothing of this class ever leaves by {short(channel)}")
    return Cap(channel, int(words[0]), per)


def _quiet(findings: Findings, kind: str, value: Any, loc: Loc) -> Window | None:
    if value is False or value == "none":
        if kind == "marketing":
            findings.wrong(loc, "K403", "marketing needs quiet hours", "such as quiet: 21:00-09:00")
        return None
    try:
        window = quiet.parse(value) if isinstance(value, str) else None
    except ValueError as mistake:
        findings.wrong(loc, "K402", str(mistake))
        return None
    if window is None:
        findings.wrong(loc, "K402", f"quiet hours are due here, not {said(value)}", "such as quiet: 21:00-09:00")
        return None
    if kind == "marketing" and not _narrow_enough(window):
        message = f"quiet {window} leaves marketing open outside 08:00-22:00"
        hint = "providers refuse promotional SMS before 08:00 and from 22:00 on: begin by 22:00, end from 08:00 on"
        findings.wrong(loc, "K403", message, hint)
    return window


def _narrow_enough(window: Window) -> bool:
    """Whether all of 22:00-08:00 is quiet: the window goes over midnight and holds both ends."""
    start = window.start.hour * 60 + window.start.minute
    end = window.end.hour * 60 + window.end.minute
    return end < start <= OPEN_TO and end >= OPEN_FROM
