"""Pictures of the shop at a platform: uploaded once, then named by the id the platform gave, until shortly before it
forgets them.

Shared in memory and over the shop's Cache, by what is in the file: two names of one picture are one upload, and a
picture that changed is another. However many messages wait for one, a process uploads it once.
"""

from __future__ import annotations

import hashlib
import logging
import os
import stat
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeAlias

from automation.kernel import errors, pictures
from automation.kernel.clock import monotonic
from automation.kernel.ports import Cache, Denied, Reason, Unknown

log = logging.getLogger(__name__)
TRUSTED: Final = 60.0  # seconds for which memory is believed before the Cache is looked at again
KEPT: Final = 256  # pictures that memory knows
FORGOTTEN: Final = "-"  # in the Cache: an id that the platform no longer knows


class NotUploaded(Exception):
    """There is no id to be had. `outcome`: what that means for every message with this picture: none was sent, so
    nothing is unknown."""

    def __init__(self, why: Denied | Unknown) -> None:
        gone = Denied(Reason.UNAVAILABLE, why.code, permanent=False)
        self.outcome = gone if isinstance(why, Unknown) else why
        super().__init__(f"no picture: {self.outcome.reason} {why.code}")


@dataclass(frozen=True, slots=True)
class Picture:
    """`kind`: png, jpeg or gif, by what is in it and not by its name."""

    kind: str
    content: bytes = field(repr=False)


class _Known(NamedTuple):
    """`since`: when memory first had this id; `until`: when the Cache is looked at again."""

    id: str
    since: float
    until: float


Upload: TypeAlias = Callable[[Picture], tuple[str, int]]
"""The platform's id and for how many seconds it knows it. Raises NotUploaded."""


class Uploads:
    """One account's pictures of one sort. Serves many threads."""

    def __init__(self, name: str, cache: Cache, upload: Upload, biggest: int) -> None:
        """`name`: in the Cache; another account or sort has another. `biggest`: bytes of a picture."""
        self._name, self._cache, self._upload, self._biggest = name, cache, upload, biggest
        self._lock = threading.Lock()
        self._digests: dict[tuple[str, int, int], str] = {}
        self._known: dict[str, _Known] = {}  # by digest
        self._failed: dict[str, tuple[int, Denied]] = {}  # digest -> the try that failed, and why
        self._tries = 0

    def id_of(self, path: str) -> str:
        """The id of the picture in a file. Raises NotUploaded."""
        seen = self._tries
        digest = self._digest(path)
        known = self._remembered(digest)
        if known:
            return known
        with self._lock:
            known = self._remembered(digest) or self._shared(digest)
            if known:
                return known
            number, why = self._failed.get(digest, (-1, None))
            if why is not None and number >= seen:  # it failed while we waited for it
                raise NotUploaded(why)
            return self._fresh(digest, path)

    def forget(self, path: str, since: float) -> None:
        """The platform no longer knows the picture: the next message uploads it again. `since`: when the id that failed
        was asked for, by the clock that never goes back; whoever failed with it too finds the new one, of this process
        or of another."""
        digest = self._digest(path)
        with self._lock:
            known = self._known.get(digest)
            if known is None or known.since > since:
                return
            del self._known[digest]
            if self._read_shared(digest) == known.id:
                self._share(digest, FORGOTTEN, 1)

    def _fresh(self, asked: str, path: str) -> str:
        """`asked`: the digest of what was in the file a moment ago; what is uploaded is kept under its own."""
        number, self._tries = self._tries, self._tries + 1
        try:
            picture = _read(path, self._biggest)
            found, seconds = self._upload(picture)
        except NotUploaded as error:
            _bound(self._failed)
            self._failed[asked] = (number, error.outcome)
            raise
        self._failed.pop(asked, None)
        digest = hashlib.sha256(picture.content).hexdigest()
        self._share(digest, found, seconds)
        self._keep(digest, found)
        return found

    def _digest(self, path: str) -> str:
        about = _about(path, self._biggest)
        key = (path, about.st_mtime_ns, about.st_size)
        found = self._digests.get(key)
        if found is None:
            found = hashlib.sha256(_read(path, self._biggest).content).hexdigest()
            _bound(self._digests)
            self._digests[key] = found
        return found

    def _remembered(self, digest: str) -> str:
        known = self._known.get(digest)
        return known.id if known is not None and monotonic() < known.until else ""

    def _keep(self, digest: str, found: str) -> None:
        now, before = monotonic(), self._known.get(digest)
        _bound(self._known)
        since = before.since if before is not None and before.id == found else now
        self._known[digest] = _Known(found, since, now + TRUSTED)

    def _shared(self, digest: str) -> str:
        found = self._read_shared(digest)
        if not found or found == FORGOTTEN:
            return ""
        self._keep(digest, found)
        return found

    def _read_shared(self, digest: str) -> str:
        try:
            return self._cache.get(f"{self._name} {digest}") or ""
        except errors.LuchengError as error:  # a picture can be uploaded without it
            log.warning("the shared cache cannot be read: %s", type(error).__name__)
            return ""

    def _share(self, digest: str, value: str, seconds: int) -> None:
        try:
            self._cache.put(f"{self._name} {digest}", value, seconds)
        except errors.LuchengError as error:
            log.warning("the shared cache cannot be written: %s", type(error).__name__)


def _bound(memory: dict[Any, Any]) -> None:
    """Before one more is put into it. Whatever is dropped is read, or asked for, again."""
    if len(memory) >= KEPT:
        memory.clear()


def multipart(name: str, picture: Picture) -> tuple[bytes, str]:
    """A form with one file, and its Content-Type (RFC 7578). The boundary is the file's hash: it cannot stand in it."""
    boundary = hashlib.sha256(picture.content).hexdigest()[:32]
    head = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"; filename="picture.{picture.kind}"\r\n'
        f"Content-Type: image/{picture.kind}\r\n\r\n"
    )
    body = head.encode("ascii") + picture.content + f"\r\n--{boundary}--\r\n".encode("ascii")
    return body, f"multipart/form-data; boundary={boundary}"


def _about(path: str, biggest: int) -> os.stat_result:
    try:
        about = Path(path).stat()
    except (OSError, ValueError):
        raise _bad("no_such_picture") from None
    if not stat.S_ISREG(about.st_mode):
        raise _bad("no_such_picture")
    if about.st_size > biggest:
        raise _bad("picture_too_large")
    return about


def _read(path: str, biggest: int) -> Picture:
    try:
        with Path(path).open("rb") as file:
            content = file.read(biggest + 1)
    except (OSError, ValueError):
        raise _bad("no_such_picture") from None
    if len(content) > biggest:
        raise _bad("picture_too_large")
    kind = pictures.kind_of(content)
    if not kind:
        raise _bad("no_picture")
    return Picture(kind, content)


def _bad(code: str) -> NotUploaded:
    return NotUploaded(Denied(Reason.BAD_CONTENT, code))
