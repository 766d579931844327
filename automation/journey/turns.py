"""Reads the steps at which people wait, part ways or leave: wait, wait_for, if, choose, split, coupon, stop."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, TypeAlias

from automation.conditions import parse, tree, values
from automation.conditions.findings import said, short
from automation.festivals import moments
from automation.festivals.durations import Duration
from automation.festivals.moments import Moment
from automation.journey import coupons, graph, model
from automation.journey.compile import FINISHED, MOST_BRANCHES
from automation.journey.reading import Context, Flow, Members
from automation.kernel.document import Loc

Parts: TypeAlias = Mapping[str, Any]
Result: TypeAlias = tuple[model.Act | None, Flow]
UNTIL: Final = "until "
_ENDINGS: Final = frozenset({FINISHED, "goal", "restarted", "merged", "stopped", "control group", "the step is gone"})
_NAME = re.compile(r"[^\W\d]\w{0,31}")
_TAKEN: Final = frozenset({"customer", "entry", "group", "links", "mail", "repeat", "from"})
WHOLE: Final = 100_000  # a hundred per cent in thousandths


def wait(context: Context, parts: Parts, loc: Loc, flow: Flow) -> Result:
    value, place = parts["wait"], (*loc, "wait")
    due: Duration | Moment | None
    if isinstance(value, str) and value.startswith(UNTIL):
        due = context.moment(value.removeprefix(UNTIL), place, context.scope(flow.maybe))
    elif isinstance(value, str) and _is_moment(value):
        context.findings.wrong(place, "J030", f"{said(value)} is no duration", f"did you mean wait: until {value}?")
        due = None
    else:
        due = values.duration(context.findings, value, place)
    return (model.Wait(due) if due is not None else None), flow


def _is_moment(text: str) -> bool:
    """Whether `until` was forgotten; a bare word is rather a mistyped duration."""
    try:
        values.length(text)
    except ValueError:
        pass
    else:
        return False
    try:
        found = values.instant(text)
    except ValueError:
        return False
    return found.anchor.kind is not moments.AnchorKind.PATH or "." in found.anchor.path


def wait_for(context: Context, parts: Parts, loc: Loc, flow: Flow) -> Result:
    scope = context.scope(flow.maybe)
    happening = parse.Reader(context.findings, scope).happening(parts["wait_for"], (*loc, "wait_for"))
    if isinstance(happening, tree.Marked):
        context.check_marks(happening, (*loc, "wait_for"))
    up_to = context.limit(parts["up_to"], (*loc, "up_to"), scope) if "up_to" in parts else None
    name = _name(context, parts["as"], (*loc, "as"), flow) if "as" in parts else None
    answered = flow
    if name is not None and happening is not None:
        answered = flow.having(name, _answer(context, happening))
        context.names.update({name: answered.maybe[name]})
    then, after_then = context.list(parts, "then", loc, answered)
    otherwise, after_else = context.list(parts, "else", loc, flow)
    after = after_then.meeting(after_else)
    if happening is None or up_to is None:
        return None, after
    return model.WaitFor(happening, up_to, name, then, otherwise), after


def _answer(context: Context, happening: tree.Happened | tree.Marked) -> Members:
    """What `as` holds afterwards: the properties that all of the events have."""
    listed = happening.names if isinstance(happening, tree.Happened) else (f"message.{happening.kind}",)
    events = [context.shop.catalog.vocabulary.events[name].properties for name in listed]
    first = events[0]
    return {
        name: info
        for name, info in first.items()
        if all(name in other and other[name].kind is info.kind for other in events)
    }


def _name(context: Context, value: Any, loc: Loc, flow: Flow) -> str | None:
    """An `as` name: one word, not of the language, not given before on this way."""
    name = context.findings.text(value, loc)
    if name is None:
        return None
    if name in _TAKEN:
        message = f"'{name}' is a word of the language"
        context.findings.wrong(loc, "J024", message, f"give it another name, such as as: my_{name}")
        return None
    if not _NAME.fullmatch(name):
        hint = "one word of letters, digits and _"
        context.findings.wrong(loc, "J024", f"'{short(name)}' is not possible as a name here", hint)
        return None
    if name in flow.maybe:
        message = f"'{name}' was already given by an earlier step"
        context.findings.wrong(loc, "J024", message, f"give it another name, such as as: {name}_2")
        return None
    return name


def coupon(context: Context, parts: Parts, loc: Loc, flow: Flow) -> Result:
    pool = context.known(parts["coupon"], (*loc, "coupon"), context.shop.pools, "J046", "pool of coupons")
    place = (*loc, "as") if "as" in parts else (*loc, "coupon")
    name = _name(context, parts.get("as", "coupon"), place, flow)
    got = flow.having(name, coupons.MEMBERS) if name is not None else flow
    if name is not None:
        context.names[name] = coupons.MEMBERS
    otherwise: model.Steps | None = None
    after = got
    if "else" in parts:
        otherwise, after_else = context.list(parts, "else", loc, flow)
        after = got.meeting(after_else)
    if pool is None or name is None:
        return None, after
    return model.Give(graph.GiveCoupon(context.keys.at[loc], pool, name), otherwise), after


def if_then(context: Context, parts: Parts, loc: Loc, flow: Flow) -> Result:
    test = context.condition(parts["if"], (*loc, "if"), flow.maybe)
    then, after_then = context.list(parts, "then", loc, flow)
    otherwise, after_else = context.list(parts, "else", loc, flow)
    return model.Choose(((test, then),), otherwise), after_then.meeting(after_else)


def choose(context: Context, parts: Parts, loc: Loc, flow: Flow) -> Result:
    value, place, findings = parts["choose"], (*loc, "choose"), context.findings
    if value == []:
        findings.wrong(place, "S011", "the list of branches is empty", "- if: ... and then: ...")
        return None, flow
    if not isinstance(value, list):
        findings.wrong(place, "S011", f"a list of branches is due here, not {said(value)}", "- if: ... and then: ...")
        return None, flow
    if len(value) > MOST_BRANCHES:
        findings.wrong(place, "J033", f"more than {MOST_BRANCHES} branches", "choose again inside one of them")
        return None, flow
    branches: list[tuple[tree.Condition, model.Steps]] = []
    otherwise: model.Steps = ()
    after = Flow({}, flow.maybe, ended=True)
    last_else = False
    for number, branch in enumerate(value):
        at: Loc = (*place, number)
        last_else = isinstance(branch, dict) and "else" in branch and "if" not in branch
        if last_else and number < len(value) - 1:
            hint = "move it to the end"
            findings.wrong((*at, "else"), "J033", "branches behind `else` are never asked", hint, key=True)
        known = ("else",) if last_else else ("if", "then")
        own = context.mapping(branch, at, known, needed=known)
        steps, end = context.list(own, known[-1], at, flow)
        after = after.meeting(end)
        if last_else:
            otherwise = steps
        elif "if" in own:
            branches.append((context.condition(own["if"], (*at, "if"), flow.maybe), steps))
    if not branches:
        findings.wrong(place, "J033", "there is nothing to choose from", "- if: ... and then: ... before the else")
    return model.Choose(tuple(branches), otherwise), after if last_else else after.meeting(flow)


def split(context: Context, parts: Parts, loc: Loc, flow: Flow) -> Result:
    findings = context.findings
    point = findings.text(parts["split"], (*loc, "split"))
    place = (*loc, "paths")
    raw = context.findings.mapping(parts["paths"], place) if "paths" in parts else {}
    paths: list[model.Path] = []
    after = Flow({}, flow.maybe, ended=True)
    shares: list[int] = []
    for name, path in raw.items():
        at: Loc = (*place, name)
        own = context.mapping(path, at, ("share", "then"), needed=("share", "then"))
        part = values.percent(findings, own["share"], (*at, "share")) if "share" in own else None
        shares += [round(part * 1000)] if part is not None else []
        then, end = context.list(own, "then", at, flow)
        after = after.meeting(end)
        paths.append(model.Path(name, round((part or 0) * 1000), then))
    _check_shares(context, place, shares, len(raw))
    if point is None or len(paths) < 2:
        return None, after if paths else flow
    found = context.splits[point] = model.Split(point, tuple(paths))
    return found, after


def _check_shares(context: Context, place: Loc, shares: list[int], paths: int) -> None:
    findings = context.findings
    if paths < 2:
        findings.wrong(place, "J033", "a split has two paths or more", "an empty one is then: []")
    elif paths > MOST_BRANCHES:
        findings.wrong(place, "J033", f"more than {MOST_BRANCHES} paths")
    elif len(shares) == paths and shares and sum(shares) != WHOLE:
        findings.wrong(place, "J034", f"the shares are {sum(shares) / 1000:g}% together, not 100%", key=True)
    if any(share == 0 for share in shares):
        findings.wrong(place, "J034", "a share of 0% is a path nobody goes", "delete it", key=True)


def stop(context: Context, parts: Parts, loc: Loc, flow: Flow) -> Result:
    reason = context.findings.text(parts["stop"], (*loc, "stop"))
    if reason is not None and (reason in _ENDINGS or reason.startswith("exit ")):
        message = f"{said(reason)} is what the engine says of runs that ended otherwise"
        context.findings.wrong((*loc, "stop"), "J025", message, "say it in other words")
    return (model.Stop(reason) if reason else None), Flow({}, flow.maybe, ended=True)
