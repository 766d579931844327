"""A rendered body becomes what WeChat's interfaces take: one function a lane, each from our words to theirs.

doc/service/api: customer/message/api_sendcustommessage, notify/template/api_sendtemplatemessage,
notify/notify/api_sendnewsubscribemsg, message/mass/api_massmsgsend.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, TypeAlias

from automation.kernel.ports import Body, Denied, Message, Reason
from bots.wechat.limits import TEXT_BYTES
from bots.wechat.options import Template

Payload: TypeAlias = dict[str, Any]
Known: TypeAlias = Callable[[str], Template | None]
"""The shop's name of a template -> the template."""


class BadBody(Exception):
    """The body cannot be said in this lane; the outcome's code says why, in a word."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.outcome = Denied(Reason.BAD_CONTENT, code)


def customer_service(message: Message, body: Body) -> Payload:
    """The first part that the body has, in the order of PARTS; `body`: the message's, with media ids for files."""
    for part, build in PARTS.items():
        if part in body:
            kind, content = build(body[part])
            return {"touser": message.address, "msgtype": kind, kind: content}
    raise BadBody("no_part")


def template(message: Message, known: Known) -> Payload:
    """A template message, with the key under which WeChat drops a repeat for ten minutes."""
    part = _mapping(message.body.get("template"))
    found: Payload = {"touser": message.address, **_filled(part, known), "client_msg_id": message.idem_key}
    if part.get("url"):
        found["url"] = _text(part, "url")
    if part.get("mini_program"):
        program = _mapping(part["mini_program"])
        page = {"pagepath": _text(program, "page")} if program.get("page") else {}  # without: its first page
        found["miniprogram"] = {"appid": _text(program, "appid"), **page}
    return found


def subscribe(message: Message, known: Known) -> Payload:
    part = _mapping(message.body.get("subscribe"))
    found: Payload = {"touser": message.address, **_filled(part, known)}
    if part.get("page"):
        found["page"] = _text(part, "page")
    return found


def mass(body: Body) -> Payload:
    """What one mass message says, without its recipients. An article is a draft's media id."""
    part = _mapping(body.get("mass"))
    if "text" in part:
        return {"msgtype": "text", "text": {"content": _words(part, "text")}}
    if "article" in part:
        return {"msgtype": "mpnews", "mpnews": {"media_id": _media(part["article"])}, "send_ignore_reprint": 0}
    if "image" in part:
        return {"msgtype": "image", "image": {"media_id": _media(part["image"])}}
    raise BadBody("no_part")


def _said(part: Any) -> tuple[str, Payload]:
    return "text", {"content": _words({"text": part}, "text")}


def _news(part: Any) -> tuple[str, Payload]:
    news = _mapping(part)
    article = {"title": _text(news, "title"), "url": _text(news, "url")}
    article |= {theirs: _text(news, ours) for ours, theirs in _NEWS if news.get(ours)}
    return "news", {"articles": [article]}


def _image(part: Any) -> tuple[str, Payload]:
    return "image", {"media_id": _media(part)}


def _menu(part: Any) -> tuple[str, Payload]:
    menu = _mapping(part)
    options = menu.get("options")
    if not isinstance(options, Sequence) or isinstance(options, str) or not options:
        raise BadBody("malformed")
    listed = [{"id": _text(_mapping(one), "id"), "content": _text(_mapping(one), "content")} for one in options]
    head, tail = (_text(menu, name) if menu.get(name) else "" for name in ("head", "tail"))
    return "msgmenu", {"head_content": head, "list": listed, "tail_content": tail}


def _mini_program(part: Any) -> tuple[str, Payload]:
    card = _mapping(part)
    named = {theirs: _text(card, ours) for ours, theirs in _CARD}
    return "miniprogrampage", named


_NEWS: Final = (("description", "description"), ("picture", "picurl"))
_CARD: Final = (("title", "title"), ("appid", "appid"), ("page", "pagepath"), ("picture", "thumb_media_id"))
PARTS: Final[Mapping[str, Callable[[Any], tuple[str, Payload]]]] = MappingProxyType(
    {"text": _said, "news": _news, "image": _image, "menu": _menu, "mini_program": _mini_program}
)


def _filled(part: Mapping[str, Any], known: Known) -> Payload:
    template = known(_text(part, "key"))
    if template is None:
        raise BadBody("no_such_template")
    data = {name: _text(_mapping(part.get("data")), name) for name in _mapping(part.get("data"))}
    filled = template.filled(data)
    if filled is None:
        raise BadBody("field_missing")
    return {"template_id": template.id, "data": filled}


def _words(part: Mapping[str, Any], name: str) -> str:
    text = _text(part, name)
    if len(text.encode("utf-8", "replace")) > TEXT_BYTES:
        raise BadBody("too_long")
    return text


def _media(value: Any) -> str:
    """A media id, by itself or as {media: id}."""
    return _text({"media": value} if isinstance(value, str) else _mapping(value), "media")


def _text(part: Mapping[str, Any], name: str) -> str:
    value = part.get(name)
    if not isinstance(value, str) or not value:
        raise BadBody("malformed")
    return value


def _mapping(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise BadBody("no_part" if value is None else "malformed")
    return value
