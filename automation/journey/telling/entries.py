"""Who enters and when: a sentence for each kind of entry, and who enters once more."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from automation.conditions.tree import Always
from automation.festivals import schedules
from automation.festivals.schedules import Schedule
from automation.journey import graph
from automation.journey.graph import Again
from automation.journey.telling import conditions, moments, words
from automation.journey.telling.lines import Line
from automation.journey.telling.names import Names, quoted


def tell(names: Names) -> list[Line]:
    """The entry with its `if`, catch-up and pace, then whether somebody enters again."""
    journey = names.journey
    told = [Line(0, f"谁进入：{SAID[type(journey.entry)](journey.entry, names)}")]
    if not isinstance(journey.entry_if, Always):
        told.append(Line(1, f"进入时还要满足：{conditions.say(journey.entry_if, names)}"))
    told += [Line(1, text) for text in _details(journey.entry, names)]
    if journey.active is not None:
        first, last = journey.active
        told.append(Line(1, f"只在 {first} 到 {last}（含首尾两天）有人进入"))
    if journey.pace is not None:
        told.append(Line(1, f"每天最多进入 {journey.pace:,} 人，其余的排队等后面几天"))
    return [*told, Line(0, f"能不能再次进入：{_again(names)}"), *_inside(names)]


def _event(entry: graph.EventEntry, names: Names) -> str:
    said = f"发生了{conditions.event(entry.event, names, entering=True)}的顾客"
    if entry.settle is None:
        return f"{said}，马上进入"
    return f"{said}，之后 {moments.length(entry.settle)}里没有再发生才进入，以最后一次为准"


def _segment(entry: graph.SegmentEntry, names: Names) -> str:
    return f"{schedule(schedules.parse(entry.check))}检查一次，属于人群{names.segment(entry.segment)}的顾客进入"


def _date(entry: graph.DateEntry, names: Names) -> str:
    which = f"只在满 {'、'.join(map(str, entry.years))} 周年的那几年" if entry.years else "每年"
    return f"{which}，在每位顾客的{names.field(entry.field)}{moments.offset(entry.offset)} {entry.at} 进入"


def _festival(entry: graph.FestivalEntry, names: Names) -> str:
    listed = "".join(quoted(names.festival(name)) for name in entry.festivals)
    return f"每逢{listed}，在节日{moments.offset(entry.offset)} {entry.at} 进入"


def _schedule(entry: graph.ScheduleEntry, names: Names) -> str:
    return f"{schedule(schedules.parse(entry.schedule))}，当时属于人群{names.segment(entry.segment)}的顾客进入"


def _manual(entry: graph.ManualEntry, names: Names) -> str:
    return "不会自动进入，只由群发活动、人工操作或别的旅程送进来"


SAID: Final[Mapping[type, Callable[[Any, Names], str]]] = {
    graph.EventEntry: _event, graph.SegmentEntry: _segment, graph.DateEntry: _date,
    graph.FestivalEntry: _festival, graph.ScheduleEntry: _schedule, graph.ManualEntry: _manual,
}  # fmt: skip


def schedule(of: Schedule) -> str:
    """每天 09:00, 每周一 10:00, 每月 1 日 10:00, 2026-06-18 10:00, 每天从 00:00 起每 6 小时."""
    first = f"{of.times[0]:%H:%M}"
    if len(of.times) > 1:
        step = of.times[1].hour * 60 + of.times[1].minute
        return f"从每天 00:00 起，每 {f'{step // 60} 小时' if step % 60 == 0 else f'{step} 分钟'}"
    if of.on is not None:
        return f"{of.on} {first}"
    if of.weekday is not None:
        return f"每{words.WEEKDAYS[of.weekday]} {first}"
    if of.month_day is not None:
        short = "（没有这一天的月份为月底）" if of.month_day > 28 else ""
        return f"每月 {of.month_day} 日{short}{first}"
    return f"每天 {first}"


def _details(entry: graph.Entry, names: Names) -> list[str]:
    """What there is beside the sentence: those already inside, and who is late."""
    late = moments.length(names.journey.catch_up)
    if isinstance(entry, graph.SegmentEntry):
        existing = (
            "上线时已经在这个人群里的顾客也进入"
            if entry.existing
            else "上线时已经在这个人群里的顾客不进入，除非先离开人群再回来"
        )
        return [existing, f"检查晚了{late}以上，这一次就不检查了"]
    if isinstance(entry, graph.EventEntry):
        return [f"过了{late}才轮到的（比如系统停过机），不再进入"]
    if isinstance(entry, graph.ManualEntry):
        return []
    return [f"错过了这个时间的，晚{late}以内还补进，再晚就不进入了"]


def _again(names: Names) -> str:
    journey = names.journey
    each = "每人"
    if journey.key is not None and isinstance(journey.entry, graph.EventEntry):
        each = f"每人的每个{quoted(names.property(journey.entry.event.names, journey.key))}各走各的"
    occasion = "生日" if isinstance(journey.entry, graph.DateEntry) else "节日"
    if isinstance(journey.entry, graph.DateEntry):
        occasion = names.field(journey.entry.field)
    after = moments.length(journey.again_after) if journey.again_after is not None else ""
    said = words.AGAIN[journey.again].format(after=after, occasion=occasion)
    return f"{each}{'，' if len(each) > 2 else ''}{said}"


def _inside(names: Names) -> list[Line]:
    journey = names.journey
    if journey.restart_inside:
        return [Line(1, "还没走完又遇到一次的，从头再走")]
    if isinstance(journey.entry, graph.EventEntry) and journey.again is not Again.NEVER:
        return [Line(1, "还没走完又发生一次的，不理会，照原来的走")]
    return []
