"""Tags on people, with who put them there and until when. All verbs work on sets.

A tag's number comes from `registry.names.ensure("tag", ...)` before the transaction. A tag holds while `until` is NULL
or later than now.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from automation.store.database import Transaction

# Given again, a tag lasts as long as the longer of both; one that had run out begins anew.
AGAIN = """
    ON CONFLICT (tag_id, person_id) DO UPDATE SET
        source = CASE WHEN person_tag.until <= :now THEN excluded.source ELSE person_tag.source END,
        since = CASE WHEN person_tag.until <= :now THEN excluded.since ELSE person_tag.since END,
        until = CASE WHEN person_tag.until IS NULL OR excluded.until IS NULL THEN NULL
                     WHEN person_tag.until > excluded.until THEN person_tag.until ELSE excluded.until END"""
COLUMNS = "tag_id, person_id, source, since, until"


@dataclass(frozen=True, slots=True)
class Tagging:
    """`source` says who gave it: import, cli, journey:NAME, staff:NAME. `until`: UTC seconds, None for ever."""

    tag_id: int
    source: str
    until: int | None = None


def add(tx: Transaction, now: int, tagging: Tagging, people: Iterable[int]) -> None:
    rows = [
        {"tag": tagging.tag_id, "person": person, "source": tagging.source, "until": tagging.until, "now": now}
        for person in people
    ]
    add_rows(tx, rows)


def add_rows(tx: Transaction, rows: Sequence[Mapping[str, Any]]) -> None:
    """Rows of tag, person, source, until, now: many tags on many people at once."""
    if rows:
        tx.many(
            f"INSERT INTO person_tag ({COLUMNS}) VALUES (:tag, :person, :source, :now, :until) {AGAIN}", map(dict, rows)
        )


def remove(tx: Transaction, tag_id: int, people: Sequence[int]) -> int:
    """Takes the tag from them; how many had it."""
    sql = f"DELETE FROM person_tag WHERE tag_id = :tag AND person_id IN (SELECT id FROM {tx.dialect.ids('people')} g)"
    return tx.run(sql, tag=tag_id, people=tx.dialect.array(people))


def expire(tx: Transaction, now: int, limit: int = 5000) -> int:
    """Drops tags that have run out, at most `limit`: they stopped counting at `until`, this only tidies. Rows gone."""
    sql = """
        DELETE FROM person_tag WHERE until <= :now AND (tag_id, person_id) IN (
            SELECT tag_id, person_id FROM person_tag
            WHERE until IS NOT NULL AND until <= :now ORDER BY until LIMIT :limit)"""
    return tx.run(sql, now=now, limit=limit)
