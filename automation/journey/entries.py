"""Reads `enter`: exactly one kind, and what `entry` holds afterwards."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from automation.conditions import parse, tree, values
from automation.conditions.findings import said, short
from automation.conditions.scope import FieldInfo, Inside
from automation.conditions.tree import FieldType
from automation.festivals import schedules, walltime
from automation.festivals.durations import Duration
from automation.journey import graph, words
from automation.journey.catalog import entry_of
from automation.journey.catalog_values import Home
from automation.journey.reading import Context, Members
from automation.kernel.document import Loc

Parts: TypeAlias = Mapping[str, Any]
LOC: Final[Loc] = ("enter",)
A_DAY: Final = Duration(days=1)
MORNING: Final = "09:00"
_AT: Final = FieldInfo(FieldType.TIME)
_DATE: Final = FieldInfo(FieldType.DATE)


@dataclass(frozen=True, slots=True)
class Entered:
    """`entry`: what may be known of an entry, `sure`: what always is. `existing_said`: whether the file decided it."""

    entry: graph.Entry
    entry_fields: Members
    sure: Members
    catch_up: Duration = A_DAY
    existing_said: bool = True


def read(context: Context, value: Any) -> Entered | None:
    """The entry without its `if`, which may ask for the key too: see `condition`."""
    kind = _kind(context, value)
    if kind is None:
        return None
    word = words.ENTRIES[kind]
    parts = context.mapping(value, LOC, (kind, *word.keys), word.later, word.required)
    catch_up = context.span(parts, "catch_up", LOC, A_DAY) or A_DAY
    read_kind: Mapping[str, Callable[[Context, Parts, Duration], Entered | None]] = {
        "event": _event, "date": _date, "festival": _festival, "schedule": _schedule, "segment": _segment,
        "manual": _manual,
    }  # fmt: skip
    return read_kind[kind](context, parts, catch_up)


def condition(context: Context, value: Any) -> tree.Condition:
    """The `if` of an entry: about the person and `entry`."""
    if not isinstance(value, dict) or "if" not in value:
        return tree.Always()
    reader = parse.Reader(context.findings, context.scope({}, Inside.ENTRY))
    return reader.condition(value["if"], (*LOC, "if"))


def _kind(context: Context, value: Any) -> str | None:
    findings = context.findings
    listed = ", ".join(words.ENTRIES)
    if not isinstance(value, dict):
        findings.wrong(LOC, "J010", f"an entry is due here, not {said(value)}", "such as enter: {event: order.paid}")
        return None
    kinds = [kind for kind in words.ENTRIES if kind in value]
    if kinds == ["schedule", "segment"]:
        return "schedule"
    if len(kinds) > 1:
        hint = "one journey has one way in; the steps can be shared by `start`"
        second = max(kinds, key=list(value).index)
        message = f"{kinds[0]} and {kinds[1]} are two kinds of entry"
        findings.wrong((*LOC, second), "J010", message, hint, key=True)
        return None
    if not kinds:
        for key in value:
            findings.unknown((*LOC, key), "J010", f"'{short(key)}' is no kind of entry", str(key), tuple(words.ENTRIES))
            return None
        findings.wrong(LOC, "J010", "it is not said who enters", f"one of {listed}")
        return None
    return kinds[0]


def _event(context: Context, parts: Parts, catch_up: Duration) -> Entered | None:
    reader = parse.Reader(context.findings, context.scope({}, Inside.ENTRY))
    found = reader.match(parts["event"], (*LOC, "event"), same=False)
    settle = context.span(parts, "settle", LOC)
    if found is None:
        return None
    all_members = [entry_of(context.shop.catalog.events[name]) for name in found.names]
    maybe = {name: info for members in reversed(all_members) for name, info in members.items()}
    sure = {
        name: info
        for name, info in maybe.items()
        if all(name in members and members[name].kind is info.kind for members in all_members)
    }
    return Entered(graph.EventEntry(found, settle), maybe, sure, catch_up)


def _date(context: Context, parts: Parts, catch_up: Duration) -> Entered | None:
    loc = (*LOC, "date")
    name = context.findings.text(parts["date"], loc)
    fields = context.shop.catalog.fields
    dates = [known.name for known in fields.values() if known.home is Home.DATE]
    if name is not None and name.removeprefix("customer.") not in dates:
        message = (
            f"'{short(name)}' is {fields[name].kind}, not a date"
            if name in fields
            else f"unknown field '{short(name)}'"
        )
        context.findings.unknown(loc, "J013", message, name, dates, key=False)
        name = None
    years = _years(context, parts["years"]) if "years" in parts else ()
    offset, at = _offset(context, parts), _clock(context, parts)
    if name is None:
        return None
    members = {"at": _AT, "date": _DATE, "years": FieldInfo(FieldType.NUMBER)}
    entry = graph.DateEntry(name.removeprefix("customer."), offset, at, years)
    return Entered(entry, members, members, catch_up)


def _years(context: Context, value: Any) -> tuple[int, ...]:
    loc = (*LOC, "years")
    if not isinstance(value, list) or not value:
        context.findings.wrong(loc, "J017", f"a list of years is due here, not {said(value)}", "such as [1, 3, 5]")
        return ()
    found = [context.findings.whole(year, (*loc, place), 1, 150) for place, year in enumerate(value)]
    return tuple(sorted({year for year in found if year is not None}))


def _festival(context: Context, parts: Parts, catch_up: Duration) -> Entered | None:
    loc = (*LOC, "festival")
    listed = isinstance(parts["festival"], list)
    names = context.findings.texts(parts["festival"], loc)
    for place, name in enumerate(names):
        if name not in context.shop.festivals:
            at: Loc = (*loc, place) if listed else loc
            message = f"unknown festival '{short(name)}'"
            context.findings.unknown(at, "J014", message, name, context.shop.festivals, key=False)
    members = {
        "at": _AT, "date": _DATE,
        "festival": FieldInfo(FieldType.CHOICE, choices=tuple(sorted(context.shop.festivals))),
    }  # fmt: skip
    entry = graph.FestivalEntry(names, _offset(context, parts), _clock(context, parts))
    return Entered(entry, members, members, catch_up)


def _schedule(context: Context, parts: Parts, catch_up: Duration) -> Entered | None:
    schedule = _schedule_text(context, parts["schedule"], "schedule")
    name = _segment_name(context, parts)
    if schedule is None or name is None:
        return None
    entry = graph.ScheduleEntry(schedule, name, context.shop.segments[name])
    return Entered(entry, {}, {}, catch_up)


def _segment(context: Context, parts: Parts, catch_up: Duration) -> Entered | None:
    check = _schedule_text(context, parts["check"], "check") if "check" in parts else f"daily {MORNING}"
    existing = None
    if "existing" in parts:
        existing = context.findings.word(parts["existing"], (*LOC, "existing"), ("include", "skip"))
    name = _segment_name(context, parts)
    if check is None or name is None:
        return None
    entry = graph.SegmentEntry(name, context.shop.segments[name], check, existing != "skip")
    return Entered(entry, {}, {}, catch_up, "existing" in parts)


def _manual(context: Context, parts: Parts, catch_up: Duration) -> Entered | None:
    if parts["manual"] is not True:
        context.findings.wrong((*LOC, "manual"), "S015", f"only manual: true is known, not {said(parts['manual'])}")
    given = context.shop.started.get(context.facts.name, {})
    return Entered(graph.ManualEntry(), given, {}, catch_up)


def _segment_name(context: Context, parts: Parts) -> str | None:
    if "segment" not in parts:
        return None
    return context.known(parts["segment"], (*LOC, "segment"), context.shop.segments, "J016", "segment")


def _schedule_text(context: Context, value: Any, key: str) -> str | None:
    text = context.findings.text(value, (*LOC, key))
    try:
        if text is not None:
            schedules.parse(text)
    except ValueError as mistake:
        context.findings.wrong((*LOC, key), "J015", str(mistake))
        return None
    return text


def _clock(context: Context, parts: Parts) -> str:
    if "at" not in parts:
        return MORNING
    value = parts["at"]
    try:
        return f"{walltime.parse_clock(str(value)):%H:%M}"
    except ValueError as mistake:
        context.findings.wrong((*LOC, "at"), "J015", str(mistake))
        return MORNING


def _offset(context: Context, parts: Parts) -> Duration | None:
    if "offset" not in parts:
        return None
    value, loc = parts["offset"], (*LOC, "offset")
    try:
        found = values.length(str(value))
    except ValueError as mistake:
        context.findings.wrong(loc, "J015", str(mistake))
        return None
    if found.exact:
        context.findings.wrong(loc, "J015", f"{said(value)} is shorter than a day", "move by days, and set `at`")
        return None
    return found
