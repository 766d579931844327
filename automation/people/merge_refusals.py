"""Refusals given while two people were one: nobody knows which of them said no, so it holds for both when they part."""

from __future__ import annotations

from automation.store.database import Transaction

from . import consents

HEARD = "consent_heard"  # in merge_move: the last word of the log before the two became one
MARK = (
    "INSERT INTO merge_move (merge_id, tbl, row_id)"
    f" SELECT CAST(:merge AS BIGINT), '{HEARD}', coalesce(max(id), 0) FROM consent_log"
)
COLUMNS = ("channel", "purpose", "granted", "source", "at", "text_version", "evidence")
REFUSED = (
    f"SELECT {', '.join(COLUMNS)} FROM consent_log WHERE person_id = :kept AND granted = 0"
    f" AND id > (SELECT row_id FROM merge_move WHERE merge_id = :merge AND tbl = '{HEARD}') ORDER BY id"
)


def mark(tx: Transaction, merge_id: int) -> None:
    """Remembers which words were said before the merge."""
    tx.run(MARK, merge=merge_id)


def hold_for_both(tx: Transaction, merge_id: int, kept: int, gone: int) -> None:
    """Call it when both have their own words of before again; of those a newer one still holds."""
    refusals = [dict(zip(COLUMNS, row, strict=True)) for row in tx.rows(REFUSED, merge=merge_id, kept=kept)]
    if not refusals:
        return
    tx.many(consents.PUT, [word | {"person_id": person} for person in (kept, gone) for word in refusals])
    tx.many(consents.LOG, [word | {"person_id": gone} for word in refusals])
