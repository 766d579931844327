"""WeChat's interface for official accounts, below /wechat: official paths, parameters, answers and error codes.

Beside them stand a few of ours, whose names begin with an underscore and which need no token: they set the stage
(/wechat/_follow, /_unfollow, /_block, /_window, /_grant, /_account, /_revoke, /_forget) and tell of it (/_world).
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from bots.sandbox.deliveries import Deliveries
from bots.sandbox.faults import Faults
from bots.sandbox.http_edge import Answer, Broken, Request
from bots.sandbox.platforms import wechat_media as media
from bots.sandbox.platforms import wechat_people as people
from bots.sandbox.platforms import wechat_stage as stage
from bots.sandbox.platforms.wechat_callback import Callbacks
from bots.sandbox.platforms.wechat_send import Sending
from bots.sandbox.platforms.wechat_world import LIVES, Account, Fail, World
from bots.sandbox.playing import around, json_answer

ROOT: Final = "/wechat"
Send = Callable[[Account, Mapping[str, Any], int], Awaitable[Mapping[str, Any]]]
Do = Callable[[Account, Mapping[str, Any]], Mapping[str, Any]]


class Platform:
    """Answers requests."""

    def __init__(self, deliveries: Deliveries, faults: Faults) -> None:
        self.world = World()
        self._deliveries, self._faults = deliveries, faults
        self._callbacks = Callbacks(self.world, deliveries)
        sending = Sending(deliveries)
        self._sends: Mapping[str, Send] = {
            "/cgi-bin/message/custom/send": sending.custom,
            "/cgi-bin/message/custom/typing": sending.typing,
            "/cgi-bin/message/template/send": sending.template,
            "/cgi-bin/message/subscribe/bizsend": sending.bizsend,
            "/cgi-bin/message/mass/send": sending.mass,
            "/cgi-bin/message/mass/sendall": sending.mass_all,
        }

    async def __call__(self, request: Request) -> Answer | Broken:
        path = request.path.removeprefix(ROOT)
        if path in ("/_act", "/_callback"):
            return await self._callbacks(request)
        try:
            if path == "/connect/oauth2/authorize":
                return people.authorize(self.world, request.query)
            return await self._answer(path, request)
        except Fail as error:
            return json_answer(200, {"errcode": error.code, "errmsg": error.said, **error.more})

    async def _answer(self, path: str, request: Request) -> Answer | Broken:
        now = self._deliveries.now
        if path.startswith("/_"):
            return json_answer(200, stage.set_up(self.world, path[2:], _read(request), now))
        if path in ("/cgi-bin/stable_token", "/cgi-bin/token", "/sns/oauth2/access_token"):
            return json_answer(200, self._enter(path, request, now))
        account = self.world.by_token(request.query.get("access_token", ""), now)
        if path in self._sends:
            _due(request, "POST")
            take = self._sends[path]
            return await around(
                self._faults.take("http", account.appid), lambda _: self._take(take, path, account, request)
            )
        return json_answer(200, {"errcode": 0, "errmsg": "ok"} | dict(_other(path, account, request, now)))

    async def _take(self, take: Send, path: str, account: Account, request: Request) -> Answer:
        try:
            account.spend(path)
            found = await take(account, _read(request), self._deliveries.now)
        except Fail as error:
            return json_answer(200, {"errcode": error.code, "errmsg": error.said, **error.more})
        return json_answer(200, {"errcode": 0, "errmsg": "ok"} | dict(found))

    def _enter(self, path: str, request: Request, now: int) -> Mapping[str, Any]:
        if path == "/sns/oauth2/access_token":
            return people.visitor(self.world, request.query)
        given = _read(request) if path == "/cgi-bin/stable_token" else request.query
        _due(request, "POST" if path == "/cgi-bin/stable_token" else "GET")
        if given.get("grant_type") != "client_credential":
            raise Fail(40002, "invalid grant_type")
        account = self.world.entered(given.get("appid"), given.get("secret"))
        if path == "/cgi-bin/stable_token":
            token, seconds = account.stable_token(now)
        else:
            account.fetched += 1
            token, seconds = account.issue(now), LIVES
        return {"access_token": token, "expires_in": seconds}


_POSTS: Final[Mapping[str, Do]] = {
    "/cgi-bin/user/info/batchget": people.batch,
    "/cgi-bin/tags/create": people.make_tag,
    "/cgi-bin/tags/delete": people.drop_tag,
    "/cgi-bin/tags/members/batchtagging": lambda account, data: people.tagging(account, data, True),
    "/cgi-bin/tags/members/batchuntagging": lambda account, data: people.tagging(account, data, False),
    "/cgi-bin/qrcode/create": people.qr_code,
    "/cgi-bin/menu/create": people.set_menu,
    "/cgi-bin/user/tag/get": lambda account, data: people.listed(
        account, str(data.get("next_openid") or ""), int(data.get("tagid") or 0)
    ),
    "/cgi-bin/message/mass/get": lambda account, data: {"msg_id": data.get("msg_id"), "msg_status": "SEND_SUCCESS"},
    "/cgi-bin/openapi/quota/get": lambda account, data: _quota(account, data),
}
_GETS: Final[Mapping[str, Do]] = {
    "/cgi-bin/user/info": lambda account, query: people.info(account, query.get("openid")),
    "/cgi-bin/user/get": lambda account, query: people.listed(account, query.get("next_openid", "")),
    "/cgi-bin/tags/get": lambda account, query: people.tags(account),
    "/cgi-bin/menu/get": lambda account, query: people.menu(account),
    "/cgi-bin/menu/delete": lambda account, query: stage.drop_menu(account),
    "/cgi-bin/getcallbackip": lambda account, query: {"ip_list": ["127.0.0.1"]},
    "/cgi-bin/template/get_all_private_template": lambda account, query: _templates(account),
    "/wxaapi/newtmpl/gettemplate": lambda account, query: {
        "data": [{"priTmplId": one, "type": 2} for one in sorted(account.subscriptions or ())]
    },
}


_UPLOADS: Final = {"/cgi-bin/media/upload": media.upload, "/cgi-bin/material/add_material": media.add_material}


def _other(path: str, account: Account, request: Request, now: int) -> Mapping[str, Any]:
    """An interface that sends nothing."""
    account.spend(path)
    if path in _UPLOADS:
        _due(request, "POST")
        found = _UPLOADS[path](account, request, now)
        return {"errcode": 0} | dict(found) if path != "/cgi-bin/media/upload" else found
    if path in _GETS:
        _due(request, "GET")
        return _GETS[path](account, request.query)
    if path not in _POSTS:
        raise Fail(40066, "invalid url")
    _due(request, "POST")
    return _POSTS[path](account, _read(request))


def _quota(account: Account, data: Mapping[str, Any]) -> Mapping[str, Any]:
    path = data.get("cgi_path")
    if path not in account.limits:
        raise Fail(76021, "cgi_path not found, please check")
    used, limit = account.used.get(path, 0), account.limits[path]
    return {"quota": {"daily_limit": limit, "used": used, "remain": limit - used}}


def _templates(account: Account) -> Mapping[str, Any]:
    if not account.service:
        raise Fail(48001, "api unauthorized")
    return {"template_list": [{"template_id": one, "title": one} for one in sorted(account.templates or ())]}


def _due(request: Request, method: str) -> None:
    if request.method != method:
        raise Fail(43001 if method == "GET" else 43002, f"require {method} method")


def _read(request: Request) -> Mapping[str, Any]:
    """The body as a JSON object."""
    if not request.body:
        raise Fail(44002, "empty post data")
    try:
        found = json.loads(request.body)
    except (ValueError, RecursionError):
        raise Fail(47001, "data format error") from None
    if not isinstance(found, dict):
        raise Fail(47001, "data format error")
    return found
