"""The Chinese of every word the language has, one table each; a test fails for a word that has none.

Apart from the sentences they stand in, so that a new word is a new line here. `{}` is where the value goes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from automation.conditions.tree import MarkKind, Op, Span
from automation.festivals.moments import AnchorKind
from automation.journey.graph import Again, OnChange, Status

COMPARED: Final[Mapping[Op, str]] = {
    Op.IS: "{field}是{value}",
    Op.NOT: "{field}不是{value}（没填的也算）",
    Op.ABOVE: "{field}高于{value}",
    Op.AT_LEAST: "{field}不低于{value}",
    Op.BELOW: "{field}低于{value}",
    Op.AT_MOST: "{field}不高于{value}",
    Op.BETWEEN: "{field}在{value}之间（含两端）",
    Op.CONTAINS: "{field}里含有{value}",
    Op.STARTS_WITH: "{field}以{value}开头",
    Op.EXISTS: "有{field}",
    Op.BEFORE: "{field}早于{value}",
    Op.AFTER: "{field}晚于{value}",
    Op.WITHIN: "{field}在最近{value}内",
    Op.OLDER_THAN: "{field}距今超过{value}",
    Op.IN_NEXT: "{field}在接下来{value}内",
}
LACKING: Final = "没有{field}"  # `exists: false`

COUNTED: Final[Mapping[Op, str]] = {
    Op.IS: "正好 {} 次", Op.ABOVE: "超过 {} 次", Op.AT_LEAST: "至少 {} 次", Op.BELOW: "少于 {} 次",
    Op.AT_MOST: "最多 {} 次", Op.BETWEEN: "{} 到 {} 次",
}  # fmt: skip

SPANS: Final[Mapping[Span, str]] = {
    Span.ENTRY: "进入旅程后", Span.WITHIN: "最近{}内", Span.SINCE: "从{}起", Span.BETWEEN: "{}到{}之间",
    Span.EVER: "曾经",
}  # fmt: skip

MARKED: Final[Mapping[MarkKind, tuple[str, str]]] = {
    MarkKind.SENT: ("{}已发出", "{}没有发出"),
    MarkKind.DELIVERED: ("{}已送达", "{}没有送达"),
    MarkKind.OPENED: ("打开了{}", "没有打开{}"),
    MarkKind.CLICKED: ("点了{}里的链接", "没有点{}里的链接"),
    MarkKind.FAILED: ("{}发送失败（哪个渠道都没发成）", "{}没有发送失败"),
    MarkKind.ANSWERED: ("回答了{}", "没有回答{}"),
}
"""What became of a message, and that it did not."""
AWAITED: Final[Mapping[MarkKind, str]] = {
    MarkKind.SENT: "等{}发出", MarkKind.DELIVERED: "等{}送达", MarkKind.OPENED: "等顾客打开{}",
    MarkKind.CLICKED: "等顾客点{}里的链接", MarkKind.FAILED: "等{}发送失败（哪个渠道都没发成）",
    MarkKind.ANSWERED: "等顾客回答{}",
}  # fmt: skip

STAGES: Final[Mapping[str, str]] = {
    "new": "新客", "active": "活跃", "silent": "沉默", "dormant": "沉睡", "lost": "流失",
}  # fmt: skip
CONSENTS: Final[Mapping[str, str]] = {"marketing": "营销消息", "service": "服务通知"}
KINDS: Final[Mapping[str, str]] = {"marketing": "营销类", "service": "服务类，不算营销"}
CHANNELS: Final[Mapping[str, str]] = {"wechat": "微信公众号", "wecom": "企业微信", "sms": "短信", "email": "邮件"}
PERIODS: Final[Mapping[str, str]] = {"day": "每天", "week": "每周（从周一算起）", "month": "每月"}
ON_CAP: Final[Mapping[str, str]] = {
    "skip": "超过的不发", "postpone": "超过的顺延到能发时再发", "next_channel": "超过的换下一个渠道发",
}  # fmt: skip

STATUSES: Final[Mapping[Status, str]] = {
    Status.DRAFT: "草稿，还没有上线，谁也不会进入",
    Status.LIVE: "已上线",
    Status.PAUSED: "暂停，里面的人都原地不动，也没有人进入",
    Status.CLOSING: "收尾，不再有人进入，里面的人走完为止",
    Status.STOPPED: "已停止，里面的人全部离开",
}
CHANGES: Final[Mapping[OnChange, str]] = {
    OnChange.PIN: "里面的人仍按进入时的步骤走完，以后进入的人走新的",
    OnChange.FOLLOW: "里面的人改走新步骤，已经在等的时间不变",
    OnChange.RECOUNT: "里面的人改走新步骤，正在等的从开始等的那一刻重新计算",
    OnChange.RESTART: "里面的人按新步骤从头走，轮到之前照旧",
}

AGAIN: Final[Mapping[Again, str]] = {
    Again.NEVER: "只走一次，以后不再进入",
    Again.FINISHED: "走完或离开以后，可以再次进入",
    Again.AFTER: "离上次进入满{after}，并且已经走完或离开，才可以再次进入",
    Again.EACH_OCCASION: "每个{occasion}走一次",
}

WEEKDAYS: Final = ("周一", "周二", "周三", "周四", "周五", "周六", "周日")
ANCHORS: Final[Mapping[AnchorKind, str]] = {
    AnchorKind.NOW: "此刻", AnchorKind.TODAY: "当天", AnchorKind.TOMORROW: "第二天",
    AnchorKind.WEEKDAY: "最近的{}", AnchorKind.WORKDAY: "最近的工作日", AnchorKind.MONTH_END: "当月最后一天",
    AnchorKind.DATE: "{}", AnchorKind.PATH: "{}",
}  # fmt: skip

PROPERTIES: Final[Mapping[str, str]] = {
    "field": "资料项", "old": "原来的值", "new": "新的值", "direction": "方向", "code": "券码", "group": "群",
    "employee": "员工", "scene": "来源", "step": "步骤", "journey": "旅程", "channel": "渠道", "link": "链接",
    "kind": "类型", "text": "内容", "key": "菜单项", "action": "动作", "result": "结果", "event": "事件",
}  # fmt: skip
"""Properties of the events that every shop has; a shop's own have titles in its catalog."""
DIRECTIONS: Final[Mapping[str, str]] = {"up": "上升", "down": "下降"}
COUPON: Final[Mapping[str, str]] = {"code": "券码", "amount": "面额", "expires": "到期日"}
