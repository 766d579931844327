"""Followers of the pretended official account, made to act: they follow, write, click and allow; WeChat calls back.

Ours, not WeChat's: `POST /wechat/_callback {"url", "appid"?, "token"?, "aes_key"?, "mode"?}` says where callbacks go
(and tries the address as the console does), `POST /wechat/_act {"do": ..., "openid": ...}` makes something happen.
Callbacks are signed, encrypted and repeated as WeChat's are; what is answered to the customer is shown as a message.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Final, Literal, Self
from urllib.parse import urlencode
from xml.sax.saxutils import escape

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from automation.kernel.hooks import Forgery, Unreadable
from bots import callback_crypto as crypto
from bots import callback_xml as xml
from bots.sandbox import calling
from bots.sandbox.deliveries import Deliveries
from bots.sandbox.http_edge import Answer, Request
from bots.sandbox.platforms.wechat_stage import PRETENDED
from bots.sandbox.platforms.wechat_world import Account, World
from bots.sandbox.playing import json_answer

TOKEN: Final = "pretendtoken"  # noqa: S105
AES_KEY: Final = "pretendpretendpretendpretendpretendpretend0"
ADMIN: Final = "oSANDBOX0001"  # reports of mass messages name an administrator
OURS: Final = "gh_sandbox"  # what the account calls itself in a callback
UNHEARD: Final = "nobody was called: register the address of `run.py channels list` with POST /wechat/_callback"
SAID, BRIEF = (5, 172_800), (3, 60)  # answers and seconds that a message and a click, a scan, a follow allow
Members = Mapping[str, Any]


class Callback(BaseModel):
    """Where the callbacks of an account go, and what they are signed and encrypted with (服务器配置)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: str
    appid: str = PRETENDED
    token: str = TOKEN
    aes_key: str = AES_KEY
    mode: Literal["safe", "compatible", "plain"] = "safe"


class Act(BaseModel):
    """One deed. `again`: the same request is sent so many times more, as after an answer that was lost.

    `text`: of a message; `key`: of a menu button, a scene or a menu message; `template`, `status`: of reports and
    grants; `members`: of any `event`, as they are to stand in it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    do: Literal["follow", "unfollow", "scan", "say", "send", "click", "view", "menu_message", "report", "mass_report",
                "allow", "refuse", "used", "event"]  # fmt: skip
    appid: str = PRETENDED
    openid: str = ""
    text: str = ""
    kind: str = "image"
    key: str = ""
    template: str = ""
    status: str = "success"
    message: str = ""
    members: dict[str, Any] = Field(default_factory=dict)
    again: Annotated[int, Field(ge=0, le=10)] = 0

    @model_validator(mode="after")
    def _somebody(self) -> Self:
        if not self.openid and self.do != "mass_report":
            raise PydanticCustomError("openid", "openid is due: whose deed it is, such as oCUSTOMER0001")
        return self


@dataclass(slots=True)
class Callbacks:
    """Answers /wechat/_callback and /wechat/_act."""

    world: World
    deliveries: Deliveries
    _known: dict[str, Callback] = field(default_factory=dict)
    _number: int = 0

    async def __call__(self, request: Request) -> Answer:
        if request.method != "POST" or request.content_type != "application/json":
            return json_answer(415, {"error": "POST application/json"})
        try:
            if request.path.endswith("/_callback"):
                return await self._register(Callback.model_validate_json(request.body))
            return await self._act(Act.model_validate_json(request.body))
        except ValidationError as error:
            return json_answer(422, {"error": json.loads(error.json(include_input=False, include_url=False))})
        except calling.NotHere:
            return json_answer(422, {"error": "callbacks go to http addresses of this machine only"})

    async def _register(self, callback: Callback) -> Answer:
        """Kept only where the address echoes, as in the console."""
        echo = hashlib.sha256(self._nonce().encode()).hexdigest()[:19]
        query = self._query(callback) | {"echostr": echo}
        heard = await calling.call(_joined(callback.url, query), b"", {}, method="GET", tries=1)
        verified = heard[-1].status == 200 and heard[-1].body == echo.encode()
        self._known[callback.appid] = callback
        return json_answer(200, {"verified": verified, "status": heard[-1].status})

    async def _act(self, act: Act) -> Answer:
        now = self.deliveries.now
        account = self.world.account(act.appid)
        members: dict[str, Any] = {**_DEEDS[act.do](account, act, now), "CreateTime": now, **act.members}
        if "MsgType" not in members:
            members = {"MsgType": "event", **members}
        elif members["MsgType"] != "event":
            # of the time, too: numbers that a restart begins anew would look like repeats of what was said before it
            members = {**members, "MsgId": now * 10_000_000 + account.next() % 10_000_000}
        callback = self._known.get(act.appid)
        if callback is None:
            return json_answer(200, {"heard": [], "said": "", "hint": UNHEARD})
        document = _xml({"ToUserName": OURS, "FromUserName": act.openid or ADMIN, **members})
        url, body = self._sealed(callback, document.encode())
        heard: list[calling.Heard] = []
        for _ in range(act.again + 1):
            heard += await calling.call(url, body, {"Content-Type": "text/xml"})
        said = [_said(callback, one.body) for one in heard if one.status == 200]
        if said and said[0]:
            await self._show(act, said[0])
        return json_answer(200, {"heard": [one.status for one in heard], "said": said[0] if said else "", "all": said})

    async def _show(self, act: Act, text: str) -> None:
        """A passive reply reaches the customer like any message."""
        message = {"key": self._nonce(), "lane": "passive_reply", "address": act.openid, "body": {"text": text}}
        await self.deliveries.take(act.appid, "wechat", False, [message])

    def _sealed(self, callback: Callback, document: bytes) -> tuple[str, bytes]:
        """Address and body of one request."""
        if callback.mode == "plain":
            return _joined(callback.url, self._query(callback)), document
        sealed = crypto.Envelope(callback.aes_key, callback.appid).seal(document)
        query = self._query(callback, sealed) | {"encrypt_type": "aes"}
        inside = _xml({"ToUserName": OURS, "Encrypt": sealed})
        if callback.mode == "compatible":
            inside = document.decode().removesuffix("</xml>") + inside.removeprefix("<xml>")
        return _joined(callback.url, query), inside.encode()

    def _query(self, callback: Callback, *covered: str) -> dict[str, str]:
        timestamp, nonce = str(self.deliveries.now), self._nonce()
        query = {"signature": crypto.sign(callback.token, timestamp, nonce), "timestamp": timestamp, "nonce": nonce}
        return query | ({"msg_signature": crypto.sign(callback.token, timestamp, nonce, *covered)} if covered else {})

    def _nonce(self) -> str:
        self._number += 1
        return hashlib.sha256(f"{self.deliveries.now} {self._number}".encode()).hexdigest()[:10]


def _follow(account: Account, act: Act, now: int) -> Members:
    account.follow(act.openid, now, act.key)
    account.open(act.openid, *BRIEF, now)
    return {"Event": "subscribe", "EventKey": f"qrscene_{act.key}" if act.key else ""}


def _unfollow(account: Account, act: Act, now: int) -> Members:
    account.unfollow(act.openid)
    return {"Event": "unsubscribe", "EventKey": ""}


def _scan(account: Account, act: Act, now: int) -> Members:
    account.open(act.openid, *BRIEF, now)
    return {"Event": "SCAN", "EventKey": act.key, "Ticket": "sandbox"}


def _say(account: Account, act: Act, now: int) -> Members:
    account.open(act.openid, *SAID, now)
    return {"MsgType": "text", "Content": act.text}


def _send(account: Account, act: Act, now: int) -> Members:
    """A message that is no text: image, voice, video, location, link."""
    account.open(act.openid, *SAID, now)
    return {"MsgType": act.kind, "MediaId": "sandbox-media"}


def _click(account: Account, act: Act, now: int) -> Members:
    account.open(act.openid, *BRIEF, now)
    return {"Event": "CLICK", "EventKey": act.key}


def _view(account: Account, act: Act, now: int) -> Members:
    return {"Event": "VIEW", "EventKey": act.key}


def _menu_message(account: Account, act: Act, now: int) -> Members:
    account.open(act.openid, *BRIEF, now)
    return {"MsgType": "text", "Content": act.text, "bizmsgmenuid": act.key}


def _report(account: Account, act: Act, now: int) -> Members:
    return {"Event": "TEMPLATESENDJOBFINISH", "MsgID": act.message, "Status": act.status}


def _mass_report(account: Account, act: Act, now: int) -> Members:
    counts = dict.fromkeys(("TotalCount", "FilterCount", "SentCount"), 1) | {"ErrorCount": 0}
    return {"Event": "MASSSENDJOBFINISH", "MsgID": act.message, "Status": act.status, **counts}


def _allow(account: Account, act: Act, now: int) -> Members:
    known = account.follow(act.openid, now)
    known.grants[act.template] = known.grants.get(act.template, 0) + 1
    return _granted("subscribe_msg_popup_event", "SubscribeMsgPopupEvent", act.template, "accept")


def _refuse(account: Account, act: Act, now: int) -> Members:
    account.follow(act.openid, now).grants[act.template] = 0
    return _granted("subscribe_msg_change_event", "SubscribeMsgChangeEvent", act.template, "reject")


def _used(account: Account, act: Act, now: int) -> Members:
    entry = {"TemplateId": act.template, "MsgID": act.message, "ErrorCode": 0, "ErrorStatus": act.status}
    return {"Event": "subscribe_msg_sent_event", "SubscribeMsgSentEvent": {"List": entry}}


def _event(account: Account, act: Act, now: int) -> Members:
    return {}


def _granted(event: str, name: str, template: str, status: str) -> Members:
    entry = {"TemplateId": template, "SubscribeStatusString": status, "PopupScene": 2}
    return {"Event": event, name: {"List": entry}}


_DEEDS: Final[Mapping[str, Callable[[Account, Act, int], Members]]] = {
    "follow": _follow, "unfollow": _unfollow, "scan": _scan, "say": _say, "send": _send, "click": _click,
    "view": _view, "menu_message": _menu_message, "report": _report, "mass_report": _mass_report, "allow": _allow,
    "refuse": _refuse, "used": _used, "event": _event,
}  # fmt: skip


def _joined(url: str, query: Mapping[str, str]) -> str:
    return f"{url}{'&' if '?' in url else '?'}{urlencode(query)}"


def _xml(members: Members) -> str:
    return f"<xml>{_inside(members)}</xml>"


def _inside(value: Any) -> str:
    """Numbers bare, words in CDATA, as WeChat writes them."""
    if isinstance(value, Mapping):
        return "".join(f"<{escape(str(name))}>{_inside(one)}</{escape(str(name))}>" for name, one in value.items())
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "".join(f"<item>{_inside(one)}</item>" for one in value)
    if isinstance(value, int):
        return str(value)
    return "<![CDATA[" + str(value).replace("]]>", "]]]]><![CDATA[>") + "]]>"


def _said(callback: Callback, body: bytes) -> str:
    """The text of a passive reply, "" for none; "!" and the reason for what WeChat would not understand."""
    if body in (b"", b"success"):
        return ""
    try:
        found = xml.read(body)
        sealed = xml.word(found, "Encrypt")
        if sealed:
            parts = (xml.word(found, "TimeStamp"), xml.word(found, "Nonce"), sealed)
            crypto.check_signature(xml.word(found, "MsgSignature"), callback.token, *parts)
            found = xml.read(crypto.Envelope(callback.aes_key, callback.appid).open(sealed))
    except (Forgery, Unreadable) as error:
        return f"! {type(error).__name__}"
    return xml.word(found, "Content")
