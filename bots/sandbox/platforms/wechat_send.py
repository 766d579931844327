"""The message interfaces of the sandbox's WeChat, as strict as the real ones: fields, windows, grants and quotas."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from bots.sandbox.deliveries import Deliveries
from bots.sandbox.platforms import wechat_media as media
from bots.sandbox.platforms.wechat_world import Account, Fail, Follower

TEXT_BYTES: Final = 2048
TEN_MINUTES, DAY = 600, 86_400
CHINA: Final = ZoneInfo("Asia/Shanghai")
_HAN: Final = re.compile(r"[\u4e00-\u9fff]+")
_FIELDS: Final[Mapping[str, Callable[[str], bool]]] = {  # limits of a template's parameters, by the kind of its name
    "thing": lambda text: len(text) <= 20,
    "number": lambda text: re.fullmatch(r"[0-9.,]{1,32}", text) is not None,
    "letter": lambda text: re.fullmatch(r"[A-Za-z]{1,32}", text) is not None,
    "symbol": lambda text: len(text) <= 5,
    "character_string": lambda text: len(text) <= 32 and text.isascii(),
    "amount": lambda text: re.fullmatch(r"[^0-9]{0,4}[0-9]{1,10}(\.[0-9]{1,2})?元?", text) is not None,
    "phone_number": lambda text: len(text) <= 17 and text.isascii(),
    "car_number": lambda text: len(text) <= 8,
    "name": lambda text: len(text) <= (10 if _HAN.search(text) else 20),
    "phrase": lambda text: len(text) <= 5 and _HAN.fullmatch(text) is not None,
}


class Sending:
    """Takes messages into the sandbox's ledger under the appid."""

    def __init__(self, deliveries: Deliveries) -> None:
        self._deliveries = deliveries

    async def custom(self, account: Account, data: Mapping[str, Any], now: int) -> Mapping[str, Any]:
        kind = data.get("msgtype")
        if kind not in _CUSTOM:
            raise Fail(40008, "invalid message type")
        content = data.get(str(kind))
        if not isinstance(content, Mapping):
            raise Fail(44004, "empty content")
        shown = _CUSTOM[str(kind)](content)
        for name in _PICTURES & content.keys():
            media.check(account, content[name], now)
        follower = account.whom(data.get("touser"))
        if follower.until <= now:
            raise Fail(45015, "response out of time limit or subscription is canceled")
        if follower.left is not None:
            if follower.left <= 0:
                raise Fail(45047, "out of response count limit")
            follower.left -= 1
        await self._take(account, "customer_service", [follower], shown, data)
        return {}

    async def typing(self, account: Account, data: Mapping[str, Any], now: int) -> Mapping[str, Any]:
        follower = account.whom(data.get("touser"))
        if data.get("command") not in ("Typing", "CancelTyping"):
            raise Fail(45072, "command should be in [Typing,CancelTyping]")
        if follower.until <= now:
            raise Fail(45080, "client send typing out of time limit")
        return {}

    async def template(self, account: Account, data: Mapping[str, Any], now: int) -> Mapping[str, Any]:
        if not account.service:
            raise Fail(48001, "api unauthorized")
        shown = _template(data, account.templates)
        follower = account.whom(data.get("touser"))
        key = data.get("client_msg_id", "")
        known = account.seen.get((follower.openid, key)) if key else None
        if known is not None and now - known[1] < TEN_MINUTES:
            return {"msgid": int(known[0])}
        number = account.next()
        if key:
            account.seen[follower.openid, key] = (str(number), now)
        await self._take(account, "template", [follower], shown, data, key)
        return {"msgid": number}

    async def bizsend(self, account: Account, data: Mapping[str, Any], now: int) -> Mapping[str, Any]:
        shown = _template(data, account.subscriptions)
        follower = account.whom(data.get("touser"))
        wanted = str(data.get("template_id"))
        if not account.everybody:
            if follower.grants.get(wanted, 0) <= 0:
                raise Fail(43101, "user refuse to accept the msg")
            follower.grants[wanted] -= 1
        await self._take(account, "subscribe", [follower], shown, data)
        return {}

    async def mass(self, account: Account, data: Mapping[str, Any], now: int) -> Mapping[str, Any]:
        if not account.service:
            raise Fail(48001, "api unauthorized")
        to = data.get("touser")
        if not isinstance(to, list) or not all(isinstance(one, str) for one in to):
            raise Fail(40031, "invalid openid list")
        if not 2 <= len(set(to)) <= 10_000:
            raise Fail(40130, "invalid openid list size, at least two openid")
        if not account.everybody and any(one not in account.followers for one in to):
            raise Fail(40003, "invalid openid")  # of one: nothing leaves for any
        found = [_reached(account, one) for one in to]
        return await self._mass(account, data, [one for one in found if one is not None], now)

    async def mass_all(self, account: Account, data: Mapping[str, Any], now: int) -> Mapping[str, Any]:
        chosen = data.get("filter")
        if not isinstance(chosen, Mapping):
            raise Fail(40035, "invalid parameter: filter")
        everybody = chosen.get("is_to_all") is True
        tag = chosen.get("tag_id")
        if not everybody and tag not in account.tags:
            raise Fail(40152, "invalid tagid")
        to = [one for one in account.followers.values() if everybody or tag in one.tags]
        if not account.service and account.mass_days.get(_day(now), 0) and not _is_known(account, data, now):
            raise Fail(45028, "has no masssend quota")
        return await self._mass(account, data, to, now)

    async def _mass(self, account: Account, data: Mapping[str, Any], to: list[Follower], now: int) -> Mapping[str, Any]:
        shown = _mass_content(account, data, now)
        key = str(data.get("clientmsgid", ""))
        if _is_known(account, data, now):
            raise Fail(45065, "clientmsgid exist", msg_id=int(account.seen["mass", key][0]))
        month = datetime.fromtimestamp(now, CHINA).strftime("%Y-%m")
        if account.mass_left is not None and account.mass_left <= 0:
            raise Fail(45028, "has no masssend quota")
        if not to:
            raise Fail(40031, "invalid openid list")
        if account.mass_left is not None:
            account.mass_left -= 1
        account.mass_days[_day(now)] = account.mass_days.get(_day(now), 0) + 1
        number = account.next()
        if key:
            account.seen["mass", key] = (str(number), now)
        got = [one for one in to if one.follows and not one.blocked and one.mass.get(month, 0) < account.mass_a_month]
        for one in got:  # whoever had theirs is left out without a word
            one.mass[month] = one.mass.get(month, 0) + 1
        await self._take(account, "mass", got, shown, {**data, "touser": len(to)}, key)
        return {"errmsg": "send job submission success", "msg_id": number, "msg_data_id": number}

    async def _take(
        self, account: Account, lane: str, to: list[Follower], shown: Mapping[str, str], data: Mapping[str, Any],
        key: str = "",
    ) -> None:  # fmt: skip
        body = {**shown, "official": dict(data)}
        messages = [
            {"key": key or f"wx{account.next()}", "lane": lane, "address": one.openid, "body": body} for one in to
        ]
        if messages:
            await self._deliveries.take(account.appid, "wechat", False, messages)


def _is_known(account: Account, data: Mapping[str, Any], now: int) -> bool:
    """Whether a mass message with this clientmsgid was taken within a day."""
    known = account.seen.get(("mass", str(data.get("clientmsgid", ""))))
    return known is not None and now - known[1] < DAY


def _day(now: int) -> str:
    return datetime.fromtimestamp(now, CHINA).strftime("%Y-%m-%d")


def _reached(account: Account, openid: str) -> Follower | None:
    """Whoever cannot be reached is left out of a mass message without a word."""
    try:
        return account.whom(openid)
    except Fail:
        return None


def _text(content: Mapping[str, Any]) -> Mapping[str, str]:
    said = content.get("content")
    if not isinstance(said, str) or not said:
        raise Fail(44004, "empty content")
    if len(said.encode("utf-8", "replace")) > TEXT_BYTES:
        raise Fail(45002, "content size out of limit")
    return {"text": said}


def _news(content: Mapping[str, Any]) -> Mapping[str, str]:
    articles = content.get("articles")
    if not isinstance(articles, list) or not articles:
        raise Fail(44003, "empty news data")
    if len(articles) > 1:
        raise Fail(45008, "article size out of limit")
    article = articles[0] if isinstance(articles[0], Mapping) else {}
    return {"title": _due(article, "title"), "text": f"{article.get('description', '')}\n{_due(article, 'url')}"}


def _media(content: Mapping[str, Any]) -> Mapping[str, str]:
    known = content.get("media_id")
    if not isinstance(known, str) or not known:
        raise Fail(40007, "invalid media_id")
    return {"text": f"[{known}]"}


def _menu(content: Mapping[str, Any]) -> Mapping[str, str]:
    listed = content.get("list")
    if not isinstance(listed, list) or not listed or not all(isinstance(one, Mapping) for one in listed):
        raise Fail(40035, "invalid parameter: msgmenu.list")
    lines = [f"[{_due(one, 'id')}] {_due(one, 'content')}" for one in listed]
    return {
        "title": str(content.get("head_content", "")),
        "text": "\n".join([*lines, str(content.get("tail_content"))]),
    }


def _card(content: Mapping[str, Any]) -> Mapping[str, str]:
    _media({"media_id": content.get("thumb_media_id")})
    return {"title": _due(content, "title"), "text": f"{_due(content, 'appid')} {_due(content, 'pagepath')}"}


_PICTURES: Final = frozenset({"media_id", "thumb_media_id"})
_CUSTOM: Final = {"text": _text, "news": _news, "image": _media, "msgmenu": _menu, "miniprogrampage": _card}


def _mass_content(account: Account, data: Mapping[str, Any], now: int) -> Mapping[str, str]:
    kind = data.get("msgtype")
    if kind not in ("text", "mpnews", "image"):
        raise Fail(40008, "invalid message type")
    content = data.get(str(kind))
    if not isinstance(content, Mapping):
        raise Fail(44004, "empty content")
    if kind == "text":
        return _text(content)
    return {"text": f"[{media.check(account, content.get('media_id'), now, stays=True)}]"}


def _template(data: Mapping[str, Any], known: set[str] | None) -> Mapping[str, str]:
    wanted = data.get("template_id")
    if not isinstance(wanted, str) or not wanted:
        raise Fail(40037, "invalid template_id")
    if wanted not in known if known is not None else wanted.startswith("unknown"):
        raise Fail(40037, "invalid template_id")
    values = data.get("data")
    if not isinstance(values, Mapping) or not values:
        raise Fail(47003, "argument invalid! hint: data is empty")
    for name, value in values.items():
        text = value.get("value") if isinstance(value, Mapping) else None
        if not isinstance(text, str) or not text or not _fits(name, text):
            raise Fail(47003, f"argument invalid! hint: data.{name}.value invalid")
    lines = [f"{name}: {value['value']}" for name, value in values.items()]
    return {"title": wanted, "text": "\n".join(lines)}


def _fits(name: str, text: str) -> bool:
    rule = _FIELDS.get(name.rstrip("0123456789"))
    return "\n" not in text and (rule is None or rule(text))


def _due(part: Mapping[str, Any], name: str) -> str:
    value = part.get(name)
    if not isinstance(value, str) or not value:
        raise Fail(40035, f"invalid parameter: {name}")
    return value
