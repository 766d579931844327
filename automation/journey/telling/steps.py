"""The steps as an indented, numbered list. A step's number goes on through all the lists inside of it: 3.1, 3.2 ..."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from automation.conditions import tree
from automation.festivals.durations import Duration
from automation.festivals.moments import AnchorKind
from automation.journey import model
from automation.journey.telling import conditions, effects, moments, words
from automation.journey.telling.lines import Line, deeper
from automation.journey.telling.names import Names, quoted

_FAST: Final = frozenset({AnchorKind.TODAY, AnchorKind.DATE, AnchorKind.PATH})
ON: Final = "什么也不做，接着往下"


def tell(steps: model.Steps, names: Names) -> list[Line]:
    """A line for each step, and below it what belongs to it."""
    told = []
    for step in steps:
        first, *rest = SAID[type(step.act)](step.act, names)
        whom = f"只对{conditions.say(step.test, names)}的人：" if step.test is not None else ""
        number = names.numbers[step]
        dot = "" if "." in number else "."
        told += [Line(0, f"{number}{dot} {whom}{first.text}"), *rest]
    return told


def _do(act: model.Do, names: Names) -> list[Line]:
    return effects.tell(act.effect, names)


def _give(act: model.Give, names: Names) -> list[Line]:
    told = effects.tell(act.effect, names)
    if act.otherwise is None:
        return [*told, Line(1, "券发完了：接着往下，但要用到这张券的消息不发")]
    return told + _way("券发完了：", act.otherwise, names)


def _wait(act: model.Wait, names: Names) -> list[Line]:
    if isinstance(act.due, Duration):
        return [Line(0, f"等 {moments.length(act.due)}")]
    past = "，已经过了就不等" if act.due.anchor.kind in _FAST else ""
    return [Line(0, f"等到{moments.moment(act.due, names)}{past}")]


def _wait_for(act: model.WaitFor, names: Names) -> list[Line]:
    awaited = act.happening
    what = (
        f"等顾客{conditions.event(awaited, names)}"
        if isinstance(awaited, tree.Happened)
        else words.AWAITED[awaited.kind].format(names.send(awaited.step))
    )
    until = (
        f"最多等 {moments.length(act.up_to)}"
        if isinstance(act.up_to, Duration)
        else f"最晚等到{moments.limit(act.up_to, names).removesuffix('前').removesuffix('内')}"
    )
    before = "，进入旅程后已经发生过的也算" if isinstance(awaited, tree.Happened) else ""
    told = [Line(0, f"{what}，{until}{before}")]
    if not act.then and not act.otherwise:
        return [*told, Line(1, "等到了或没等到，都接着往下")]
    return told + _way("等到了：", act.then, names) + _way("没等到：", act.otherwise, names)


def _choose(act: model.Choose, names: Names) -> list[Line]:
    if len(act.branches) == 1:
        ((condition, then),) = act.branches
        told = [Line(0, f"如果{conditions.say(condition, names)}：")]
        told += deeper(tell(then, names)) or [Line(1, ON)]
        return told + _way("否则：", act.otherwise, names, always=False)
    told = [Line(0, "从上往下看，走第一条符合的路：")]
    for condition, then in act.branches:
        told += _way(f"如果{conditions.say(condition, names)}：", then, names)
    return told + _way("都不符合：", act.otherwise, names)


def _split(act: model.Split, names: Names) -> list[Line]:
    told = [Line(0, f"随机分成 {len(act.paths)} 组（试验名{quoted(act.point)}，同一个人总在同一组）：")]
    for path in act.paths:
        told += _way(f"{quoted(path.name)}组，{path.share / 1000:g}% 的人：", path.then, names)
    return told


def _stop(act: model.Stop, names: Names) -> list[Line]:
    return [Line(0, f"旅程到此结束，原因记为{quoted(act.reason)}")]


def _way(title: str, steps: model.Steps, names: Names, always: bool = True) -> list[Line]:
    """A list of steps below its title; where it is empty, that nothing is done, if that has to be said."""
    if steps:
        return [Line(1, f"• {title}"), *deeper(deeper(tell(steps, names)))]
    return [Line(1, f"• {title}{ON}")] if always else []


SAID: Final[Mapping[type, Callable[[Any, Names], list[Line]]]] = {
    model.Do: _do, model.Give: _give, model.Wait: _wait, model.WaitFor: _wait_for, model.Choose: _choose,
    model.Split: _split, model.Stop: _stop,
}  # fmt: skip
