"""Fields and events that every shop has without declaring them.

Apart from the catalog's reader, so that the list is read, and documented, as a table.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from automation.conditions.tree import FieldType
from automation.journey.catalog_values import EventType, Field, Home, Property

_TEXT, _NUMBER, _TIME = FieldType.TEXT, FieldType.NUMBER, FieldType.TIME
STAGES: Final = ("new", "active", "silent", "dormant", "lost")
"""Where a person stands with the shop, kept by audience/lifecycle.py. Not ordered: one can fall and come back."""

IDENTITIES: Final[dict[str, str]] = {
    "phone": "手机号", "email": "邮箱", "openid": "公众号 openid", "unionid": "微信 unionid",
    "wecom_id": "企业微信外部联系人", "wecom_user": "企业微信成员", "member_no": "会员号",
}  # fmt: skip


_SCORED: Final = "it is scored from orders by rfm of config.yaml"
_ELSEWHERE: Final = "it is kept by imports, channels and the engine"


def _column(name: str, kind: FieldType, title: str, example: Any, kept: str = "") -> Field:
    return Field(name, kind, title, example=example, home=Home.COLUMN, kept=kept)


def _identity(name: str, title: str) -> Field:
    return Field(name, _TEXT, title, home=Home.IDENTITY, kept=_ELSEWHERE)


_COLUMNS: Final = (
    _column("name", _TEXT, "姓名", "王芳"),
    Field("stage", FieldType.CHOICE, "阶段", example="active", choices=STAGES, home=Home.COLUMN),
    _column("recency", _NUMBER, "最近购买分", 4, _SCORED),
    _column("frequency", _NUMBER, "购买频次分", 3, _SCORED),
    _column("monetary", _NUMBER, "消费金额分", 5, _SCORED),
    _column("points", _NUMBER, "积分", 120, "use a points step"),
    _column("created_at", _TIME, "建档时间", "2026-01-15 10:00", _ELSEWHERE),
    _column("zone", _TEXT, "时区", "Asia/Shanghai"),
)

FIELDS: Final[Mapping[str, Field]] = {
    **{field.name: field for field in _COLUMNS},
    **{kind: _identity(kind, title) for kind, title in IDENTITIES.items()},
    "language": Field("language", _TEXT, "语言", example="zh-CN"),
}


def _event(name: str, title: str, *properties: Property, key: str | None = None) -> EventType:
    return EventType(name, title, key, {known.name: known for known in properties}, built_in=True)


def _text(name: str, example: str) -> Property:
    return Property(name, _TEXT, example=example)


_OF_A_MESSAGE: Final = (_text("step", "hello"), _text("journey", "welcome"), _text("channel", "sms"))

_OF_A_GROUP: Final = (_text("group", "G1001"), _text("employee", "staff_01"), _text("scene", "store_qr"))
_OF_A_FRIEND: Final = (_text("employee", "staff_01"), _text("scene", "store_qr"))

_LIST: Final = (
    _event(
        "customer.changed",
        "资料变更",
        _text("field", "tier"),
        _text("old", "basic"),
        _text("new", "silver"),
        Property("direction", FieldType.CHOICE, example="up", choices=("up", "down")),
    ),
    _event("coupon.redeemed", "用券", _text("code", "BD-00000001"), key="code"),
    _event("group.joined", "进群", *_OF_A_GROUP),
    _event("group.left", "退群", *_OF_A_GROUP),
    _event("message.sent", "消息发出", *_OF_A_MESSAGE),
    _event("message.delivered", "消息送达", *_OF_A_MESSAGE),
    _event("message.opened", "消息打开", *_OF_A_MESSAGE),
    # `link`: what text.yaml calls it, else the host it leads to; nothing where a provider reports clicks.
    _event("message.clicked", "消息点击", *_OF_A_MESSAGE, _text("link", "shop")),
    _event("message.failed", "消息失败", *_OF_A_MESSAGE),
    _event("message.answered", "问卷回答", *_OF_A_MESSAGE),
    # `text` holds only words that a journey asks for, never what else was written (automation/inbound/keywords.py).
    _event(
        "message.received", "发来消息", _text("channel", "wechat_main"), _text("kind", "text"), _text("text", "生日")
    ),
    _event("wechat.followed", "关注公众号", _text("scene", "store_qr")),
    _event("wechat.unfollowed", "取消关注"),
    _event("wechat.scanned", "扫描公众号二维码", _text("scene", "store_qr")),
    _event(
        "wechat.menu_clicked",
        "点击公众号菜单",
        _text("key", "benefits"),
        _text("action", "click"),
        _text("result", "6901234567892"),
    ),
    _event("wechat.other", "公众号其他事件", _text("event", "card_pass_check")),
    _event("wecom.friend_added", "添加企业微信", *_OF_A_FRIEND),
    _event("wecom.friend_removed", "删除企业微信好友", *_OF_A_FRIEND),
    _event("wecom.other", "企业微信其他事件", _text("event", "transfer_fail")),
)

EVENTS: Final[Mapping[str, EventType]] = {event.name: event for event in _LIST}
