"""`POST /api/events` and `/api/customers`: who sends, once and only once, one or many, and what became of each."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from automation.store.database import Transaction

from . import bodies, customers, events, forms
from .context import JSON, Context, busy, closing, document, refusal
from .keys import Keys, unknown
from .shop import Shop
from .writer import Full, Kind, Unwritable, Write

MOST: Final = 4 << 20  # bytes of a request
MOST_KEY: Final = 200  # characters of an Idempotency-Key
STATUSES: Final = ("added", "known", "created", "updated", "unchanged")
ONE: Final = {status: f'{{"status":"{status}"}}'.encode() for status in STATUSES}


@dataclass(frozen=True, slots=True)
class Sort:
    """What can be sent. `many`: the key of a batch. `together`: how many are written in one transaction."""

    many: str
    read: Callable[[Shop, str, int, Any, str | None], Any]
    chunk: Callable[[Shop, tuple[Any, ...]], Any]
    kind: Kind
    together: int


EVENTS: Final = Sort("events", events.read, events.Chunk, events.EventKind(), 200)
CUSTOMERS: Final = Sort("customers", customers.read, customers.Chunk, customers.CustomerKind(), 50)


@dataclass(frozen=True, slots=True)
class _Asked:
    """One request of a known sender. `key`: its Idempotency-Key, "" for none; `digest`: of what it says."""

    source: str
    key: str
    digest: str
    body: bytes


class Api:
    """For the loop's thread."""

    def __init__(self, context: Context, keys: Keys) -> None:
        self._context, self._keys = context, keys
        self._at_work: set[tuple[str, str]] = set()

    def endpoint(self, sort: Sort) -> Callable[[Request], Any]:
        async def take(request: Request) -> Response:
            put_off = self._context.put_off(request)
            if put_off is not None:
                return put_off
            source = self._keys.sender(request)
            if source is None:
                self._context.wrong(request)
                return unknown(request)
            try:
                return await self._asked(sort, source, request)
            except bodies.TooLarge as error:
                said = refusal(413, "too_large", f"at most {error.most >> 20} MB: send several requests")
                return closing(said) if error.is_endless else said
            except bodies.TooSlow:
                return closing(refusal(408, "too_slow", "the body did not arrive in time"))
            except bodies.NotJson as error:
                return refusal(400, "not_json", str(error), "body")
            except forms.Wrong as error:
                return document({"error": error.problem}, 422)
            except Full:
                return busy()

        return take

    async def _asked(self, sort: Sort, source: str, request: Request) -> Response:
        key = request.headers.get("idempotency-key", "")
        if len(key) > MOST_KEY or not (key.isascii() and key.isprintable()):
            return refusal(400, "bad_key", f"at most {MOST_KEY} ASCII characters", "Idempotency-Key")
        body = await bodies.whole(request, MOST)
        if not key:
            return await self._work(sort, _Asked(source, "", "", body))
        asked = _Asked(source, key, hashlib.sha256(sort.many.encode() + b"\0" + body).hexdigest(), body)
        if (source, key) in self._at_work:
            return refusal(409, "at_work", "a request with this key is being worked on", "Idempotency-Key", again=1)
        self._at_work.add((source, key))
        try:
            return await self._once(sort, asked)
        finally:
            self._at_work.discard((source, key))

    async def _once(self, sort: Sort, asked: _Asked) -> Response:
        """The answer given to this key before, or the work and its answer kept."""
        store = self._context.app.store
        known = await self._context.readers.run(
            lambda: store.row(
                "SELECT digest, status, answer FROM api_request WHERE source = :source AND key = :key",
                source=asked.source, key=asked.key,
            )
        )  # fmt: skip
        if known is not None:
            if known[0] != asked.digest:
                return refusal(409, "other_body", "this key was sent with another body", "Idempotency-Key")
            return Response(known[2], known[1], {"idempotency-replayed": "true"}, JSON)
        try:
            answer = await self._work(sort, asked)
        except forms.Wrong as error:
            answer = document({"error": error.problem}, 422)
        await self._context.writer.submit(REMEMBER, (asked, answer), len(answer.body))
        return answer

    async def _work(self, sort: Sort, asked: _Asked) -> Response:
        content = bodies.parse(asked.body)
        if not isinstance(content, dict):
            raise forms.Wrong("an object is due", "body")
        shop = await self._shop()
        now = self._context.now()
        if sort.many not in content:
            good = sort.read(shop, asked.source, now, content, asked.key or None)
            try:
                (status,) = await self._context.writer.submit(sort.kind, sort.chunk(shop, (good,)), len(asked.body))
            except Unwritable as error:
                raise forms.Wrong(str(error), "body", "unwritable") from None
            return Response(ONE[status], media_type=JSON)
        return await self._many(sort, shop, asked, content, now)

    async def _many(self, sort: Sort, shop: Shop, asked: _Asked, content: dict[str, Any], now: int) -> Response:
        items = _batch(sort, content)
        good: list[tuple[int, Any]] = []
        results: dict[int, dict[str, Any]] = {}
        for index, raw in enumerate(items):
            fallback = f"{asked.key}#{index}" if asked.key else None
            try:
                good.append((index, sort.read(shop, asked.source, now, raw, fallback)))
            except forms.Wrong as error:
                results[index] = _refused(index, error)
            if index % sort.together == sort.together - 1:
                await asyncio.sleep(0)  # others are answered meanwhile
        statuses = await self._store(sort, shop, [item for _, item in good], len(asked.body))
        for (index, _), status in zip(good, statuses, strict=True):
            unwritable = forms.Wrong("this cannot be stored", "", "unwritable")
            results[index] = _refused(index, unwritable) if status is None else {"index": index, "status": status}
        refused = sum(1 for one in results.values() if one["status"] == "refused")
        ordered = [results[index] for index in range(len(items))]
        return document(
            {"taken": len(items) - refused, "refused": refused, "results": ordered}, 207 if refused else 200
        )

    async def _store(self, sort: Sort, shop: Shop, items: Sequence[Any], size: int) -> list[str | None]:
        """The status of each, None for one that cannot be written."""
        slices = [tuple(items[start : start + sort.together]) for start in range(0, len(items), sort.together)]
        share = size // max(1, len(slices))
        futures: list[asyncio.Future[Any]] = []
        try:
            for part in slices:
                futures.append(self._context.writer.submit(sort.kind, sort.chunk(shop, part), share))
        except Full:
            await asyncio.gather(*futures, return_exceptions=True)
            raise
        found: list[str | None] = []
        for part, future in zip(slices, await asyncio.gather(*futures, return_exceptions=True), strict=True):
            if isinstance(future, Unwritable):
                found += await self._apart(sort, shop, part)
            elif isinstance(future, BaseException):
                raise future
            else:
                found += future
        return found

    async def _apart(self, sort: Sort, shop: Shop, part: Sequence[Any]) -> list[str | None]:
        """One of them cannot be written: the others are."""
        if len(part) == 1:
            return [None]
        middle = len(part) // 2
        found: list[str | None] = []
        for half in (part[:middle], part[middle:]):
            try:
                found += await self._context.writer.submit(sort.kind, sort.chunk(shop, tuple(half)), 0)
            except Unwritable:
                found += await self._apart(sort, shop, half)
        return found

    async def _shop(self) -> Shop:
        current = self._context.current
        if current.is_stale:
            await self._context.readers.run(current.refresh)
        return current.shop


class _Remember:
    """Keeps the answers given to keys."""

    def prepare(self, now: int, items: Sequence[tuple[_Asked, Response]]) -> Write:
        rows = [
            {"source": asked.source, "key": asked.key, "digest": asked.digest, "status": answer.status_code,
             "answer": bytes(answer.body).decode(), "now": now}
            for asked, answer in items
        ]  # fmt: skip

        def write(tx: Transaction) -> Sequence[None]:
            tx.many(
                "INSERT INTO api_request (source, key, digest, status, answer, at)"
                " VALUES (:source, :key, :digest, :status, :answer, :now) ON CONFLICT DO NOTHING",
                rows,
            )
            return [None] * len(items)

        return write


REMEMBER: Final = _Remember()


def _batch(sort: Sort, content: dict[str, Any]) -> list[Any]:
    items = content[sort.many]
    if len(content) > 1:
        raise forms.Wrong(f"nothing stands beside {sort.many}", "body")
    if not isinstance(items, list) or not 1 <= len(items) <= forms.MOST:
        raise forms.Wrong(f"a list of 1 to {forms.MOST} is due", sort.many)
    return items


def _refused(index: int, error: forms.Wrong) -> dict[str, Any]:
    return {"index": index, "status": "refused", "error": error.problem}
