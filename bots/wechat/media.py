"""Pictures that texts name by their file: uploaded to the account, and put into bodies by the id WeChat gave.

Temporary material for the conversation, gone after three days (media/upload). Mass messages take material that stays
(material/add_material): a mass message may wait for somebody's word longer than that.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from automation.kernel.ports import Body, Cache, Json
from bots import http, uploads
from bots.uploads import NotUploaded, Picture, Uploads
from bots.wechat import limits, reasons
from bots.wechat.calls import Calls
from bots.wechat.options import WechatOptions

TEMPORARY: Final = "/cgi-bin/media/upload"
FOR_EVER: Final = "/cgi-bin/material/add_material"
FILE: Final = "file"


class Media:
    """One account's. Serves many threads."""

    def __init__(self, calls: Calls, options: WechatOptions, cache: Cache) -> None:
        self._calls = calls
        account = f"{http.origin(options.base)} {options.id}"
        biggest = limits.PICTURE_BYTES
        self._short = Uploads(f"wechat media {account}", cache, self._upload_short, biggest)
        self._long = Uploads(f"wechat material {account}", cache, self._upload_long, biggest)

    def resolved(self, body: Body) -> Body:
        """The body with a media id in the place of every file. Raises NotUploaded."""
        found = body
        for place, path in _files(body):
            found = _with(found, place, self._of(place).id_of(path))
        return found

    def forget(self, body: Body, since: float) -> bool:
        """WeChat knows a picture of this body no longer (40007): it is uploaded again. Whether there is any. `since`:
        when the message was begun (Uploads.forget)."""
        files = list(_files(body))
        for place, path in files:
            self._of(place).forget(path, since)
        return bool(files)

    def _of(self, place: tuple[str, ...]) -> Uploads:
        return self._long if place[0] == "mass" else self._short

    def _upload_short(self, picture: Picture) -> tuple[str, int]:
        return self._upload(TEMPORARY, picture), limits.MEDIA_SECONDS

    def _upload_long(self, picture: Picture) -> tuple[str, int]:
        return self._upload(FOR_EVER, picture), limits.MATERIAL_SECONDS

    def _upload(self, path: str, picture: Picture) -> str:
        form, kind = uploads.multipart("media", picture)
        (answer,) = self._calls.post(path, [form], {"Content-Type": kind}, "type=image")
        if answer.is_refused:
            raise NotUploaded(reasons.refused(answer.code or 0))
        found = http.identity(answer.found, "media_id")
        if not found:
            raise NotUploaded(reasons.lost(answer.given))
        return found


PLACES: Final = (("image",), ("mini_program", "picture"), ("mass", "image"))


def _files(body: Body) -> Iterator[tuple[tuple[str, ...], str]]:
    """Where a file is named instead of a media id, and its path."""
    for place in PLACES:
        value: Any = body
        for step in place:
            value = value.get(step) if isinstance(value, Mapping) else None
        path = value.get(FILE) if isinstance(value, Mapping) else None
        if isinstance(path, str):
            yield place, path


def _with(body: Body, place: tuple[str, ...], known: str) -> dict[str, Json]:
    step, *rest = place
    inner = body.get(step)
    changed: Json = _with(inner, tuple(rest), known) if rest and isinstance(inner, Mapping) else known
    return {**body, step: changed}
