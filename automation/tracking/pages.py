"""The pages behind a link to unsubscribe, as text: plain HTML that works on a small phone, without scripts or pictures.

Everything that is not written here is escaped. The one style sheet is in the page and named by its hash in the policy
that goes with it, so nothing else can be added or fetched.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from types import MappingProxyType
from typing import Final

from automation.policy.consent import MARKETING

from .choices import Choice

CHANNELS: Final = MappingProxyType({"wechat": "微信", "wecom": "企业微信", "sms": "短信", "email": "邮件"})
PURPOSES: Final = MappingProxyType({"marketing": "活动与优惠", "service": "订单与服务通知"})
ABOUT: Final = MappingProxyType({
    "marketing": "新品、活动、优惠券和生日祝福",
    "service": "发货、售后、账户变动等与您有关的通知",
})  # fmt: skip
STYLE: Final = """
*{box-sizing:border-box}
body{margin:0;background:#f6f4f0;color:#2b2926;
font:16px/1.7 -apple-system,"PingFang SC","Microsoft YaHei","Noto Sans CJK SC",sans-serif}
main{max-width:480px;margin:0 auto;padding:32px 20px 48px}
.shop{margin:0 0 20px;color:#6d675f;font-size:15px}
.card{background:#fff;border-radius:14px;padding:26px 22px;margin:0 0 16px}
h1{margin:0 0 8px;font-size:22px;line-height:1.4}
h2{margin:0;font-size:17px}
p{margin:0 0 16px}
.hint{margin:0 0 6px;color:#6d675f;font-size:14px}
button{display:block;width:100%;min-height:48px;border:0;border-radius:10px;font:inherit;font-weight:600;cursor:pointer}
.first{background:#a34a28;color:#fff}
.second{margin-top:12px;background:#efe9e2;color:#2b2926}
button:focus-visible,input:focus-visible{outline:3px solid #2f6fb0;outline-offset:2px}
fieldset{margin:0 0 20px;padding:0;border:0}
legend{padding:0}
label{display:flex;align-items:center;justify-content:space-between;min-height:48px;border-bottom:1px solid #eee8e0}
input[type=checkbox]{width:24px;height:24px;accent-color:#a34a28}
.small{color:#6d675f;font-size:14px}
"""
HEADERS: Final = MappingProxyType({
    "content-security-policy": "default-src 'none'; style-src 'sha256-"
    + base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
    + "'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-robots-tag": "noindex",
    "cache-control": "no-store",
})  # fmt: skip
"""What has to go with every page."""

STOP, STOP_ALL, SAVE = "stop", "stop_all", "save"
DO, YES = "do", "yes"  # names of fields


@dataclass(frozen=True, slots=True)
class Page:
    """`html` goes with HEADERS as text/html; charset=utf-8."""

    status: int
    html: str


def ask(shop: str, kind: str, choices: Sequence[Choice]) -> Page:
    """Before anything has changed: one button to leave, and below it every choice."""
    wants = any(one.wanted for one in choices if one.kind == kind and one.purpose == MARKETING)
    name = CHANNELS[kind]
    if wants:
        top = (
            f"<h1>不再接收{name}推广？</h1><p>确认后，我们不再用{name}给您发活动与优惠。"
            "订单、售后等服务通知不受影响。</p>" + _form(_button(STOP, f"退订{name}推广", "first")
            + _button(STOP_ALL, "所有渠道的推广都退订", "second"))
        )  # fmt: skip
    else:
        top = f"<h1>您没有订阅{name}推广</h1><p>我们不会用{name}给您发活动与优惠。</p>"
    return _page(shop, "退订与偏好", [top, _preferences(choices)])


def done(shop: str, said: str, choices: Sequence[Choice]) -> Page:
    """After something was done; `said` in one sentence."""
    top = f"<h1>{escape(said)}</h1><p>即刻生效。改了主意，随时可以在这里调整。</p>"
    return _page(shop, "已更新", [top, _preferences(choices)])


def said(action: str, kind: str) -> str:
    """What to say after an action."""
    name = CHANNELS[kind]
    return {STOP: f"已退订{name}推广", STOP_ALL: "已退订所有渠道的推广"}.get(action, "偏好已保存")


def unknown(shop: str) -> Page:
    """For a link that is not ours, was cut short, or is about nobody any more."""
    top = "<h1>这个链接打不开</h1><p>链接可能不完整。请从收到的消息里重新点开，或直接回复那条消息告诉我们。</p>"
    return _page(shop, "链接无效", [top], 404)


def over(shop: str, again: str) -> Page:
    """For a visit that took too long or was made twice; `again`: the path that begins anew."""
    top = f'<h1>请重新打开</h1><p>这个页面已过期。<a href="{escape(again)}">点这里重新打开</a>。</p>'
    return _page(shop, "请重新打开", [top], 403)


def stranger(shop: str) -> Page:
    """For somebody whom the shop does not know."""
    top = "<h1>还没有您的资料</h1><p>请先关注我们，再从菜单打开这个页面。</p>"
    return _page(shop, "还没有您的资料", [top], 404)


def away(shop: str) -> Page:
    """The platform does not say who it is at the moment."""
    return _page(shop, "请稍后再试", ["<h1>请稍后再试</h1><p>现在打不开这个页面，过一会儿再试。</p>"], 503)


def wanted(form: Mapping[str, Sequence[str]], choices: Sequence[Choice]) -> dict[tuple[str, str], bool]:
    """What a saved form says about exactly the choices that were offered."""
    ticked = set(form.get(YES, ()))
    return {(one.kind, one.purpose): _word(one) in ticked for one in choices}


def _preferences(choices: Sequence[Choice]) -> str:
    groups = []
    for purpose, title in PURPOSES.items():
        rows = "".join(_row(one) for one in choices if one.purpose == purpose)
        if rows:
            groups.append(
                f'<fieldset><legend><h2>{title}</h2></legend><p class="hint">{ABOUT[purpose]}</p>{rows}</fieldset>'
            )
    return "<h1>您想怎样收到消息</h1>" + _form("".join(groups) + _button(SAVE, "保存", "first"))


def _row(choice: Choice) -> str:
    ticked = " checked" if choice.wanted else ""
    box = f'<input type="checkbox" name="{YES}" value="{_word(choice)}"{ticked}>'
    return f"<label><span>{CHANNELS[choice.kind]}</span>{box}</label>"


def _word(choice: Choice) -> str:
    return f"{choice.kind}.{choice.purpose}"


def _form(inside: str) -> str:
    return f'<form method="post">{inside}</form>'  # to the page's own address


def _button(action: str, words: str, style: str) -> str:
    return f'<button class="{style}" name="{DO}" value="{action}">{words}</button>'


def _page(shop: str, title: str, cards: Sequence[str], status: int = 200) -> Page:
    inside = "".join(f'<section class="card">{card}</section>' for card in cards)
    return Page(
        status,
        f'<!doctype html><html lang="zh-CN"><head><meta charset="utf-8"><meta name="viewport"'
        f' content="width=device-width,initial-scale=1"><meta name="robots" content="noindex">'
        f"<title>{title} · {escape(shop)}</title><style>{STYLE}</style></head><body><main>"
        f'<p class="shop">{escape(shop)}</p>{inside}</main></body></html>',
    )
