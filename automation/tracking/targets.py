"""Where tracked links lead: each once, its address sealed, found by a keyed hash; checked before it is stored.

A token names a row of this table, so no address of the web is ever taken from a request: there is nothing to redirect
elsewhere. Addresses made for one person hold codes, so a copy of the database must not tell them.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection, Mapping
from threading import Lock
from typing import NamedTuple
from urllib.parse import urlsplit

from automation.people.sealing import Vault
from automation.store.database import Store, Transaction

MOST = 2048  # characters of an address
KNOWN = 20_000  # of them in memory
SLICE = 500  # rows of one transaction
DAY = 86_400
MOST_LABEL = 100
KEPT = 400 * DAY  # seconds after the last message with a link was made: then whoever follows it finds no page
_WEB = re.compile(r"https?://[^\s/?#\"'<>\\@]+(?:[/?#][^\s\"'<>\\]*)?", re.IGNORECASE)
_CONTROL = re.compile("[\x00-\x20\x7f-\x9f\u2028\u2029]")


def is_web(url: str) -> bool:
    """Whether a browser may be sent there: http or https, a host, no name or password in it, nothing ends a header."""
    return len(url) <= MOST and _WEB.fullmatch(url) is not None and _CONTROL.search(url) is None


class Link(NamedTuple):
    """An address, and what a click on it is called: the author's name of it, else its host. Never a whole address,
    which may hold a code of one person."""

    url: str
    label: str


def of_host(url: str) -> Link:
    """A link that has no name."""
    return Link(url, (urlsplit(url).hostname or "")[:MOST_LABEL])


class Targets:
    """The table and what this process knows of it. Serves many threads."""

    def __init__(self, store: Store, vault: Vault) -> None:
        self._store, self._vault = store, vault
        self._hash = hashlib.blake2b(digest_size=16, key=vault.link_key, person=b"target")
        self._numbers: dict[Link, tuple[int, int]] = {}  # its number, and until when its row needs no new time
        self._links: dict[int, Link] = {}
        self._lock = Lock()

    def numbers(self, links: Collection[Link], now: int) -> Mapping[Link, int]:
        """The number of each link, stored where it is new. ValueError for one that leads to no address of the web."""
        known = {link: held for link in links if (held := self._numbers.get(link)) is not None and now < held[1]}
        found = {link: number for link, (number, _) in known.items()}
        if missing := [link for link in dict.fromkeys(links) if link not in found]:
            for link in missing:
                if not is_web(link.url):
                    raise ValueError("no address of the web")
            fresh = self._fresh({self._digest(link): link for link in missing}, now)
            self._remember(fresh, now)
            found |= fresh
        return found

    def link(self, number: int) -> Link | None:
        """The link of a number; None where there is none, or none any more."""
        known = self._links.get(number)
        if known is None:
            row = self._store.row("SELECT digest, sealed, label FROM link_target WHERE id = :id", id=number)
            if row is None:
                return None
            known = Link(self._vault.open(row[1], context(row[0])), row[2])
            with self._lock:
                self._make_room(1)
                self._links[number] = known
        return known

    def _fresh(self, links: Mapping[str, Link], now: int) -> dict[Link, int]:
        """By their digests. A row that nobody has used for a day is told that it is used."""
        found = self._find(links)
        due = {digest: link for digest, link in links.items() if now - found.get(digest, (0, now - DAY))[1] >= DAY}
        self._put(due, now)
        if due.keys() - found.keys():
            found = self._find(links)
        return {link: found[digest][0] for digest, link in links.items()}

    def _find(self, digests: Collection[str]) -> dict[str, tuple[int, int]]:
        """Numbers and times of their last use, within a day."""
        given = self._store.dialect.each("digests", {"digest": "TEXT"})
        sql = f"SELECT t.digest, t.id, t.at FROM {given} AS given {self._store.dialect.join_in_order} link_target t"
        rows = self._store.rows(f"{sql} ON t.digest = given.digest", digests=json.dumps([[one] for one in digests]))
        return {str(digest): (int(number), int(at)) for digest, number, at in rows}

    def _put(self, links: Mapping[str, Link], now: int) -> None:
        digests = sorted(links)  # two processes that store the same ones meet in the same order
        sealed = self._vault.seal_many([links[one].url for one in digests], [context(one) for one in digests])
        rows = [
            {"digest": one, "sealed": box, "label": links[one].label, "at": now}
            for one, box in zip(digests, sealed, strict=True)
        ]
        for start in range(0, len(rows), SLICE):
            with self._store.write() as tx:
                tx.many(
                    "INSERT INTO link_target (digest, sealed, label, at) VALUES (:digest, :sealed, :label, :at)"
                    " ON CONFLICT (digest) DO UPDATE SET at = excluded.at",
                    rows[start : start + SLICE],
                )

    def _remember(self, known: Mapping[Link, int], now: int) -> None:
        with self._lock:
            self._make_room(len(known))
            self._numbers.update((link, (number, now + DAY)) for link, number in known.items())
            self._links.update((number, link) for link, number in known.items())

    def _make_room(self, count: int) -> None:
        """Under the lock. Either way may fill it: links are made by one process and followed in another."""
        if max(len(self._numbers), len(self._links)) + count > KNOWN:
            self._numbers, self._links = {}, {}

    def _digest(self, link: Link) -> str:
        state = self._hash.copy()
        state.update(f"{link.label} {link.url}".encode())
        return state.hexdigest()


def prune(tx: Transaction, now: int, limit: int) -> int:
    """Forgets links that no message was made with for KEPT, at most `limit`; how many."""
    return tx.run(
        "DELETE FROM link_target WHERE id IN (SELECT id FROM link_target WHERE at < :before ORDER BY at LIMIT :limit)",
        before=now - KEPT, limit=limit,
    )  # fmt: skip


def context(digest: str) -> bytes:
    """What a sealed address is bound to."""
    return b"link" + digest.encode()
