"""Followers, user tags, QR codes, menus and page visits of the sandbox's WeChat."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from html import escape
from typing import Any, Final
from urllib.parse import quote, urlencode, urlsplit

from bots.sandbox.http_edge import Answer
from bots.sandbox.platforms.wechat_world import Account, Fail, Follower, World

SHOWN: Final = 50  # followers on the page that asks who it is
_TYPES: Final = {"click": "key", "view": "url", "scancode_push": "key", "scancode_waitmsg": "key", "miniprogram": "url"}


def info(account: Account, openid: object) -> Mapping[str, Any]:
    known = account.followers.get(openid) if isinstance(openid, str) else None
    if known is None:
        raise Fail(40003, "invalid openid")
    return _info(known)


def _info(known: Follower) -> dict[str, Any]:
    """No nickname, picture, sex and place: WeChat tells none since 2021-12-27."""
    if not known.follows:
        return {"subscribe": 0, "openid": known.openid}
    return {
        "subscribe": 1, "openid": known.openid, "language": "zh_CN", "subscribe_time": known.since,
        "unionid": known.unionid, "remark": "", "groupid": 0, "tagid_list": sorted(known.tags),
        "subscribe_scene": "ADD_SCENE_QR_CODE" if known.scene else "ADD_SCENE_SEARCH", "qr_scene": 0,
        "qr_scene_str": known.scene,
    }  # fmt: skip


def batch(account: Account, data: Mapping[str, Any]) -> Mapping[str, Any]:
    listed = data.get("user_list")
    if not isinstance(listed, list) or not 1 <= len(listed) <= 100:
        raise Fail(40032, "invalid openid list size")
    return {
        "user_info_list": [info(account, one.get("openid") if isinstance(one, Mapping) else None) for one in listed]
    }


def listed(account: Account, after: str, tag: int | None = None) -> Mapping[str, Any]:
    """A page of openids. As at WeChat, next_openid is there on the last page too, and data is missing after it."""
    everybody = sorted(one.openid for one in account.followers.values() if one.follows and (not tag or tag in one.tags))
    page = [openid for openid in everybody if openid > after][: account.page]
    found: dict[str, Any] = {"total": len(everybody), "count": len(page), "next_openid": page[-1] if page else ""}
    return found | ({"data": {"openid": page}} if page else {})


def make_tag(account: Account, data: Mapping[str, Any]) -> Mapping[str, Any]:
    tag = data.get("tag")
    name = tag.get("name") if isinstance(tag, Mapping) else None
    if not isinstance(name, str) or not name:
        raise Fail(40035, "invalid parameter: tag.name")
    if len(name) > 30:
        raise Fail(45158, "tag name too long")
    if name in account.tags.values():
        raise Fail(45157, "tag name already exist")
    if len(account.tags) >= 100:
        raise Fail(45056, "too many tag now, please delete unused")
    number = max(account.tags, default=99) + 1
    account.tags[number] = name
    return {"tag": {"id": number, "name": name}}


def drop_tag(account: Account, data: Mapping[str, Any]) -> Mapping[str, Any]:
    tag = data.get("tag")
    number = tag.get("id") if isinstance(tag, Mapping) else None
    if number not in account.tags:
        raise Fail(45159, "invalid tagid")
    if sum(number in one.tags for one in account.followers.values()) > 100_000:
        raise Fail(45057, "can't delete the tag that has too many fans")
    del account.tags[number]
    for one in account.followers.values():
        one.tags.discard(number)
    return {}


def tags(account: Account) -> Mapping[str, Any]:
    counts = {n: sum(n in one.tags for one in account.followers.values()) for n in account.tags}
    return {"tags": [{"id": n, "name": name, "count": counts[n]} for n, name in account.tags.items()]}


def tagging(account: Account, data: Mapping[str, Any], give: bool) -> Mapping[str, Any]:
    openids, number = data.get("openid_list"), data.get("tagid")
    if not isinstance(openids, list) or not 1 <= len(openids) <= 50:
        raise Fail(40032, "invalid openid list size")
    if number not in account.tags:
        raise Fail(45159, "invalid tagid")
    found = [account.followers.get(one) for one in openids]
    if any(one is None or not one.follows for one in found):
        raise Fail(40003, "invalid openid")  # of one: nothing is done for any
    for one in found:
        assert one is not None
        one.tags.add(number) if give else one.tags.discard(number)
    return {}


def qr_code(account: Account, data: Mapping[str, Any]) -> Mapping[str, Any]:
    action, seconds = data.get("action_name"), data.get("expire_seconds")
    if action not in ("QR_STR_SCENE", "QR_LIMIT_STR_SCENE"):
        raise Fail(40052, "invalid action name")
    about = data.get("action_info")
    scene = about.get("scene") if isinstance(about, Mapping) else None
    word = scene.get("scene_str") if isinstance(scene, Mapping) else None
    if not isinstance(word, str) or not 1 <= len(word) <= 64:
        raise Fail(40053, "invalid action info")
    if action == "QR_STR_SCENE" and (type(seconds) is not int or not 60 <= seconds <= 2_592_000):
        raise Fail(40053, "invalid action info")
    ticket = hashlib.sha256(f"{account.appid} {word}".encode()).hexdigest()
    more = {"expire_seconds": seconds} if action == "QR_STR_SCENE" else {}
    return {"ticket": ticket, "url": f"http://weixin.qq.com/q/{ticket[:22]}", **more}


def set_menu(account: Account, data: Mapping[str, Any]) -> Mapping[str, Any]:
    buttons = data.get("button")
    if not isinstance(buttons, list) or not 1 <= len(buttons) <= 3:
        raise Fail(40016, "invalid button size")
    for button in buttons:
        below = button.get("sub_button") if isinstance(button, Mapping) else None
        _button(button, 16, bool(below))
        if below is not None and (not isinstance(below, list) or not 1 <= len(below) <= 5):
            raise Fail(40023, "invalid sub button size")
        for one in below or ():
            _button(one, 60, False)
    account.menu = buttons
    return {}


def _button(button: object, longest: int, opens: bool) -> None:
    if not isinstance(button, Mapping):
        raise Fail(47001, "data format error")
    name = button.get("name")
    if not isinstance(name, str) or not 1 <= len(name.encode()) <= longest:
        raise Fail(40018 if longest == 16 else 40025, "invalid button name size")
    if opens:
        return
    if button.get("type") not in _TYPES:
        raise Fail(40017, "invalid button type")
    value = button.get(_TYPES[str(button["type"])])
    if not isinstance(value, str) or not 1 <= len(value.encode()) <= (1024 if "://" in value else 128):
        raise Fail(40019, "invalid button key or url size")


def menu(account: Account) -> Mapping[str, Any]:
    if account.menu is None:
        raise Fail(46003, "menu no exist")
    return {"menu": {"button": account.menu}}


def authorize(world: World, query: Mapping[str, str]) -> Answer:
    """The browser comes to the page with a code: of the account's viewer, where the stage names one, else of whoever is
    chosen here, since on this machine there is no telephone to tell."""
    account = world.account(query.get("appid", ""))
    back, state = query.get("redirect_uri", ""), query.get("state", "")
    if urlsplit(back).scheme not in ("http", "https"):
        return Answer(400, "redirect_uri 参数错误".encode(), "text/plain; charset=utf-8")
    if query.get("response_type") != "code" or query.get("scope") not in ("snsapi_base", "snsapi_userinfo"):
        return Answer(400, "scope 参数错误".encode(), "text/plain; charset=utf-8")
    viewer = account.viewer or query.get("_viewer", "")
    if not viewer:
        return _choose(account, query)
    code = f"code{account.next()}"
    account.codes[code] = viewer
    joint = "&" if "?" in back else "?"
    where = f"{back}{joint}code={code}&state={quote(state, safe='')}"
    return Answer(302, b"", "text/plain", (("location", where),))


def _choose(account: Account, query: Mapping[str, str]) -> Answer:
    """A page with a link for each of the first followers."""
    openids = sorted(one.openid for one in account.followers.values() if one.follows)[:SHOWN]
    links = "".join(
        f'<li><a href="?{escape(urlencode({**query, "_viewer": one}))}">{escape(one)}</a></li>' for one in openids
    )
    page = f"<!doctype html><meta charset=utf-8><title>微信（沙箱）</title><p>谁在打开这个页面？</p><ul>{links}</ul>"
    return Answer(200, page.encode(), "text/html; charset=utf-8")


def visitor(world: World, query: Mapping[str, str]) -> Mapping[str, Any]:
    account = world.entered(query.get("appid"), query.get("secret"))
    code = query.get("code", "")
    if query.get("grant_type") != "authorization_code" or code not in account.codes:
        raise Fail(40029, "invalid code")
    openid, account.codes[code] = account.codes[code], ""
    if not openid:
        raise Fail(40163, "code been used")
    known = account.followers.get(openid)
    found = {"access_token": f"page_{code}", "expires_in": 7200, "refresh_token": f"again_{code}", "openid": openid}
    return {**found, "scope": "snsapi_base", **({"unionid": known.unionid} if known else {})}
