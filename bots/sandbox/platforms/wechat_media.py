"""Pictures of the sandbox's WeChat: temporary material for three days, and material that stays."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from email.message import Message
from email.parser import BytesParser
from email.policy import HTTP
from typing import Any, Final

from bots.sandbox.http_edge import Request
from bots.sandbox.platforms.wechat_world import Account, Fail

DAYS_KEPT: Final = 3 * 86_400
BIGGEST: Final = 10 << 20
OURS: Final = "sbmedia_"  # how ids begin that were given here; others are taken as they come
_SIGNS: Final = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF87a", b"GIF89a")


def upload(account: Account, request: Request, now: int) -> Mapping[str, Any]:
    """media/upload."""
    media = _taken(account, request, now + DAYS_KEPT)
    return {"type": "image", "media_id": media, "created_at": now}


def add_material(account: Account, request: Request, now: int) -> Mapping[str, Any]:
    """material/add_material."""
    media = _taken(account, request, None)
    return {"media_id": media, "url": f"http://mmbiz.qpic.cn/sandbox/{media}"}


def check(account: Account, media: object, now: int, stays: bool = False) -> str:
    """The id of a picture that a message may show. `stays`: only material that does."""
    if not isinstance(media, str) or not media or media.startswith(("unknown", "expired")):
        raise Fail(40007, "invalid media_id")
    if media.startswith(OURS):
        until = account.media.get(media, 0)
        if until is not None and (stays or until <= now):
            raise Fail(40007, "invalid media_id")
    return media


def _taken(account: Account, request: Request, until: int | None) -> str:
    if request.query.get("type") != "image":
        raise Fail(40004, "invalid media type")
    content = _file(request)
    if not content.startswith(_SIGNS):
        raise Fail(40005, "invalid file type")
    if len(content) > BIGGEST:
        raise Fail(40006, "invalid media size")
    seed = b"%s %d" % (account.appid.encode(), account.next())
    media = OURS + hashlib.sha256(seed + content).hexdigest()[:32]
    account.media[media] = until
    return media


def _file(request: Request) -> bytes:
    """The one file of the form, whose field is called media and which has a name."""
    kind = request.headers.get("content-type", "")
    if not kind.startswith("multipart/form-data"):
        raise Fail(41005, "media data missing")
    whole: Any = BytesParser(policy=HTTP).parsebytes(
        b"Content-Type: %s\r\n\r\n" % kind.encode("latin-1") + request.body
    )
    parts: list[Message] = list(whole.iter_parts())
    for part in parts:
        if part.get_param("name", header="content-disposition") == "media" and part.get_filename():
            content = part.get_payload(decode=True)
            if isinstance(content, bytes) and content:
                return content
    raise Fail(41005, "media data missing")
