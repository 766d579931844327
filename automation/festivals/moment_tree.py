"""What the text of a moment means, as values: an anchor, shifts, a time of day; and how they are said in Chinese.

Apart from `moments`, which computes with them, so that the reader of text and the calculator share them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, time
from enum import StrEnum

from . import durations
from .durations import Duration


class AnchorKind(StrEnum):
    NOW = "now"
    TODAY = "today"
    TOMORROW = "tomorrow"
    WEEKDAY = "weekday"
    WORKDAY = "workday"
    MONTH_END = "month_end"
    DATE = "date"
    PATH = "path"


RECURRING = frozenset({AnchorKind.WEEKDAY, AnchorKind.WORKDAY, AnchorKind.MONTH_END})


@dataclass(frozen=True, slots=True)
class Anchor:
    """Where a moment starts: `weekday` (Monday 0), `day` or `path` is set as the kind asks."""

    kind: AnchorKind
    weekday: int = 0
    day: date | None = None
    path: str = ""


@dataclass(frozen=True, slots=True)
class Shift:
    """A step from there: a signed duration, or the days that a number field counts, times `sign`."""

    duration: Duration | None = None
    path: str = ""
    sign: int = 1


@dataclass(frozen=True, slots=True)
class Moment:
    """A parsed moment; `time` is the local time of day it ends on."""

    anchor: Anchor
    shifts: tuple[Shift, ...] = ()
    time: time | None = None

    @property
    def paths(self) -> tuple[str, ...]:
        """The fields it reads, in order of appearance."""
        named = (self.anchor.path, *(shift.path for shift in self.shifts))
        return tuple(dict.fromkeys(path for path in named if path))


_WEEKDAYS_SAID = ("周一", "周二", "周三", "周四", "周五", "周六", "周日")
_SAID = {
    AnchorKind.TODAY: "当天",
    AnchorKind.TOMORROW: "次日",
    AnchorKind.WORKDAY: "下一个工作日",
    AnchorKind.MONTH_END: "月底",
}


def say(moment: Moment, name: Callable[[str], str] = str) -> str:
    """The moment in Chinese: `coupon.expires 前 3 天 10:00`; `name` turns a field path into its title."""
    words = [_say_anchor(moment.anchor, name)]
    for shift in moment.shifts:
        back = shift.sign < 0 if shift.duration is None else shift.duration.negative
        length = (
            f"{name(shift.path)} 天"
            if shift.duration is None
            else durations.say(-shift.duration if back else shift.duration)
        )
        words.append(f"{'前' if back else '后'} {length}")
    if moment.time is not None:
        words.append(f"{'下一个 ' if len(words) == 1 and not words[0] else ''}{moment.time:%H:%M}")
    return " ".join(word for word in words if word)


def _say_anchor(anchor: Anchor, name: Callable[[str], str]) -> str:
    if anchor.kind is AnchorKind.PATH:
        return name(anchor.path)
    if anchor.kind is AnchorKind.WEEKDAY:
        return f"下一个{_WEEKDAYS_SAID[anchor.weekday]}"
    return str(anchor.day) if anchor.day else _SAID.get(anchor.kind, "")
