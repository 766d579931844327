"""From a rendered text to a robot's message: text, markdown, news or an image, with lengths in bytes of UTF-8."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Mapping, Sequence
from typing import Final

from automation.kernel.ports import Body, Json

TEXT_BYTES: Final = 2048
MARKDOWN_BYTES: Final = 4096
ARTICLES: Final = 8
IMAGE_BYTES: Final = 2 << 20
_JPG, _PNG = b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n"


class BadContent(Exception):
    """A message the robot would not take. `code` says why, with none of its words."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def payload(body: Body) -> dict[str, Json]:
    """`{"text"} | {"markdown"} | {"news": [...]} | {"image": base64}` as webhook/send takes it (99110)."""
    if body.get("markdown"):
        return {"msgtype": "markdown", "markdown": {"content": _text(body["markdown"], MARKDOWN_BYTES)}}
    if body.get("news"):
        return {"msgtype": "news", "news": {"articles": _articles(body["news"])}}
    if body.get("image"):
        return {"msgtype": "image", "image": _image(body["image"])}
    return {"msgtype": "text", "text": {"content": _text(body.get("text"), TEXT_BYTES)}}


def _text(value: Json, most: int) -> str:
    if not isinstance(value, str) or not value.strip():
        raise BadContent("empty")
    if len(value.encode("utf-8", "replace")) > most:
        raise BadContent("text_too_long")
    return value


def _articles(given: Json) -> list[Json]:
    if not isinstance(given, Sequence) or isinstance(given, str) or not 1 <= len(given) <= ARTICLES:
        raise BadContent("articles")
    return [_article(one) for one in given]


def _article(given: Json) -> dict[str, Json]:
    if not isinstance(given, Mapping) or not given.get("title") or not given.get("url"):
        raise BadContent("article")
    more: dict[str, Json] = {"description": given.get("description"), "picurl": given.get("picture")}
    return {"title": given["title"], "url": given["url"]} | {name: value for name, value in more.items() if value}


def _image(given: Json) -> dict[str, Json]:
    """Base64 of the file, and the MD5 of its raw bytes."""
    try:
        raw = base64.b64decode(given if isinstance(given, str) else "", validate=True)
    except (binascii.Error, ValueError):
        raise BadContent("image") from None
    if not raw.startswith((_JPG, _PNG)):
        raise BadContent("image_not_jpg_or_png")
    if len(raw) > IMAGE_BYTES:
        raise BadContent("image_too_large")
    return {"base64": base64.b64encode(raw).decode(), "md5": hashlib.md5(raw, usedforsecurity=False).hexdigest()}
