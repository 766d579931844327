"""Lengths of time, moments and limits as a colleague says them: 节日前一天 19:30, 优惠券到期前 3 天 10:00."""

from __future__ import annotations

from automation.festivals import durations
from automation.festivals.durations import Duration
from automation.festivals.moment_tree import RECURRING
from automation.festivals.moments import Anchor, AnchorKind, Limit, Moment, Shift
from automation.journey.telling import words
from automation.journey.telling.names import Names


def length(of: Duration) -> str:
    """Without its sign."""
    return durations.say(-of if of.negative else of)


def offset(of: Duration | None) -> str:
    """How far a day is moved: 当天, 前一天, 后 3 天."""
    if of is None or of == Duration():
        return "当天"
    side = "前" if of.negative else "后"
    return f"{side}一天" if abs(of.days) == 1 else f"{side} {length(of)}"


def moment(of: Moment, names: Names) -> str:
    """A point in time: a day, or a day and its time."""
    kind = of.anchor.kind
    clock = f" {of.time:%H:%M}" if of.time is not None else ""
    if kind is AnchorKind.NOW:
        return _from_now(of, clock, names)
    said = _anchor(of.anchor, names)
    if of.shifts:
        said += "再".join(_shift(one, names) for one in of.shifts)
    elif kind is AnchorKind.PATH:
        said += "时" if of.time is None and names.is_time(of.anchor.path) else "当天"
    return f"{said}{clock}{_which(of)}"


def _which(of: Moment) -> str:
    """Of a day that comes again and again: which one."""
    kind = of.anchor.kind
    if kind not in RECURRING or (kind is AnchorKind.MONTH_END and not of.shifts and of.time is None):
        return ""
    if of.shifts:
        return "（还没过去的第一个）"
    if kind is AnchorKind.MONTH_END:
        return "（过了就是下个月的）"
    return "（当天还没过就是当天）" if of.time is not None else "（当天也算）"


def _from_now(of: Moment, clock: str, names: Names) -> str:
    if not of.shifts:
        return f"最近的一个{clock}"
    return f"{_anchor(of.anchor, names)}{'再'.join(_shift(one, names) for one in of.shifts)}{clock and '的'}{clock}"


def _anchor(anchor: Anchor, names: Names) -> str:
    value = ""
    if anchor.kind is AnchorKind.WEEKDAY:
        value = words.WEEKDAYS[anchor.weekday]
    elif anchor.kind is AnchorKind.DATE:
        value = str(anchor.day)
    elif anchor.kind is AnchorKind.PATH:
        value = names.day(anchor.path)
    return words.ANCHORS[anchor.kind].format(value)


def _shift(shift: Shift, names: Names) -> str:
    if shift.duration is not None:
        return offset(shift.duration)
    return f"{'后' if shift.sign > 0 else '前'}若干天（天数是{names.path(shift.path)}）"


def limit(of: Limit, names: Names) -> str:
    """Until when something may happen: 3 天内, 当天内, 节日前一天 21:00 前."""
    if isinstance(of, Duration):
        return f"{length(of)}内"
    if of.time is not None or (of.anchor.kind is AnchorKind.PATH and names.is_time(of.anchor.path)):
        return f"{moment(of, names).removesuffix('时')}前"
    return "当天" if of == _TODAY else f"{moment(of, names)}结束前"


_TODAY = Moment(Anchor(AnchorKind.TODAY))
