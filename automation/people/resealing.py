"""Seals anew, under the key of now, what an older key sealed: slice by slice, while everything else goes on.

How far it came stands in the values themselves: each names its key. So it can be killed and called again at any time. A
value that was changed meanwhile is left as it is, and what was sealed meanwhile with the old key is found by the next
call.
"""

from __future__ import annotations

import base64
import binascii
import json
import logging
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from automation.kernel import errors
from automation.store.database import Statements, Store

from . import cache
from .fields import sealed_context
from .sealing import Vault, identity_context

log = logging.getLogger(__name__)

SLICE = 500  # rows of one transaction: some milliseconds


@dataclass(frozen=True, slots=True)
class Place:
    """A column of sealed values. `key`: the column that names its rows, `text` where that is no number. `bound`: the
    column whose value `context` takes to say what a value is bound to. `also`: what else changes with the value."""

    table: str
    column: str
    bound: str
    context: Callable[[Any], bytes]
    key: str = "id"
    text: bool = False
    also: str = ""

    @property
    def first(self) -> int | str:
        return "" if self.text else 0


@dataclass(frozen=True, slots=True)
class Documents:
    """A column of JSON with sealed members `{name: {"sealed": base64}}` somewhere in it, bound to their names."""

    table: str
    column: str


@dataclass(slots=True)
class Resealed:
    """`changed`: values that have the new key now. `unreadable`: no key we have opens them; they stay as they are."""

    changed: int = 0
    unreadable: int = 0
    where: Counter[str] = field(default_factory=Counter)


OF_PEOPLE = (
    Place("identity", "sealed", "lookup", identity_context, also=", key_id = :newest"),
    Place("cache", "sealed", "name", cache.context, key="name", text=True),
)
DOCUMENTS = (Documents("person", "attrs"), Documents("merge", "before"))


def keys_of(statements: Statements, places: Sequence[Place]) -> Counter[int]:
    """How many values each key has sealed. Reads all of the columns: a second for some millions."""
    found: Counter[int] = Counter()
    for one in places:
        head = f"substr({one.column}, 2, 1)"
        sql = f"SELECT {head}, count(*) FROM {one.table} WHERE {one.column} IS NOT NULL GROUP BY {head}"
        found.update({bytes(number)[0]: int(count) for number, count in statements.rows(sql) if bytes(number)})
    for _, text in _documents(statements):
        found.update(number for number in map(_key_of, _members(json.loads(text))) if number is not None)
    return found


def reseal(
    store: Store, vault: Vault, places: Sequence[Place], progress: Callable[[int], None] = lambda _: None
) -> Resealed:
    """Seals everything anew that another key than the newest sealed. `progress` is called with values done."""
    done = Resealed()
    for one in places:
        _reseal_place(store, vault, one, done, progress)
    for documents in DOCUMENTS:
        _reseal_documents(store, vault, documents, done, progress)
    return done


def _reseal_place(store: Store, vault: Vault, one: Place, done: Resealed, progress: Callable[[int], None]) -> None:
    read = (
        f"SELECT {one.key}, {one.column}, {one.bound} FROM {one.table} WHERE {one.key} > :after"
        f" AND {one.column} IS NOT NULL AND substr({one.column}, 2, 1) <> :newest ORDER BY {one.key} LIMIT {SLICE}"
    )
    kind, blob = "TEXT" if one.text else "BIGINT", store.dialect.blob
    temporary = f"fresh_{kind.lower()}"
    after = one.first
    while True:
        newest = vault.newest
        rows = store.rows(read, after=after, newest=bytes((newest,)))
        if not rows:
            return
        after = rows[-1][0]
        fresh = []
        for key, was, bound in rows:
            sealed = _fresh(vault, bytes(was), one.context(bound), one.table, done)
            if sealed is not None:
                fresh.append((key, bytes(was), sealed))
        with store.write() as tx:
            tx.temporary(temporary, f"id {kind}, was {blob}, sealed {blob}")
            tx.insert(temporary, ("id", "was", "sealed"), fresh)
            count = tx.run(
                f"UPDATE {one.table} SET {one.column} = {temporary}.sealed{one.also} FROM {temporary}"
                f" WHERE {one.table}.{one.key} = {temporary}.id AND {one.table}.{one.column} = {temporary}.was",
                **({"newest": newest} if one.also else {}),
            )
        _count(done, one.table, count, progress)


def _reseal_documents(
    store: Store, vault: Vault, one: Documents, done: Resealed, progress: Callable[[int], None]
) -> None:
    read = (
        f"SELECT id, {one.column} FROM {one.table} WHERE id > :after AND {one.column} LIKE '%\"sealed\"%' ORDER BY id"
        f" LIMIT {SLICE}"
    )
    after = 0
    while rows := store.rows(read, after=after):
        after = int(rows[-1][0])
        fresh = []
        for number, was in rows:
            document = json.loads(was)
            if count := _renew(vault, document, one.table, done):
                fresh.append((number, was, json.dumps(document, ensure_ascii=False), count))
        if not fresh:
            continue
        with store.write() as tx:
            tx.temporary("fresh_document", "id BIGINT, was TEXT, text TEXT")
            tx.insert("fresh_document", ("id", "was", "text"), [row[:3] for row in fresh])
            tx.run(
                f"UPDATE {one.table} SET {one.column} = fresh_document.text FROM fresh_document"
                f" WHERE {one.table}.id = fresh_document.id AND {one.table}.{one.column} = fresh_document.was"
            )
        _count(done, one.table, sum(row[3] for row in fresh), progress)


def _count(done: Resealed, table: str, count: int, progress: Callable[[int], None]) -> None:
    done.changed += count
    done.where[table] += count
    progress(done.changed)


def _fresh(vault: Vault, was: bytes, context: bytes, table: str, done: Resealed) -> bytes | None:
    try:
        return vault.resealed(was, context)
    except errors.Refused:
        done.unreadable += 1
        log.warning("a sealed value of %s cannot be opened and stays as it is", table)
        return None


def _renew(vault: Vault, document: Any, table: str, done: Resealed) -> int:
    """Seals the members of a document anew, in place; how many."""
    count = 0
    for name, member in _members(document):
        try:
            was = base64.b64decode(member["sealed"], validate=True)
        except binascii.Error:
            done.unreadable += 1
            continue
        sealed = _fresh(vault, was, sealed_context(name), table, done)
        if sealed is not None:
            member["sealed"] = base64.b64encode(sealed).decode()
            count += 1
    return count


def _members(document: Any) -> Iterator[tuple[str, dict[str, str]]]:
    """Every sealed member with its name, however deep."""
    if not isinstance(document, dict):
        return
    for name, member in document.items():
        if isinstance(member, dict) and set(member) == {"sealed"} and isinstance(member["sealed"], str):
            yield name, member
        else:
            yield from _members(member)


def _documents(statements: Statements) -> Iterator[tuple[int, str]]:
    for one in DOCUMENTS:
        after = 0
        while rows := statements.rows(
            f"SELECT id, {one.column} FROM {one.table} WHERE id > :after AND {one.column} LIKE '%\"sealed\"%'"
            f" ORDER BY id LIMIT {SLICE}",
            after=after,
        ):
            after = int(rows[-1][0])
            yield from rows


def _key_of(member: tuple[str, dict[str, str]]) -> int | None:
    try:
        return base64.b64decode(member[1]["sealed"], validate=True)[1]
    except (binascii.Error, IndexError):
        return None
