"""Sets the stage of the sandbox's WeChat: what a test, or a person trying things, says about followers and accounts.

Every order is a JSON object; `appid` names the account, by default the pretended one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from bots.sandbox.platforms.wechat_world import Account, Fail, World

PRETENDED: Final = "wx0000000000sandbox"  # the appid of a channel that names none
_SETTABLE: Final = frozenset({"service", "mass_left", "mass_a_month", "viewer", "page", "everybody"})


def set_up(world: World, order: str, data: Mapping[str, Any], now: int) -> Mapping[str, Any]:
    """Carries one order out; what the account then is."""
    account = world.account(str(data.get("appid") or PRETENDED))
    if order not in _ORDERS:
        raise Fail(40066, "no such order")
    _ORDERS[order](account, data, now)
    return {
        "appid": account.appid, "fetched": account.fetched, "used": account.used, "menu": account.menu,
        "followers": sum(one.follows for one in account.followers.values()),
        "tagged": {name: sorted(one.openid for one in account.followers.values() if number in one.tags)
                   for number, name in account.tags.items()},
    }  # fmt: skip


def drop_menu(account: Account) -> Mapping[str, Any]:
    account.menu = None
    return {}


def _openids(data: Mapping[str, Any]) -> list[str]:
    listed = data.get("openids", [data.get("openid")])
    if not isinstance(listed, list) or not all(isinstance(one, str) and one for one in listed):
        raise Fail(40003, "openid or openids are due")
    return listed


def _follow(account: Account, data: Mapping[str, Any], now: int) -> None:
    for openid in _openids(data):
        account.follow(openid, now, str(data.get("scene", "")))


def _unfollow(account: Account, data: Mapping[str, Any], now: int) -> None:
    for openid in _openids(data):
        account.unfollow(openid)


def _block(account: Account, data: Mapping[str, Any], now: int) -> None:
    for openid in _openids(data):
        account.follow(openid, now).blocked = bool(data.get("blocked", True))


def _window(account: Account, data: Mapping[str, Any], now: int) -> None:
    """`messages`: answers, null for any number; `seconds`. 0 seconds close it."""
    for openid in _openids(data):
        known = account.follow(openid, now)
        seconds = int(data.get("seconds", 172_800))
        if seconds <= 0:
            known.until = 0
        else:
            account.open(openid, data.get("messages"), seconds, now)


def _grant(account: Account, data: Mapping[str, Any], now: int) -> None:
    for openid in _openids(data):
        account.follow(openid, now).grants[str(data.get("template"))] = int(data.get("count", 1))


def _tag(account: Account, data: Mapping[str, Any], now: int) -> None:
    name = str(data.get("tag"))
    number = next((n for n, known in account.tags.items() if known == name), max(account.tags, default=99) + 1)
    account.tags[number] = name
    for openid in _openids(data):
        tags = account.follow(openid, now).tags
        tags.discard(number) if data.get("remove") else tags.add(number)


def _account(account: Account, data: Mapping[str, Any], now: int) -> None:
    """Kind, quotas and templates of the account."""
    for name in _SETTABLE & data.keys():
        setattr(account, name, data[name])
    for name in {"templates", "subscriptions"} & data.keys():
        setattr(account, name, None if data[name] is None else {str(one) for one in data[name]})
    account.limits.update({str(path): int(limit) for path, limit in dict(data.get("limits", {})).items()})


def _forget(account: Account, data: Mapping[str, Any], now: int) -> None:
    """As if three days had gone by for every temporary picture; with `material`, as if the others were deleted, too."""
    gone = bool(data.get("material"))
    account.media = {media: until for media, until in account.media.items() if until is None and not gone}


def _revoke(account: Account, data: Mapping[str, Any], now: int) -> None:
    account.revoke()


def _reset(account: Account, data: Mapping[str, Any], now: int) -> None:
    """As if nobody had ever heard of it; its tokens are refused too."""
    fresh = Account(account.appid, "")
    for name in Account.__slots__:
        setattr(account, name, getattr(fresh, name))


def _nothing(account: Account, data: Mapping[str, Any], now: int) -> None:
    """Only asks."""


_ORDERS: Final[Mapping[str, Callable[[Account, Mapping[str, Any], int], None]]] = {
    "follow": _follow, "unfollow": _unfollow, "block": _block, "window": _window, "grant": _grant, "tag": _tag,
    "account": _account, "revoke": _revoke, "forget": _forget, "reset": _reset, "world": _nothing,
}  # fmt: skip
