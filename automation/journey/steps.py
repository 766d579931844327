"""Reads lists of steps: what every step has, and where people can come. The kinds are in actions.py and turns.py."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from automation.conditions import tree
from automation.conditions.findings import said, short
from automation.journey import actions, keys, model, turns, words
from automation.journey.reading import LATER, Context, Flow
from automation.kernel.document import Loc, nearest

Read: TypeAlias = Callable[[Context, Mapping[str, Any], Loc, Flow], tuple[model.Act | None, Flow]]

READERS: Mapping[str, Read] = {
    "send": actions.send,
    "coupon": turns.coupon,
    "tag": actions.tag,
    "untag": actions.untag,
    "set": actions.set_fields,
    "points": actions.points,
    "start": actions.start,
    "notify": actions.notify,
    "webhook": actions.webhook,
    "wait": turns.wait,
    "wait_for": turns.wait_for,
    "if": turns.if_then,
    "choose": turns.choose,
    "split": turns.split,
    "stop": turns.stop,
}


def read(context: Context, value: Any, loc: Loc, flow: Flow) -> tuple[model.Steps, Flow]:
    """The steps of a list, and what is known behind its end."""
    if not isinstance(value, list):
        context.findings.wrong(
            loc, "S011", f"a list of steps is due here, not {said(value)}", "put a dash before each step"
        )
        return (), flow
    found: list[model.Step] = []
    told = False
    for number, one in enumerate(value):
        if flow.ended and not told:
            told = True  # once a list
            hint = "delete it, or move it before the step that ends the run"
            context.findings.wrong((*loc, number), "J021", "this step is never reached", hint)
        step, flow = _step(context, one, (*loc, number), flow)
        if step is not None:
            found.append(step)
    return tuple(found), flow


def _step(context: Context, value: Any, loc: Loc, flow: Flow) -> tuple[model.Step | None, Flow]:
    findings = context.findings
    if not isinstance(value, dict):
        hint = (
            f"did you mean '{value}: ...'?"
            if isinstance(value, str) and value in words.STEP
            else "such as - send: welcome"
        )
        findings.wrong(loc, "S012", f"a step is due here, not {said(value)}", hint)
        return None, flow
    word = _word(context, value, loc)
    if word is None:
        return None, flow
    known = words.STEP[word]
    own = (word, *known.keys, *(key for key in words.ANY_STEP if key != "if" or word != "if"))
    parts = context.mapping(value, loc, own, known.later, known.required)
    test: tree.Condition | None = None
    if "if" in parts and word != "if":
        test = context.condition(parts["if"], (*loc, "if"), flow.maybe)
    act, after = READERS[word](context, parts, loc, flow)
    if test is not None:
        after = flow.meeting(after)
    if act is None:
        return None, after
    return model.Step(context.keys.at.get(loc, word), act, test, findings.document.mark(loc).line), after


def _misspelt(value: Mapping[str, Any]) -> str | None:
    """The word of a step that one of the keys was probably meant to be."""
    strange = [key for key in value if key not in words.ANY_STEP and key not in words.STEP["if"].keys]
    return next((close for key in strange if (close := nearest(str(key), words.STEP)) and close != "if"), None)


def _word(context: Context, value: Mapping[str, Any], loc: Loc) -> str | None:
    """The one word that says what the step is; None beside a problem."""
    findings = context.findings
    named = [key for key in value if key in words.STEP and key != "if"]
    if len(named) > 1:
        hint = "each step begins with its own dash"
        message = f"two steps in one: {named[0]} and {named[1]}"
        findings.wrong((*loc, named[1]), "J020", message, hint, key=True)
        return None
    word = keys.word_of(value)
    if word is not None and (word != "if" or ("then" in value and not _misspelt(value))):
        return word
    for key in value:
        if key in words.STEP_LATER:
            findings.wrong((*loc, key), "J002", f"'{key}' {LATER}", key=True)
            return None
    for key in value:
        close = _misspelt({key: None})
        if close:
            message = f"no step is called '{short(key)}'"
            findings.wrong((*loc, key), "J020", message, f"did you mean '{close}'?", key=True)
            return None
    if word == "if":
        return word  # `then` is said to be missing
    strange = next((key for key in value if key not in words.ANY_STEP), None)
    if strange is None:
        findings.wrong(loc, "J020", "it is not said what this step does", "such as send: welcome")
    else:
        message, hint = f"no step is called '{short(strange)}'", f"known are {', '.join(words.STEP)}"
        findings.wrong((*loc, strange), "J020", message, hint, key=True)
    return None
