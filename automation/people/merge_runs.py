"""What a merge does with the journeys of two people: runs move; where both stand in one, the second ends."""

from __future__ import annotations

import json

from automation.store.database import Transaction
from automation.store.states import MessageState, RunState

REASON = "merged"
ENDED = ("state", "due", "goal_until", "ended_at", "reason")
WITHDRAWABLE = f"({MessageState.QUEUED:d}, {MessageState.CLAIMED:d})"
OF_GONE = (
    "g.journey_id IN (SELECT id FROM journey) AND g.person_id = :gone"  # through the key that begins with the journey
)
# Two live runs in one journey and key would write to the same person twice.
COLLIDING = f"""
    SELECT g.id, {", ".join(f"g.{name}" for name in ENDED)} FROM run g WHERE {OF_GONE} AND g.state = {RunState.INSIDE:d}
    AND EXISTS (SELECT 1 FROM run k WHERE k.journey_id = g.journey_id AND k.person_id = :kept AND k.key = g.key
                AND k.state = {RunState.INSIDE:d})"""
# The rest stays with the one who is gone: the kept person has a run of the same occasion.
MOVABLE = f"""
    SELECT g.id FROM run g WHERE {OF_GONE} AND NOT EXISTS (
        SELECT 1 FROM run k WHERE k.journey_id = g.journey_id AND k.person_id = :kept AND k.key = g.key
        AND k.episode = g.episode)"""
SENT = "SELECT id FROM message WHERE person_id = :gone AND counted_at IS NOT NULL"
OTHERS = f"SELECT id FROM message WHERE run_id IN (SELECT g.id FROM run g WHERE {OF_GONE}) AND person_id = :gone"
LOG = (
    "INSERT INTO merge_move (merge_id, tbl, row_id, before) VALUES (:merge, :tbl, :row, :before) ON CONFLICT DO NOTHING"
)


def move(tx: Transaction, now: int, merge_id: int, kept: int, gone: int) -> None:
    """Ends what collides, then moves runs and messages, each logged."""
    for run, *before in tx.rows(COLLIDING, kept=kept, gone=gone):
        text = json.dumps(dict(zip(ENDED, before, strict=True)))
        tx.run(LOG, merge=merge_id, tbl="run_ended", row=run, before=text)
        tx.run(
            "UPDATE run SET state = :ended, due = NULL, goal_until = NULL, ended_at = :now, reason = :reason"
            " WHERE id = :id",
            id=run, ended=int(RunState.ENDED), now=now, reason=REASON,
        )  # fmt: skip
        tx.run(
            f"UPDATE message SET state = :cancelled, reason = :reason, due = NULL, lease_until = NULL, done_at = :now"
            f" WHERE run_id = :id AND state IN {WITHDRAWABLE}",
            id=run, cancelled=int(MessageState.CANCELLED), now=now, reason=REASON,
        )  # fmt: skip
    messages = [row[0] for sql in (SENT, OTHERS) for row in tx.rows(sql, gone=gone)]
    runs = [row[0] for row in tx.rows(MOVABLE, kept=kept, gone=gone)]
    for table, ids in (("message", messages), ("run", runs)):
        if ids:
            tx.many(LOG, [{"merge": merge_id, "tbl": table, "row": number, "before": None} for number in ids])
            move_rows(tx, table, merge_id, gone, kept)


def move_back(tx: Transaction, merge_id: int, kept: int, gone: int) -> None:
    """Undoes `move`. A run that was ended lives again; withdrawn messages stay withdrawn: silence is the safe side."""
    for table in ("message", "run"):
        move_rows(tx, table, merge_id, kept, gone)
    ended = tx.rows(
        "SELECT row_id, before FROM merge_move WHERE merge_id = :merge AND tbl = 'run_ended'", merge=merge_id
    )
    for run, text in ended:
        sets = ", ".join(f"{name} = :{name}" for name in ENDED)
        tx.run(
            f"UPDATE run SET {sets} WHERE id = :id AND reason = :now_reason",
            id=run,
            now_reason=REASON,
            **json.loads(text),
        )


def move_rows(tx: Transaction, table: str, merge_id: int, source: int, target: int) -> None:
    """Hands the logged rows of a table that still belong to `source` to `target`."""
    tx.run(
        f"UPDATE {table} SET person_id = :target WHERE person_id = :source"
        f" AND id IN (SELECT row_id FROM merge_move WHERE merge_id = :merge AND tbl = :tbl)",
        source=source, target=target, merge=merge_id, tbl=table,
    )  # fmt: skip
