"""Where tracked links lead: each address once, sealed, found by a keyed hash; checked before it is stored.

A token names a row of this table, so no address of the web is ever taken from a request: there is nothing to redirect
elsewhere. Addresses made for one person hold codes, so a copy of the database must not tell them.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection, Mapping
from threading import Lock

from automation.people.sealing import Vault
from automation.store.database import Store

MOST = 2048  # characters of an address
KEPT = 20_000  # known ones in memory
SLICE = 500  # rows of one transaction
_WEB = re.compile(r"https?://[^\s/?#\"'<>\\@]+(?:[/?#][^\s\"'<>\\]*)?", re.IGNORECASE)
_CONTROL = re.compile("[\x00-\x20\x7f-\x9f\u2028\u2029]")


def is_web(url: str) -> bool:
    """Whether a browser may be sent there: http or https, a host, no name or password in it, nothing ends a header."""
    return len(url) <= MOST and _WEB.fullmatch(url) is not None and _CONTROL.search(url) is None


class Targets:
    """The table and what this process knows of it. Serves many threads."""

    def __init__(self, store: Store, vault: Vault) -> None:
        self._store, self._vault = store, vault
        self._hash = hashlib.blake2b(digest_size=16, key=vault.link_key, person=b"target")
        self._numbers: dict[str, int] = {}
        self._urls: dict[int, str] = {}
        self._lock = Lock()

    def numbers(self, urls: Collection[str], now: int) -> Mapping[str, int]:
        """The number of each address, stored where it is new. ValueError for one that is no address of the web."""
        found = {url: number for url in urls if (number := self._numbers.get(url)) is not None}
        if missing := [url for url in dict.fromkeys(urls) if url not in found]:
            for url in missing:
                if not is_web(url):
                    raise ValueError("no address of the web")
            digests = {self._digest(url): url for url in missing}
            known = self._find(digests)
            self._store_new({digest: url for digest, url in digests.items() if digest not in known}, now)
            if len(known) < len(digests):
                known = self._find(digests)
            fresh = {url: known[digest] for digest, url in digests.items()}
            self._remember(fresh)
            found |= fresh
        return found

    def url(self, number: int) -> str | None:
        """The address of a number; None where there is none."""
        known = self._urls.get(number)
        if known is None:
            row = self._store.row("SELECT digest, sealed FROM link_target WHERE id = :id", id=number)
            if row is None:
                return None
            known = self._vault.open(row[1], context(row[0]))
            self._remember({known: number})
        return known

    def _find(self, digests: Collection[str]) -> dict[str, int]:
        given = self._store.dialect.each("digests", {"digest": "TEXT"})
        sql = f"SELECT t.digest, t.id FROM {given} AS given {self._store.dialect.join_in_order} link_target t"
        rows = self._store.rows(f"{sql} ON t.digest = given.digest", digests=json.dumps([[one] for one in digests]))
        return {str(digest): int(number) for digest, number in rows}

    def _store_new(self, new: Mapping[str, str], now: int) -> None:
        digests = sorted(new)  # two processes that store the same ones meet in the same order
        sealed = self._vault.seal_many([new[one] for one in digests], [context(one) for one in digests])
        rows = [{"digest": one, "sealed": box, "at": now} for one, box in zip(digests, sealed, strict=True)]
        for start in range(0, len(rows), SLICE):
            with self._store.write() as tx:
                tx.many(
                    "INSERT INTO link_target (digest, sealed, at) VALUES (:digest, :sealed, :at) ON CONFLICT DO"
                    " NOTHING",
                    rows[start : start + SLICE],
                )

    def _remember(self, known: Mapping[str, int]) -> None:
        with self._lock:
            if len(self._numbers) + len(known) > KEPT:
                self._numbers, self._urls = {}, {}
            self._numbers.update(known)
            self._urls.update((number, url) for url, number in known.items())

    def _digest(self, url: str) -> str:
        state = self._hash.copy()
        state.update(url.encode())
        return state.hexdigest()


def context(digest: str) -> bytes:
    """What a sealed address is bound to."""
    return b"link" + digest.encode()
