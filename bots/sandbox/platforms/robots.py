"""Robots of groups: WeCom's webhook/send, below /wecom, and DingTalk's robot/send, below /dingtalk.

Whoever has the address can write: the key is the secret. What a robot was sent goes into the ledger under its channel
(wecom_robot, dingtalk_robot), addressed to the end of its key.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from automation.kernel.clock import Clock
from bots.sandbox.deliveries import Deliveries
from bots.sandbox.faults import Fault, Faults
from bots.sandbox.http_edge import Answer, Broken, Request
from bots.sandbox.playing import around, json_answer

PER_MINUTE = 20
WECOM_KEY = "pretend0-0000-4000-8000-000000000000"
DINGTALK_TOKEN, DINGTALK_SECRET, KEYWORD = "pretend-robot-token", "SECpretend-robot-secret", "旅程"
STALE_MS = 3_600_000  # DingTalk: a time stamp may be an hour old
_JPG, _PNG = b"\xff\xd8\xff", b"\x89PNG\r\n"


class _Pace:
    """20 messages a minute and robot."""

    def __init__(self) -> None:
        self._times: dict[str, list[int]] = defaultdict(list)

    def is_too_fast(self, robot: str, now: int) -> bool:
        times = self._times[robot] = [at for at in self._times[robot] if at > now - 60]
        if len(times) >= PER_MINUTE:
            return True
        times.append(now)
        return False


class WecomRobots:
    """POST webhook/send?key= (document/path/99110). The pretend key is WECOM_KEY; a key ending in -fast has no pace."""

    def __init__(self, deliveries: Deliveries, faults: Faults, clock: Clock) -> None:
        self._deliveries, self._faults, self._clock = deliveries, faults, clock
        self._pace = _Pace()

    async def __call__(self, request: Request) -> Answer | Broken:
        fault = self._faults.take("http", "wecom_robot")
        return await around(fault, lambda inside: self._take(request, inside))

    async def _take(self, request: Request, fault: Fault | None) -> Answer:
        key = request.query.get("key", "")
        if request.method != "POST" or key.removesuffix("-fast") != WECOM_KEY:
            return _said(93000, "invalid webhook url")
        given = _read(request.body)
        code = 47001 if given is None else _wecom_fault(given)
        if code:
            return _said(code, "refused")
        if not key.endswith("-fast") and self._pace.is_too_fast(key, self._clock.now()):
            return _said(45009, "api freq out of limit")
        await _keep(self._deliveries, "wecom_robot", "wecom", request, given or {})
        return _said(0, "ok")


class DingtalkRobots:
    """POST /robot/send?access_token= (open.dingtalk.com, custom robots): signed, with a keyword, 20 a minute.

    Without timestamp and sign the text must hold KEYWORD. A token ending in -fast has no pace.
    """

    def __init__(self, deliveries: Deliveries, faults: Faults, clock: Clock) -> None:
        self._deliveries, self._faults, self._clock = deliveries, faults, clock
        self._pace = _Pace()

    async def __call__(self, request: Request) -> Answer | Broken:
        if request.path != "/dingtalk/robot/send" or request.method != "POST":
            return json_answer(404, {"errcode": 404})
        fault = self._faults.take("http", "dingtalk_robot")
        return await around(fault, lambda inside: self._take(request, inside))

    async def _take(self, request: Request, fault: Fault | None) -> Answer:
        token = request.query.get("access_token", "")
        if token.removesuffix("-fast") != DINGTALK_TOKEN:
            return _said(300001, "token is not exist")
        if request.content_type != "application/json":
            return _said(43004, "invalid http header, content-type must be application/json")
        given = _read(request.body)
        if given is None:
            return _said(40035, "param error")
        code, why = self._is_theirs(request, given)
        if code == 0:
            code, why = _dingtalk_fault(given)
        if code == 0 and not token.endswith("-fast") and self._pace.is_too_fast(token, self._clock.now()):
            code, why = 130101, "send too fast"
        if code:
            return _said(code, why)
        await _keep(self._deliveries, "dingtalk_robot", "dingtalk", request, given)
        return _said(0, "ok")

    def _is_theirs(self, request: Request, given: Mapping[str, Any]) -> tuple[int, str]:
        """DingTalk asks for one of: a signature, a keyword, a known IP. All fail with 310000."""
        if "sign" not in request.query and "timestamp" not in request.query:
            return (0, "") if KEYWORD in json.dumps(given, ensure_ascii=False) else (310000, "keywords not in content")
        timestamp = request.query.get("timestamp", "")
        if not timestamp.isdigit() or abs(self._clock.now() * 1000 - int(timestamp)) > STALE_MS:
            return 310000, "invalid timestamp"
        signed = hmac.new(DINGTALK_SECRET.encode(), f"{timestamp}\n{DINGTALK_SECRET}".encode(), hashlib.sha256)
        right = base64.b64encode(signed.digest()).decode()
        return (0, "") if hmac.compare_digest(right, request.query.get("sign", "")) else (310000, "sign not match")


def _wecom_fault(given: Mapping[str, Any]) -> int:
    """The errcode for a message that the robot does not take."""
    kind = given.get("msgtype")
    inner = given.get(kind) if isinstance(kind, str) else None
    if not isinstance(inner, Mapping):
        return 40008
    match kind:
        case "text" | "markdown":
            text, most = str(inner.get("content") or ""), 2048 if kind == "text" else 4096
            return 44004 if not text else 45002 if len(text.encode()) > most else 0
        case "news":
            articles = inner.get("articles")
            right = isinstance(articles, list) and 1 <= len(articles) <= 8
            return 0 if right and all(one.get("title") and one.get("url") for one in articles or []) else 40058
        case "image":
            return _image_fault(inner)
    return 40008


def _image_fault(inner: Mapping[str, Any]) -> int:
    try:
        raw = base64.b64decode(str(inner.get("base64") or ""), validate=True)
    except binascii.Error:
        return 40058
    if not raw.startswith((_JPG, _PNG)) or hashlib.md5(raw, usedforsecurity=False).hexdigest() != inner.get("md5"):
        return 301019
    return 40009 if len(raw) > 2 << 20 else 0


def _dingtalk_fault(given: Mapping[str, Any]) -> tuple[int, str]:
    kind = given.get("msgtype")
    inner = given.get(kind) if isinstance(kind, str) else None
    if kind not in ("text", "markdown", "link", "feedCard") or not isinstance(inner, Mapping):
        return 400106, "msgtype is error"
    needed = {"text": ("content",), "markdown": ("title", "text"), "link": ("title", "text", "messageUrl")}
    if not all(inner.get(name) for name in needed.get(kind, ("links",))):
        return 40035, "param error"
    if len(json.dumps(given, ensure_ascii=False).encode()) > 20_000:
        return 460101, "message too long"
    return 0, ""


async def _keep(deliveries: Deliveries, channel: str, plays: str, request: Request, given: Mapping[str, Any]) -> None:
    kind = str(given["msgtype"])
    inner = given[kind]
    shown = {"text": str(inner.get("content") or inner.get("text") or kind), "msgtype": kind}
    address = (request.query.get("key") or request.query.get("access_token") or "")[:12]
    key = request.headers.get("x-sandbox-keys", "")
    message = {"key": key, "lane": "robot", "address": address, "body": shown}
    await deliveries.take(channel, plays, False, [message])


def _read(body: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(body)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _said(code: int, why: str) -> Answer:
    return json_answer(200, {"errcode": code, "errmsg": why})
