"""From a rendered text to what WeCom's interface takes: a task's, a welcome's, an app message's members.

Lengths are checked here, in bytes of UTF-8 as WeCom counts, so that a text too long stops itself and no other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from automation.kernel.ports import Body, Json
from bots.wecom import limits

Members = dict[str, Json]


class BadContent(Exception):
    """A text WeCom would refuse. `code` says why, with none of its words."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def for_customers(body: Body) -> Members:
    """`text` and `attachments` of a task (92135) or a welcome (92137)."""
    text, attached = _text(body), _attachments(body)
    if not text and not attached:
        raise BadContent("empty")
    if len(text.encode("utf-8", "replace")) > limits.TEXT_BYTES:
        raise BadContent("text_too_long")
    if len(attached) > limits.ATTACHMENTS:
        raise BadContent("too_many_attachments")
    made: Members = {"text": {"content": text}} if text else {}
    if attached:
        made["attachments"] = [_attachment(kind, one) for kind, one in attached]
    return made


def for_employees(body: Body) -> Members:
    """`msgtype` and its member of an app message (90236): text, a card with one link, news, or an image."""
    text, attached = _text(body), _attachments(body)
    kinds = [kind for kind, _ in attached]
    if not attached:
        return _plain(text)
    if kinds == ["link"] and text:
        link = attached[0][1]
        card = {"title": _word(link, "title"), "description": _cut(text, 512), "url": _word(link, "url")}
        return {"msgtype": "textcard", "textcard": card}
    if set(kinds) == {"link"} and not text and len(kinds) <= 8:
        return {"msgtype": "news", "news": {"articles": [_article(one) for _, one in attached]}}
    if kinds == ["image"] and not text:
        return {"msgtype": "image", "image": {"media_id": _word(attached[0][1], "media")}}
    raise BadContent("not_for_employees")


def _plain(text: str) -> Members:
    if not text:
        raise BadContent("empty")
    if len(text.encode("utf-8", "replace")) > limits.APP_TEXT_BYTES:
        raise BadContent("text_too_long")
    return {"msgtype": "text", "text": {"content": text}}


def _article(link: Mapping[str, Any]) -> dict[str, Json]:
    made: dict[str, Json] = {"title": _word(link, "title"), "url": _word(link, "url")}
    return made | _given(link, {"description": "description", "picture": "picurl"})


def _attachment(kind: str, one: Mapping[str, Any]) -> dict[str, Json]:
    if kind == "link":
        link: dict[str, Json] = {"title": _word(one, "title"), "url": _word(one, "url")}
        return {"msgtype": "link", "link": link | _given(one, {"picture": "picurl", "description": "desc"})}
    if kind == "image":
        media = _word(one, "media")
        place = "pic_url" if media.startswith(("https://", "http://")) else "media_id"
        return {"msgtype": "image", "image": {place: media}}
    program = {"title": "title", "appid": "appid", "page": "page", "picture": "pic_media_id"}
    return {"msgtype": "miniprogram", "miniprogram": {theirs: _word(one, ours) for ours, theirs in program.items()}}


def _attachments(body: Body) -> list[tuple[str, Mapping[str, Any]]]:
    given = body.get("attachments") or []
    if not isinstance(given, Sequence) or isinstance(given, str):
        raise BadContent("attachments")
    found = []
    for one in given:
        if not isinstance(one, Mapping) or len(one) != 1:
            raise BadContent("attachments")
        ((kind, inner),) = one.items()
        if kind not in ("link", "image", "mini_program") or not isinstance(inner, Mapping):
            raise BadContent("attachments")
        found.append((kind, inner))
    return found


def _text(body: Body) -> str:
    text = body.get("text") or ""
    if not isinstance(text, str):
        raise BadContent("text")
    return text


def _word(members: Mapping[str, Any], name: str) -> str:
    value = members.get(name)
    if not isinstance(value, str) or not value:
        raise BadContent(f"no_{name}")
    return value


def _given(members: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Json]:
    return {theirs: _word(members, ours) for ours, theirs in names.items() if members.get(ours)}


def _cut(text: str, size: int) -> str:
    """WeCom cuts a card's description at `size` bytes; here never inside a character."""
    return text.encode("utf-8", "replace")[:size].decode("utf-8", "ignore")
