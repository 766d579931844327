"""What a merge does with the journeys of two people: runs move with what hangs on them; of two at once one ends."""

from __future__ import annotations

import json

from automation.store.database import Transaction
from automation.store.states import OPEN_MESSAGES, MessageState, RunState

REASON = "merged"
STOPPED = "stopped"  # the status of a journey, and why the runs end that were inside
ENDED = ("state", "due", "held_due", "goal_until", "ended_at", "reason")
WITHDRAWABLE = f"({MessageState.QUEUED:d}, {MessageState.CLAIMED:d})"
REACHING = ", ".join(f"{state:d}" for state in (*OPEN_MESSAGES, MessageState.SENT))  # all but what nobody will read
HANGING = ("message", "coupon", "points", "effect")  # tables of what a run did to its person
OF_GONE = (
    "g.journey_id IN (SELECT id FROM journey) AND g.person_id = :gone"  # through the key that begins with the journey
)
OF_KEPT = "SELECT 1 FROM run k WHERE k.journey_id = g.journey_id AND k.person_id = :kept AND k.key = g.key"
# A second run of one occasion would write to the same person twice: of two the earlier one is further on.
LATE = f"""
    SELECT k.id, k.episode, {", ".join(f"k.{name}" for name in ENDED)} FROM run g JOIN run k
        ON k.journey_id = g.journey_id AND k.person_id = :kept AND k.key = g.key AND k.episode = g.episode
    WHERE {OF_GONE} AND k.state = {RunState.INSIDE:d}
    AND (g.state = {RunState.ENDED:d} OR g.entered_at < k.entered_at)"""
# So would two live runs in one journey and key.
COLLIDING = f"""
    SELECT g.id, {", ".join(f"g.{name}" for name in ENDED)} FROM run g WHERE {OF_GONE} AND g.state = {RunState.INSIDE:d}
    AND EXISTS ({OF_KEPT} AND (k.state = {RunState.INSIDE:d} OR k.episode = g.episode))"""
SAME_OCCASION = f"SELECT g.id, g.episode FROM run g WHERE {OF_GONE} AND EXISTS ({OF_KEPT} AND k.episode = g.episode)"
TWICE = f"""
    SELECT m.id FROM run r JOIN run o ON o.journey_id = r.journey_id AND o.person_id = :other AND o.key = r.key
        AND o.episode = r.episode
    JOIN message m ON m.run_id = r.id AND m.state IN {WITHDRAWABLE}
    JOIN message s ON s.run_id = o.id AND s.step = m.step AND s.visit = m.visit AND s.state IN ({REACHING})
    WHERE r.journey_id IN (SELECT id FROM journey) AND r.person_id = :person"""
WITHDRAW = f"""
    UPDATE message SET state = {MessageState.CANCELLED:d}, reason = '{REASON}', due = NULL, done_at = :now,
        lease_until = NULL, token = NULL, counted_at = NULL"""
RUNS = f"SELECT g.id FROM run g WHERE {OF_GONE}"
MESSAGES = f"SELECT id FROM message WHERE run_id IN ({RUNS}) AND person_id = :gone"
LOG = (
    "INSERT INTO merge_move (merge_id, tbl, row_id, before) VALUES (:merge, :tbl, :row, :before) ON CONFLICT DO NOTHING"
)
LOGGED = "SELECT row_id, before FROM merge_move WHERE merge_id = :merge AND tbl = :tbl"
RETURNED = "person_id = :kept AND run_id IN (SELECT row_id FROM merge_move WHERE merge_id = :merge AND tbl = 'run')"
STILL_OUT = (  # whoever was kept may have entered anew since
    "NOT EXISTS (SELECT 1 FROM run o WHERE o.journey_id = run.journey_id AND o.person_id = run.person_id"
    f" AND o.key = run.key AND o.state = {RunState.INSIDE:d})"
)


def move(tx: Transaction, now: int, merge_id: int, kept: int, gone: int) -> None:
    """Ends what collides, withdraws what one person would read twice, then moves runs and messages, each logged."""
    late = tx.rows(LATE, kept=kept, gone=gone)
    for run, _, *before in late:
        _end(tx, now, merge_id, run, before)
    for person, other in ((gone, kept), (kept, gone)):  # while both have one word for the occasion
        tx.run(f"{WITHDRAW} WHERE id IN ({TWICE})", now=now, person=person, other=other)
    for run, episode, *_ in late:
        _rename(tx, merge_id, run, episode)
    for run, *before in tx.rows(COLLIDING, kept=kept, gone=gone):
        _end(tx, now, merge_id, run, before)
    for run, episode in tx.rows(SAME_OCCASION, kept=kept, gone=gone):
        _rename(tx, merge_id, run, episode)
    messages = [row[0] for row in tx.rows(MESSAGES, gone=gone)]
    runs = [row[0] for row in tx.rows(RUNS, gone=gone)]
    for table, ids in (("message", messages), ("run", runs)):
        if ids:
            tx.many(LOG, [{"merge": merge_id, "tbl": table, "row": number, "before": None} for number in ids])
            move_rows(tx, table, merge_id, gone, kept)


def _end(tx: Transaction, now: int, merge_id: int, run: int, before: list[object]) -> None:
    text = json.dumps(dict(zip(ENDED, before, strict=True)))
    tx.run(LOG, merge=merge_id, tbl="run_ended", row=run, before=text)
    tx.run(
        "UPDATE run SET state = :ended, due = NULL, held_due = NULL, goal_until = NULL, ended_at = :now,"
        " reason = :reason WHERE id = :id",
        id=run, ended=int(RunState.ENDED), now=now, reason=REASON,
    )  # fmt: skip
    tx.run(f"{WITHDRAW} WHERE run_id = :id AND state IN {WITHDRAWABLE}", id=run, now=now)


def _rename(tx: Transaction, merge_id: int, run: int, episode: str) -> None:
    """One person has one run of an occasion: the other gets a word of its own for it."""
    tx.run(LOG, merge=merge_id, tbl="run_episode", row=run, before=episode)
    tx.run("UPDATE run SET episode = :word WHERE id = :id", id=run, word=f"{episode} merged {merge_id}.{run}")


def move_back(tx: Transaction, now: int, merge_id: int, kept: int, gone: int) -> int:
    """Undoes `move`, and takes what the runs did since along; returns the points they booked since.

    A run that was ended lives again, unless its journey was stopped; withdrawn messages stay withdrawn: silence is the
    safe side.
    """
    for table in ("message", "run"):
        move_rows(tx, table, merge_id, kept, gone)
    for run, episode in tx.rows(LOGGED, merge=merge_id, tbl="run_episode"):
        tx.run("UPDATE run SET episode = :episode WHERE id = :id", id=run, episode=episode)
    earned = tx.value(f"SELECT coalesce(sum(delta), 0) FROM points WHERE {RETURNED}", merge=merge_id, kept=kept)
    for table in HANGING:
        tx.run(f"UPDATE {table} SET person_id = :gone WHERE {RETURNED}", merge=merge_id, kept=kept, gone=gone)
    _ask_again(tx, now, merge_id, gone)
    for run, text in tx.rows(LOGGED, merge=merge_id, tbl="run_ended"):
        _revive(tx, now, run, text)
    return int(earned)


def _ask_again(tx: Transaction, now: int, merge_id: int, gone: int) -> None:
    """A message that was claimed for an address of the other has to find one of its own."""
    tx.run(
        f"UPDATE message SET state = {MessageState.QUEUED:d}, due = :now, lease_until = NULL, token = NULL,"
        f" counted_at = NULL WHERE state = {MessageState.CLAIMED:d} AND person_id = :gone"
        " AND run_id IN (SELECT row_id FROM merge_move WHERE merge_id = :merge AND tbl = 'run')"
        " AND identity_id IN (SELECT id FROM identity WHERE person_id <> :gone)",
        now=now, merge=merge_id, gone=gone,
    )  # fmt: skip


def _revive(tx: Transaction, now: int, run: int, text: str) -> None:
    before = json.loads(text)
    if tx.value("SELECT j.status FROM run r JOIN journey j ON j.id = r.journey_id WHERE r.id = :id", id=run) == STOPPED:
        before |= {"state": int(RunState.ENDED), "due": None, "held_due": None, "ended_at": now, "reason": STOPPED}
    sets = ", ".join(f"{name} = :{name}" for name in ENDED)
    tx.run(
        f"UPDATE run SET {sets} WHERE id = :id AND reason = :now_reason AND {STILL_OUT}",
        id=run, now_reason=REASON, **before,
    )  # fmt: skip
    # Nobody stood in its version any more, so it may have been put away.
    tx.run("UPDATE version SET retired_at = NULL WHERE id = (SELECT version_id FROM run WHERE id = :id)", id=run)


def move_rows(tx: Transaction, table: str, merge_id: int, source: int, target: int) -> None:
    """Hands the logged rows of a table that still belong to `source` to `target`."""
    tx.run(
        f"UPDATE {table} SET person_id = :target WHERE person_id = :source"
        f" AND id IN (SELECT row_id FROM merge_move WHERE merge_id = :merge AND tbl = :tbl)",
        source=source, target=target, merge=merge_id, tbl=table,
    )  # fmt: skip
