"""What happened to a person: events counted over a span, and what became of a message of the run."""

from __future__ import annotations

from dataclasses import replace

from automation.conditions import tree
from automation.conditions.tree import FieldType, Happened, Marked, MarkKind, Op, Shifted, Span
from automation.festivals.durations import Duration
from automation.festivals.moments import Moment
from automation.kernel import errors
from automation.store.states import MessageState

from . import comparing, fields, times
from .context import TRUE, Context, Target, asks_outside, complement
from .wheres import compile_where

MARKS = {
    MarkKind.SENT: f"(m.sent_at IS NOT NULL OR m.state = {MessageState.SENT})",
    MarkKind.DELIVERED: "m.delivered_at IS NOT NULL",
    MarkKind.OPENED: "m.opened_at IS NOT NULL",
    MarkKind.CLICKED: "m.clicked_at IS NOT NULL",
    MarkKind.FAILED: f"m.state = {MessageState.FAILED}",
}
MOMENTS = {
    MarkKind.SENT: "coalesce(m.sent_at, m.done_at)",
    MarkKind.DELIVERED: "m.delivered_at",
    MarkKind.OPENED: "m.opened_at",
    MarkKind.CLICKED: "m.clicked_at",
    MarkKind.FAILED: "m.done_at",
}


def compile_marked(context: Context, ask: Marked) -> str:
    """Whether a message of this run, by the key of its step, was sent, delivered, opened, clicked, failed, answered."""
    if ask.kind is MarkKind.ANSWERED:
        return compile_happened(context, _answer(ask))
    return f"EXISTS (SELECT 1 FROM {_marked(context, ask)})"


def marked_at(context: Context, ask: Marked) -> str:
    """SQL of the moment from which `compile_marked` holds, NULL where it does not."""
    if ask.kind is MarkKind.ANSWERED:
        search = event_search(context, _answer(ask))
        return f"(SELECT min(e.at) FROM event e WHERE e.person_id = {context.person}.id AND {search})"
    return f"(SELECT min({MOMENTS[ask.kind]}) FROM {_marked(context, ask)})"


def _answer(ask: Marked) -> Happened:
    return Happened(("message.answered",), tree.Compare("step", Op.IS, ask.step, FieldType.TEXT))


def _marked(context: Context, ask: Marked) -> str:
    """FROM and WHERE: the messages `m` of the run that the mark is on."""
    return (
        "message m JOIN step s ON s.id = m.step"
        f" WHERE m.run_id = {context.run}.id AND s.key = {context.bind(ask.step)} AND {MARKS[ask.kind]}"
    )


def compile_happened(context: Context, ask: Happened) -> str:
    """At least one event, or as many as `count` says; none at all counts as 0."""
    if ask.count is None:
        return _some(context, ask)
    op, value = ask.count
    if context.target is Target.BASE and not _tied(ask):
        if comparing.holds_for_zero(op, value):
            fails = complement(comparing.compare_number(context, "count(*)", op, value))
            return f"NOT {_grouped(context, ask, fails)}"
        return _grouped(context, ask, comparing.compare_number(context, "count(*)", op, value))
    inner = f"SELECT count(*) FROM event e WHERE e.person_id = {context.person}.id AND {event_search(context, ask)}"
    return comparing.compare_number(context, f"({inner})", op, value)


def event_tests(context: Context, ask: Happened, event: str) -> str:
    """`where` and `same` of an event that is already at hand under this alias; its name and span are the caller's."""
    return " AND ".join(_own_tests(context, ask, event)) or TRUE


def _some(context: Context, ask: Happened) -> str:
    here = replace(context, target=Target.BATCH) if _tied(ask) else context
    return here.has("event e", "e", event_search(here, ask))


def _grouped(context: Context, ask: Happened, having: str) -> str:
    return (
        f"{context.person}.id IN (SELECT e.person_id FROM event e WHERE {event_search(context, ask)}"
        f" GROUP BY e.person_id HAVING {having})"
    )


def _tied(ask: Happened) -> bool:
    """Whether the events depend on the run or on the person's own values: those cannot be read once for everybody."""
    anchored = ask.span is Span.ENTRY or isinstance(ask.value, Shifted)
    return anchored or ask.same is not None or asks_outside(ask.where)


def event_search(context: Context, ask: Happened) -> str:
    """SQL that finds the events `e` of a match, but for whose they are: name, span, `where` and `same`."""
    names = context.name_ids("event", ask.names)
    named = f"e.name_id IN ({names})" if len(ask.names) > 1 else f"e.name_id = {names}"
    return " AND ".join([named, *_span(context, ask), *_own_tests(context, ask, "e")])


def _own_tests(context: Context, ask: Happened, event: str) -> list[str]:
    tests = [] if isinstance(ask.where, tree.Always) else [compile_where(context.inside(event), ask.where)]
    if ask.same is not None:
        tests.append(_same(context, ask, event))
    return tests


def _span(context: Context, ask: Happened) -> list[str]:
    calendar, run = context.around.calendar, context.run
    match ask.span, ask.value:
        case (Span.EVER, _):
            return []
        case (Span.ENTRY, _):
            # The event that made the run enter is not one that happened since.
            return [f"e.at >= {run}.entered_at", f"e.id <> coalesce({run}.event_id, 0)"]
        case (Span.WITHIN, Duration() as length):
            return [f"e.at >= {context.bind(times.ago(length, calendar))}"]
        case (Span.SINCE, Moment() as moment):
            return [f"e.at >= {context.bind(times.begins(moment, calendar))}"]
        case (Span.SINCE, Shifted(ref, seconds)):
            return [f"e.at >= {fields.reference(context, ref, FieldType.TIME)} + ({seconds})"]
        case (Span.BETWEEN, (Moment() as first, Moment() as last)):
            low, high = context.bind(times.begins(first, calendar)), context.bind(times.ends(last, calendar))
            return [f"e.at >= {low}", f"e.at < {high}"]
    raise errors.Refused(f"the span '{ask.span}' of an event lacks its value")


def _same(context: Context, ask: Happened, event: str) -> str:
    """The property equals that of the entry: by the key column where the property is the key, else in the documents."""
    wanted = str(ask.same)
    known = context.around.catalog.events
    is_key = all(name in known and known[name].key == wanted for name in ask.names)
    left = f"{event}.key" if is_key else context.dialect.json_text(f"{event}.props", [wanted])
    if context.key == wanted:
        return f"{left} = {context.run}.key"
    return f"{left} = {context.dialect.json_text(f'{context.run}.data', ['entry', wanted])}"
