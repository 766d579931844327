"""What a step does at once, a sentence each: message, coupon, tag, field, points, other journey, staff, webhook."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from automation.conditions.tree import FieldType, Value
from automation.festivals.durations import Duration
from automation.journey import graph
from automation.journey.telling import conditions, moments
from automation.journey.telling.lines import Line
from automation.journey.telling.names import Names, pool_title, quoted


def tell(effect: graph.Effect, names: Names) -> list[Line]:
    """A line, and below it what belongs to it."""
    told = [Line(0, SAID[type(effect)](effect, names))]
    if isinstance(effect, graph.Send):
        told += [Line(1, text) for text in _variants(effect, names)]
    return told


def _send(effect: graph.Send, names: Names) -> str:
    ways = [names.channel(word) for word in effect.via]
    way = f"用{ways[0]}" if len(ways) == 1 else f"依次试{'、'.join(ways)}，用第一个能发的"
    said = [f"发送{names.text(effect.text)}：{way}"]
    if effect.at is not None:
        said.append(f"定在{moments.moment(effect.at, names)}发")
    said.append(f"{moments.limit(effect.expires, names)}发不出去就不发了")
    if effect.purpose != names.journey.purpose:
        said.append(f"按{quoted(names.purpose(effect.purpose))}的规矩发")
    if effect.ignore_quiet:
        said.append("不打扰的时段也发")
    return "；".join(said)


def _variants(effect: graph.Send, names: Names) -> list[str]:
    listed = names.project.variants.get(effect.text, ())
    if not listed:
        return []
    chosen = [f"{conditions.say(condition, names)}的，用{quoted(name)}版文案" for name, condition in listed]
    return [*chosen, "其余的人用通用版文案"]


def _coupon(effect: graph.GiveCoupon, names: Names) -> str:
    title = quoted(pool_title(names.project, effect.pool))
    pool = names.project.coupons.get(effect.pool)
    if pool is None:
        return f"发一张券：{title}"
    valid = (
        f"从发到手起 {moments.length(pool.valid)}内有效"
        if isinstance(pool.valid, Duration)
        else f"{moments.limit(pool.valid, names)}有效"
    )
    worth = conditions.value(pool.amount_fen, names, FieldType.MONEY).strip()
    codes = "券码来自导入" if pool.imported else "券码自动生成"
    return f"发一张券{title}：面额 {worth}，{valid}，{codes}"


def _tag(effect: graph.AddTag, names: Names) -> str:
    lasts = f"，{moments.length(effect.lasts)}后自动去掉" if effect.lasts is not None else "，一直保留"
    return f"打上标签{quoted(effect.tag)}{lasts}"


def _untag(effect: graph.RemoveTag, names: Names) -> str:
    return f"去掉标签{quoted(effect.tag)}"


def _set(effect: graph.SetFields, names: Names) -> str:
    fields = names.project.catalog.vocabulary.fields
    said = [
        f"{names.field(name)}改为{conditions.value(value, names, fields[name].kind if name in fields else None)}"
        for name, value in effect.values
    ]
    return f"修改资料：{'，'.join(said)}"


def _points(effect: graph.BookPoints, names: Names) -> str:
    word = "加" if effect.points > 0 else "扣"
    return f"{word} {abs(effect.points):,} 积分，原因写「{effect.reason}」"


def _start(effect: graph.StartJourney, names: Names) -> str:
    return f"送进旅程{names.other_journey(effect.journey)}{_with(effect.values, names)}，不等它走完，接着往下"


def _notify(effect: graph.Notify, names: Names) -> str:
    length = moments.length(effect.digest)
    return f"通知{names.staff(effect.role)}：{quoted(effect.text)}（{length}内有多条的，合成一条）"


def _webhook(effect: graph.CallWebhook, names: Names) -> str:
    return f"通知外部系统{quoted(effect.name)}{_with(effect.values, names)}"


def _with(values: tuple[tuple[str, Value], ...], names: Names) -> str:
    if not values:
        return ""
    listed = "、".join(f"{name} = {conditions.value(value, names).strip()}" for name, value in values)
    return f"（带上 {listed}）"


SAID: Final[Mapping[type, Callable[[Any, Names], str]]] = {
    graph.Send: _send, graph.GiveCoupon: _coupon, graph.AddTag: _tag, graph.RemoveTag: _untag,
    graph.SetFields: _set, graph.BookPoints: _points, graph.StartJourney: _start, graph.Notify: _notify,
    graph.CallWebhook: _webhook,
}  # fmt: skip
