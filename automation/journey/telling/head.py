"""What a journey says before its steps: purpose with caps and quiet hours, status, control group, goal, exits."""

from __future__ import annotations

from automation.conditions import tree
from automation.journey import graph
from automation.journey.policy_file import Cap, PurposeClass
from automation.journey.telling import conditions, moments, words
from automation.journey.telling.lines import Line
from automation.journey.telling.names import Names, quoted


def tell(names: Names) -> list[Line]:
    """Title, status, whose clock, and what each of its purposes allows."""
    journey = names.journey
    whose = f"店铺的时区（{names.settings.shop.timezone}）" if journey.shop_clock else "每位顾客自己的时区"
    told = [
        Line(0, f"旅程：{journey.title}（文件 {journey.name}.yaml）"),
        Line(0, f"状态：{words.STATUSES[journey.status]}"),
        Line(1, f"改动步骤以后：{words.CHANGES[journey.on_change]}"),
    ]
    if journey.owner is not None:
        told.append(Line(0, f"负责人：{names.staff(journey.owner)}，有顾客卡住时通知"))
    return [*told, Line(0, f"时间：都按{whose}"), *_purposes(names)]


def _purposes(names: Names) -> list[Line]:
    journey = names.journey
    told = _purpose(names, journey.purpose, "目的：")
    others = dict.fromkeys(send.purpose for send in journey.sends.values() if send.purpose != journey.purpose)
    for name in others:
        told += _purpose(names, name, "有的消息按另一类发：")
    return told


def _purpose(names: Names, name: str, begin: str) -> list[Line]:
    purpose = names.project.policy.purposes[name]
    told = [Line(0, f"{begin}{names.purpose(name)}（{words.KINDS[purpose.kind]}）"), Line(1, _caps(purpose))]
    night = "全天都可以发"
    if purpose.quiet is not None:
        begins, ends = purpose.quiet.start, purpose.quiet.end
        night = f"{begins:%H:%M} 到{'第二天' if ends < begins else ''} {ends:%H:%M} 不打扰，到点以后再发"
    told.append(Line(1, night))
    unless = names.project.policy.unless.get(purpose.kind)
    if unless is not None:
        told.append(Line(1, f"发送前再看一次（全店规矩），符合就不发：{conditions.say(unless, names)}"))
    return told


def _caps(purpose: PurposeClass) -> str:
    if not purpose.caps:
        return "每人收几条不限"
    said = "；".join(_cap(cap) for cap in purpose.caps)
    return f"这一类每人{said}；{words.ON_CAP[purpose.on_cap]}"


def _cap(cap: Cap) -> str:
    way = "" if cap.channel == "all" else words.CHANNELS.get(cap.channel, cap.channel)
    if cap.count == 0:
        return f"{way}一条也不发"
    per = words.PERIODS[cap.per] if isinstance(cap.per, str) else f"任何连续 {moments.length(cap.per)}里"
    return f"{per}{way}最多 {cap.count} 条"


def after_entry(names: Names) -> list[Line]:
    """Control group, goal, exits and what holds a message back."""
    journey = names.journey
    told = []
    if journey.holdout:
        told.append(Line(0, f"对照组：随机留出 {journey.holdout:g}% 的人，什么也不对他们做，只用来比较效果"))
    shop_wide = names.settings.control_group
    if shop_wide and journey.kind == "marketing":
        told.append(Line(0, f"全店对照组：另有 {shop_wide:g}% 的顾客不参加任何营销旅程"))
    if journey.goal is not None:
        told.append(Line(0, f"目标：{_goal(journey.goal, names)}"))
    told += _exits(names)
    if journey.unless is not None:
        told.append(Line(0, f"每条消息发送前再看一次，符合就不发：{conditions.say(journey.unless, names)}"))
    return told


def _goal(goal: graph.Goal, names: Names) -> str:
    said = f"进入后 {moments.length(goal.up_to)}内有{conditions.event(goal.event, names)}"
    if goal.value is None:
        return said
    return f"{said}，累计{quoted(names.property(goal.event.names, goal.value))}"


def _exits(names: Names) -> list[Line]:
    journey = names.journey
    ways = [conditions.say(one, names) for one in journey.exit]
    if journey.exit_on_goal:
        ways.insert(0, "达成目标")
    if not ways:
        return [Line(0, "中途离开：没有，走完为止")]
    told = [Line(0, "中途离开：遇到下面任何一条就离开，还没发出的消息撤回"), *(Line(1, f"• {way}") for way in ways)]
    if not all(isinstance(one, tree.Happened | tree.Marked) for one in journey.exit):
        told.append(Line(1, "事件一发生就离开；标签、资料、人群这类情况，到走下一步时才查"))
    return told
