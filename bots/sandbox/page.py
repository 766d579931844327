"""The page a person looks at: each recipient's last messages as on a phone, addresses masked, everything escaped."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from html import escape
from zoneinfo import ZoneInfo

from bots.sandbox.http_edge import Answer
from bots.sandbox.ledger import Entry

_ZONE = ZoneInfo("Asia/Shanghai")
_ADDRESS = re.compile(r"(https?://[!-~]+)")
_NAMES = {"wechat": "微信", "wecom": "企业微信", "sms": "短信", "email": "邮件"}
_LANES = {
    "customer_service": "客服消息", "passive_reply": "回复", "template": "模板消息", "subscribe": "订阅通知",
    "mass": "群发", "customer_message": "顾问发送", "app_message": "应用消息", "welcome": "欢迎语",
    "robot": "群机器人", "sms": "", "smtp": "",
}  # fmt: skip
_HEADERS = (
    ("content-security-policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"),
    ("cache-control", "no-store"),
    ("x-content-type-options", "nosniff"),
)
_STYLE = """
body{font:15px/1.6 system-ui,sans-serif;background:#eceef1;color:#1f2329;margin:0;padding:24px}
h1{font-size:20px;margin:0 0 4px}p.note{color:#666;margin:0 0 20px}
main{display:flex;flex-wrap:wrap;gap:20px;align-items:flex-start}
section{width:320px;background:#f7f7f7;border:8px solid #2b2f36;border-radius:28px;overflow:hidden}
h2{font-size:14px;font-weight:600;margin:0;padding:10px 14px;background:#ededed;border-bottom:1px solid #ddd}
ol{list-style:none;margin:0;padding:12px;max-height:420px;overflow:auto}
li{background:#fff;border-radius:10px;padding:8px 12px;margin:0 0 10px;overflow-wrap:anywhere;white-space:pre-wrap}
li b{display:block}a{color:#2f6fb0}time{display:block;color:#767676;font-size:12px}
"""


def answer(inboxes: Mapping[tuple[str, str], Iterable[Entry]]) -> Answer:
    """The page over the inboxes, the one written to last first."""
    phones = "".join(_phone(plays, address, inbox) for (plays, address), inbox in reversed(list(inboxes.items())))
    text = (
        '<!doctype html><html lang="zh-CN"><head><meta charset="utf-8"><meta http-equiv="refresh" content="5">'
        '<meta name="viewport" content="width=device-width,initial-scale=1"><title>旅程 · 沙箱收件箱</title>'
        f"<style>{_STYLE}</style></head><body><h1>沙箱收件箱</h1>"
        '<p class="note">这里的消息没有发给任何人。每个手机是一位收件人，地址已打码。</p>'
        f"<main>{phones or '还没有消息。'}</main></body></html>"
    )
    return Answer(200, text.encode("utf-8", "replace"), "text/html; charset=utf-8", _HEADERS)


def masked(address: str) -> str:
    """An address that its owner would recognise and nobody else could use."""
    local, at, domain = address.rpartition("@")
    if at:
        return f"{local[:1]}***@{domain}"
    if address.lstrip("+").isdigit() and len(address) >= 8:
        return f"{address[:-8]}****{address[-4:]}"
    return f"{address[:4]}****{address[-4:]}" if len(address) > 8 else f"{address[:4]}****"


def spoken(body: Mapping[str, object]) -> tuple[str, str]:
    """Title and text of a message, whatever its channel: what its reader would see first."""
    title = str(body.get("subject") or body.get("title") or "")
    text = body.get("text") or body.get("preview")
    if not isinstance(text, str):
        return title, json.dumps(body, ensure_ascii=False, indent=1)
    params = body.get("params")
    if "text" not in body and isinstance(params, Mapping):
        for name, value in params.items():
            text = text.replace(f"{{{name}}}", str(value))
    return title, text


def _phone(plays: str, address: str, inbox: Iterable[Entry]) -> str:
    items = "".join(_item(entry) for entry in reversed(list(inbox)))
    return f"<section><h2>{escape(_NAMES.get(plays, plays))} {escape(masked(address))}</h2><ol>{items}</ol></section>"


def _item(entry: Entry) -> str:
    title, text = spoken(entry.body)
    when = datetime.fromtimestamp(entry.at, _ZONE)
    head = f"<b>{escape(title)}</b>" if title else ""
    return f"<li><time>{when:%m-%d %H:%M} {escape(_LANES.get(entry.lane, entry.lane))}</time>{head}{_linked(text)}</li>"


def _linked(text: str) -> str:
    """The text escaped, its web addresses to be clicked: what a customer would open is tried so."""
    parts = _ADDRESS.split(text)  # every second one is an address
    return "".join(
        f'<a href="{escape(part)}" target="_blank" rel="noreferrer">{escape(part)}</a>' if at % 2 else escape(part)
        for at, part in enumerate(parts)
    )
