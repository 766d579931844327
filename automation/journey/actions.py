"""Reads the steps that do something and go on at once: messages, tags, fields, points, staff and so on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, TypeAlias

from automation.conditions.findings import short
from automation.conditions.scope import FieldInfo
from automation.conditions.tree import FieldType, Ref, Value
from automation.festivals.durations import Duration
from automation.journey import graph, model, references, tag_names, texts_check
from automation.journey.reading import LATER, Context, Flow
from automation.kernel.document import Loc
from automation.settings.model import MEDIA

Parts: TypeAlias = Mapping[str, Any]
Result: TypeAlias = tuple[model.Act | None, Flow]
STAFF: Final = "staff: of config.yaml"
WEBHOOKS: Final = "webhooks: of config.yaml"
_A_DAY: Final = Duration(days=1)
_AN_HOUR: Final = Duration(seconds=3600)
_MOST_POINTS: Final = 1_000_000


def send(context: Context, parts: Parts, loc: Loc, flow: Flow) -> Result:
    findings, facts = context.findings, context.facts
    scope = context.scope(flow.maybe)
    via = _via(context, parts, loc)
    expires = context.limit(parts["expires"], (*loc, "expires"), scope) if "expires" in parts else _A_DAY
    purpose = facts.purpose
    if "purpose" in parts:
        purpose = context.purpose(parts["purpose"], (*loc, "purpose")) or purpose
    at = None
    if parts.get("at") == "best":
        findings.wrong((*loc, "at"), "J002", f"'at: best' {LATER}", "write a moment, such as at: 10:00")
    elif "at" in parts:
        at = context.moment(parts["at"], (*loc, "at"), scope)
    ignores = "ignore" in parts and findings.word(parts["ignore"], (*loc, "ignore"), ("quiet_hours",)) is not None
    kind = context.shop.purposes.get(purpose, facts.kind)
    if ignores and kind != "service":
        hint = "only `purpose: service` may wake people up: delete it, or say purpose: service where that is true"
        findings.wrong((*loc, "ignore"), "J044", f"'{purpose}' is {kind} and keeps quiet hours", hint, key=True)
    text = findings.text(parts["send"], (*loc, "send"))
    if text is None:
        return None, flow
    texts_check.check(context, text, via, flow, (*loc, "send"))
    key = context.keys.at.get(loc, text)
    made = graph.Send(key, text, via, expires or _A_DAY, purpose, at, ignores)
    context.sends[key] = made
    return model.Do(made), flow


def _via(context: Context, parts: Parts, loc: Loc) -> tuple[str, ...]:
    if "via" not in parts:
        return context.shop.via
    configured = {*context.shop.channels, *context.shop.channels.values()}
    known = {*MEDIA, *context.shop.channels}
    words = context.findings.texts(parts["via"], (*loc, "via"))
    for place, word in enumerate(words):
        at: Loc = (*loc, "via", place) if isinstance(parts["via"], list) else (*loc, "via")
        bare = word.strip("【】[]")
        if word not in known and word != bare in known:
            hint = f"write via: [{bare}], with the brackets of the Latin keyboard"
            context.findings.wrong(at, "J042", f"there is no channel '{short(word)}'", hint)
        elif word not in known:
            context.findings.unknown(at, "J042", f"there is no channel '{short(word)}'", word, known, key=False)
        elif word not in configured and context.shop.channels:
            hint = "add one to config.yaml, or nobody is reached this way"
            context.findings.warn(at, "W501", f"no channel of kind {word} is configured", hint)
    return tuple(word for word in words if word in known)


def tag(context: Context, parts: Parts, loc: Loc, flow: Flow) -> Result:
    name = _tag(context, parts["tag"], (*loc, "tag"))
    lasts = context.length(parts, "for", loc)
    return (model.Do(graph.AddTag(context.keys.at[loc], name, lasts)) if name else None), flow


def untag(context: Context, parts: Parts, loc: Loc, flow: Flow) -> Result:
    name = _tag(context, parts["untag"], (*loc, "untag"))
    return (model.Do(graph.RemoveTag(context.keys.at[loc], name)) if name else None), flow


def _tag(context: Context, value: Any, loc: Loc) -> str | None:
    name = context.findings.text(value, loc)
    if name is None or tag_names.is_possible(name):
        return name
    hint = f"one line of at most {tag_names.LONGEST} characters, without , ; 、 or |; several tags are several steps"
    context.findings.wrong(loc, "S019", f"'{short(name)}' cannot be the name of a tag", hint)
    return None


def set_fields(context: Context, parts: Parts, loc: Loc, flow: Flow) -> Result:
    scope = context.scope(flow.maybe)
    found = references.read_set(context.findings, scope, context.shop.catalog, parts["set"], (*loc, "set"))
    return (model.Do(graph.SetFields(context.keys.at[loc], found)) if found else None), flow


def points(context: Context, parts: Parts, loc: Loc, flow: Flow) -> Result:
    number = context.findings.whole(parts["points"], (*loc, "points"), -_MOST_POINTS, _MOST_POINTS)
    if number == 0:
        context.findings.wrong((*loc, "points"), "S018", "0 points change nothing")
    reason = context.findings.text(parts["reason"], (*loc, "reason")) if "reason" in parts else None
    if not number or reason is None:
        return None, flow
    return model.Do(graph.BookPoints(context.keys.at[loc], number, reason)), flow


def start(context: Context, parts: Parts, loc: Loc, flow: Flow) -> Result:
    name = context.known(parts["start"], (*loc, "start"), context.shop.journeys, "J048", "journey")
    given = _with(context, parts, loc, flow)
    if name is None:
        return None, flow
    context.starts.setdefault(name, (*loc, "start"))
    scope = context.scope(flow.maybe)
    handed = context.handed.setdefault(name, {})
    for member, value in given:
        info = scope.find(value.path) if isinstance(value, Ref) else FieldInfo(_kind(value))
        if info is not None:
            handed.setdefault(member, info)
    return model.Do(graph.StartJourney(context.keys.at[loc], name, given)), flow


def _kind(value: Value) -> FieldType:
    if isinstance(value, bool):
        return FieldType.BOOL
    return FieldType.NUMBER if isinstance(value, int | float) else FieldType.TEXT


def _with(context: Context, parts: Parts, loc: Loc, flow: Flow) -> tuple[tuple[str, Value], ...]:
    if "with" not in parts:
        return ()
    return references.read_with(context.findings, context.scope(flow.maybe), parts["with"], (*loc, "with"))


def notify(context: Context, parts: Parts, loc: Loc, flow: Flow) -> Result:
    role = context.known(parts["notify"], (*loc, "notify"), context.shop.roles, "J008", "member of staff", STAFF)
    text = context.findings.text(parts["text"], (*loc, "text")) if "text" in parts else context.facts.title
    digest = context.span(parts, "digest", loc, _AN_HOUR)
    if role is None or text is None:
        return None, flow
    return model.Do(graph.Notify(context.keys.at[loc], role, text, digest or _AN_HOUR)), flow


def webhook(context: Context, parts: Parts, loc: Loc, flow: Flow) -> Result:
    name = context.known(parts["webhook"], (*loc, "webhook"), context.shop.webhooks, "J049", "webhook", WEBHOOKS)
    given = _with(context, parts, loc, flow)
    return (model.Do(graph.CallWebhook(context.keys.at[loc], name, given)) if name else None), flow
