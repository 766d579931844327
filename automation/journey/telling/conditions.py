"""Conditions as phrases, each with its opposite: 有标签「黑名单」 / 没有标签「黑名单」.

`not` is the exact complement, so a comparison's opposite says that people without a value belong to it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from automation.conditions import tree
from automation.conditions.tree import Condition, FieldType, Op, Span, Value
from automation.festivals.durations import Duration
from automation.festivals.moments import Moment
from automation.journey.telling import moments, words
from automation.journey.telling.names import OF_FESTIVAL, Names, quoted

DAY: Final = 86_400


def say(condition: Condition, names: Names) -> str:
    """A phrase that can follow 如果."""
    return _say(condition, Teller(names), True)


def event(happened: tree.Happened, names: Names, entering: bool = False) -> str:
    """The event alone, with what is asked of it: 「付款」（实付金额不低于 100 元）. `entering`: it is the entry."""
    return Teller(names).event(happened, entering)


def value(of: Value, names: Names, kind: FieldType | None = None) -> str:
    """A value of `set` and `with`, or one that is compared with."""
    return Teller(names).value(of, kind)


class Teller:
    """Phrases in one place: about the person, or inside a `where` about the properties of `events`."""

    def __init__(self, names: Names, events: tuple[str, ...] = ()) -> None:
        self.names, self.events = names, events

    def compare(self, one: tree.Compare, holds: bool) -> str:
        field = self.names.property(self.events, one.path) if self.events else self.names.path(one.path)
        if one.op is Op.EXISTS:
            return (words.COMPARED[Op.EXISTS] if one.value is holds else words.LACKING).format(field=field)
        if one.op in (Op.IS, Op.NOT):
            op = Op.IS if (one.op is Op.IS) is holds else Op.NOT
            return words.COMPARED[op].format(field=field, value=self._compared(one))
        said = words.COMPARED[one.op].format(field=field, value=self._compared(one))
        return said if holds else f"不是“{said}”（没填的也算）"

    def _compared(self, one: tree.Compare) -> str:
        if isinstance(one.value, tuple) and one.op is Op.BETWEEN:
            return "到".join(self.value(end, one.kind) for end in one.value)
        called = self._titles(one.path)
        listed = one.value if isinstance(one.value, tuple) else (one.value,)
        if called is not None and all(isinstance(item, str) for item in listed):
            return _one_of([quoted(called(str(item))) for item in listed])
        return self.value(one.value, one.kind)

    def _titles(self, path: str) -> Callable[[str], str] | None:
        """What turns the values found there into what people call them, where they are names of our own."""
        if path == OF_FESTIVAL and not self.events:
            return self.names.festival
        if self.events != ("customer.changed",):
            return None
        known: dict[str, Callable[[str], str]] = {
            "field": self.names.field, "direction": lambda word: words.DIRECTIONS[word],
        }  # fmt: skip
        return known.get(path)

    def value(self, of: Value, kind: FieldType | None = None) -> str:
        if isinstance(of, tuple):
            return _one_of([self.value(item, kind) for item in of])
        if isinstance(of, tree.Ref):
            return self.names.path(of.path)
        if isinstance(of, tree.Shifted):
            return f"{self.names.day(of.ref.path)}{_moved(of.seconds)}"
        if isinstance(of, Duration):
            return moments.length(of)
        if isinstance(of, Moment):
            return moments.moment(of, self.names)
        return _literal(of, kind)

    def event(self, one: tree.Happened, entering: bool = False) -> str:
        names, key, asked = self.names, self.names.journey.key, []
        same = f"同一{quoted(names.property(one.names, one.same))}的" if one.same is not None else ""
        if not isinstance(one.where, tree.Always):
            asked.append(_say(one.where, Teller(names, one.names), True))
        if key and not entering and one.same is None and one.span is Span.ENTRY and _has(names, one.names, key):
            asked.append(f"不论哪个{names.property(one.names, key)}")
        about = f"（{'；'.join(asked)}）" if asked else ""
        return f"{same}{names.events(one.names)}{about}"

    def happened(self, one: tree.Happened, holds: bool) -> str:
        span = self._span(one)
        if one.count is None:
            return f"{span}{'有过' if holds else '没有过'}{self.event(one)}"
        op, number = one.count
        numbers = number if isinstance(number, tuple) else (number,)
        said = f"{span}{self.event(one)}{words.COUNTED[op].format(*numbers)}"
        return said if holds else f"不是“{said}”"

    def _span(self, one: tree.Happened) -> str:
        bounds = one.value if isinstance(one.value, tuple) else () if one.value is None else (one.value,)
        return words.SPANS[one.span].format(*(self.value(bound) for bound in bounds))

    def joined(self, parts: tuple[Condition, ...], word: str, holds: bool) -> str:
        said = word.join(
            f"（{_say(part, self, True)}）" if isinstance(part, tree.All | tree.AnyOf) else _say(part, self, True)
            for part in parts
        )
        return said if holds else f"不是（{said}）"

    def consented(self, one: tree.Consented, holds: bool) -> str:
        way = f"用{words.CHANNELS.get(one.channel, one.channel)}" if one.channel else ""
        return f"{'同意' if holds else '没有同意'}{way}接收{words.CONSENTS.get(one.purpose, one.purpose)}"

    def in_stage(self, one: tree.InStage, holds: bool) -> str:
        stages = _one_of([quoted(words.STAGES.get(stage, stage)) for stage in one.stages])
        return f"{'处于' if holds else '不处于'}{stages}阶段"


def _say(condition: Condition, teller: Teller, holds: bool) -> str:
    return SAID[type(condition)](teller, condition, holds)


SAID: Final[Mapping[type, Callable[[Teller, Any, bool], str]]] = {
    tree.Always: lambda _, __, holds: "对所有人都成立" if holds else "对谁都不成立",
    tree.All: lambda teller, one, holds: teller.joined(one.parts, "，并且", holds),
    tree.AnyOf: lambda teller, one, holds: teller.joined(one.parts, "，或者", holds),
    tree.Not: lambda teller, one, holds: _say(one.part, teller, not holds),
    tree.Compare: Teller.compare,
    tree.Tagged: lambda _, one, holds: f"{'有' if holds else '没有'}标签{_one_of([quoted(tag) for tag in one.tags])}",
    tree.InSegment: lambda teller, one, holds: f"{'属于' if holds else '不属于'}人群{teller.names.segment(one.name)}",
    tree.InStage: Teller.in_stage,
    tree.Consented: Teller.consented,
    tree.InJourney: lambda teller, one, holds: (
        f"{'正在' if holds else '不在'}旅程{_one_of([teller.names.other_journey(name) for name in one.journeys])}里"
    ),
    tree.Marked: lambda teller, one, holds: words.MARKED[one.kind][not holds].format(teller.names.send(one.step)),
    tree.Happened: Teller.happened,
}
"""Kind of condition -> its phrase; False as the last argument asks for its opposite."""


def _one_of(said: list[str]) -> str:
    if len(said) == 1:
        return said[0]
    return f"{('' if said[0].startswith('「') else '、').join(said)}之一"


def _literal(of: object, kind: FieldType | None) -> str:
    if isinstance(of, bool):
        return quoted("是" if of else "否")
    if kind is FieldType.MONEY and isinstance(of, int | float):
        return f"{of // 100:,} 元" if of % 100 == 0 else f"{of / 100:,.2f} 元"
    if isinstance(of, int | float):
        return f"{of:,}"
    return str(of) if kind is FieldType.DATE else quoted(str(of))


def _moved(seconds: int) -> str:
    """A shift of a moment that is counted in seconds."""
    if not seconds:
        return "时"
    back = abs(seconds)
    return moments.offset(Duration(days=seconds // DAY) if back % DAY == 0 else Duration(seconds=seconds))


def _has(names: Names, events: tuple[str, ...], key: str) -> bool:
    return all(key in names.project.catalog.events[name].properties for name in events)
