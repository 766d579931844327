"""Indexes of people that a shop's files ask for, beside the schema, which is the same in every shop.

On SQLite nobody else can write while one is made (two or three seconds for a million people); PostgreSQL lets others
write, and waits for transactions that are older.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from hashlib import sha256

import peewee

from automation.kernel import clock

from .database import Store

log = logging.getLogger(__name__)
PREFIX = "attr_"
Tell = Callable[[str], None]
_SQLITE = f"SELECT name, 1 FROM sqlite_master WHERE type = 'index' AND substr(name, 1, {len(PREFIX)}) = :prefix"
# A making that was interrupted leaves an index behind that is not valid.
_POSTGRES = (
    "SELECT c.relname::text, i.indisvalid::int FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid"
    f" WHERE i.indrelid = 'person'::regclass AND substr(c.relname::text, 1, {len(PREFIX)}) = :prefix"
)


def differ(store: Store, wanted: Mapping[str, str]) -> bool:
    """Whether `bring` has something to do."""
    return _present(store) != {_name(expression): True for expression in wanted.values()}


def bring(store: Store, wanted: Mapping[str, str], tell: Tell = log.info) -> None:
    """Makes the indexes of person that are missing and drops those nobody asks for. `wanted`: title -> expression.

    One that cannot be made is a warning of the log: what it would have served is slower, and nothing else.
    """
    titles = {_name(expression): title for title, expression in wanted.items()}
    valid = _present(store)
    for name, whole in valid.items():
        if name not in titles or not whole:
            _alter(store, f"DROP INDEX {_aside(store)} {name}")
    for title, expression in wanted.items():
        if not valid.get(_name(expression)):
            _make(store, title, expression, tell)


def _make(store: Store, title: str, expression: str, tell: Tell) -> None:
    began = clock.monotonic()
    meanwhile = "whoever writes waits for it" if store.path else "it waits for transactions that are older"
    tell(f"the index of '{title}' is being made: {meanwhile}")
    try:
        _alter(store, f"CREATE INDEX {_aside(store)} {_name(expression)} ON person (({expression}))")
    except peewee.DatabaseError as error:
        log.warning("the index of '%s' could not be made, tried again at night: %s", title, type(error).__name__)
    else:
        tell(f"the index of '{title}' is made: {clock.monotonic() - began:.1f} s")


def _present(store: Store) -> dict[str, bool]:
    """Name -> whether it is whole."""
    rows = store.rows(_SQLITE if store.path else _POSTGRES, prefix=PREFIX)
    return {name: bool(whole) for name, whole in rows}


def _name(expression: str) -> str:
    """Another type or another spelling of the value is another index; a title may be too long for a name."""
    return PREFIX + sha256(expression.encode()).hexdigest()[:16]


def _alter(store: Store, sql: str) -> None:
    if store.path is None:
        store.connections.execute_sql(sql)  # outside of any transaction, as `aside` needs it
        return
    with store.write() as tx:
        tx.run(sql)


def _aside(store: Store) -> str:
    return "" if store.path else "CONCURRENTLY"
