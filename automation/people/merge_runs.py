"""What a merge does with the journeys of two people: runs move with what hangs on them; of two at once one ends."""

from __future__ import annotations

import json

from automation.store import occasions
from automation.store.database import Transaction
from automation.store.dialect import Dialect
from automation.store.states import OPEN_MESSAGES, MessageState, RunState

REASON = occasions.MERGED
STOPPED = "stopped"  # the status of a journey, and why the runs end that were inside
ENDED = ("state", "due", "held_due", "goal_until", "ended_at", "reason")
WITHDRAWABLE = f"({MessageState.QUEUED:d}, {MessageState.CLAIMED:d})"
REACHING = ", ".join(f"{state:d}" for state in (*OPEN_MESSAGES, MessageState.SENT))  # all but what nobody will read
HANGING = ("message", "coupon", "points", "effect")  # tables of what a run did to its person
WITHDRAW = f"""
    UPDATE message SET state = {MessageState.CANCELLED:d}, reason = '{REASON}', due = NULL, done_at = :now,
        lease_until = NULL, token = NULL, counted_at = NULL"""
RUNS = "SELECT g.id FROM run g WHERE g.journey_id IN (SELECT id FROM journey) AND g.person_id = :gone"
MESSAGES = f"SELECT id FROM message WHERE run_id IN ({RUNS}) AND person_id = :gone"
LOG = (
    "INSERT INTO merge_move (merge_id, tbl, row_id, before) VALUES (:merge, :tbl, :row, :before) ON CONFLICT DO NOTHING"
)
LOGGED = "SELECT row_id, before FROM merge_move WHERE merge_id = :merge AND tbl = :tbl"
RETURNED = "person_id = :kept AND run_id IN (SELECT row_id FROM merge_move WHERE merge_id = :merge AND tbl = 'run')"
TO_BEGIN_ANEW = (  # the places in line of runs that went back
    "person_id = :kept AND journey_id IN (SELECT id FROM journey) AND EXISTS (SELECT 1 FROM run r"
    " WHERE r.person_id = :gone AND r.journey_id = entrant.journey_id AND r.key = entrant.key"
    f" AND r.state = {RunState.INSIDE:d} AND {occasions.takes_place_of('entrant.episode', 'r')})"
)
STILL_OUT = (  # whoever was kept may have entered anew since
    "NOT EXISTS (SELECT 1 FROM run o WHERE o.journey_id = run.journey_id AND o.person_id = run.person_id"
    f" AND o.key = run.key AND o.state = {RunState.INSIDE:d})"
)


def move(tx: Transaction, now: int, merge_id: int, kept: int, gone: int) -> None:
    """Ends what collides, withdraws what one person would read twice, then moves runs and messages, each logged."""
    late = tx.rows(_late(tx.dialect), kept=kept, gone=gone)
    for run, _, *before in late:
        _end(tx, now, merge_id, run, before)
    for person, other in ((gone, kept), (kept, gone)):
        tx.run(f"{WITHDRAW} WHERE id IN ({_twice(tx.dialect)})", now=now, gone=person, kept=other)
    for run, episode, *_ in late:
        _rename(tx, merge_id, run, episode)
    for run, *before in tx.rows(_colliding(tx.dialect), kept=kept, gone=gone):
        _end(tx, now, merge_id, run, before)
    for run, episode in tx.rows(_same_word(tx.dialect), kept=kept, gone=gone):
        _rename(tx, merge_id, run, episode)
    messages = [row[0] for row in tx.rows(MESSAGES, gone=gone)]
    runs = [row[0] for row in tx.rows(RUNS, gone=gone)]
    for table, ids in (("message", messages), ("run", runs)):
        if ids:
            tx.many(LOG, [{"merge": merge_id, "tbl": table, "row": number, "before": None} for number in ids])
            move_rows(tx, table, merge_id, gone, kept)


def _late(dialect: Dialect) -> str:
    """The runs of the one who is kept that are of one occasion with a run of the other that is further on: they would
    write to the same person twice."""
    return (
        f"SELECT DISTINCT k.id, k.episode, {', '.join(f'k.{name}' for name in ENDED)} {_pairs(dialect)}"
        f" WHERE k.state = {RunState.INSIDE:d} AND {_same_occasion(dialect)} AND {_is_stay('g')}"
        f" AND (g.state = {RunState.ENDED:d} OR {_is_ahead()})"
    )


def _colliding(dialect: Dialect) -> str:
    """The live runs of the one who is gone that the kept one has another of: live, or of the same occasion."""
    return (
        f"SELECT DISTINCT g.id, {', '.join(f'g.{name}' for name in ENDED)} {_pairs(dialect)}"
        f" WHERE g.state = {RunState.INSIDE:d}"
        f" AND (k.state = {RunState.INSIDE:d} OR {_is_stay('k')} AND {_same_occasion(dialect)})"
    )


def _twice(dialect: Dialect) -> str:
    """The messages that wait in a run of `gone` while `kept` has the same, read or still to be read, in one of the
    same occasion."""
    then = dialect.join_in_order
    return (
        f"SELECT m.id {_pairs(dialect)} {then} message m ON m.run_id = g.id AND m.state IN {WITHDRAWABLE}"
        f" {then} message s ON s.run_id = k.id AND s.step = m.step AND s.visit = m.visit AND s.state IN ({REACHING})"
        f" WHERE {_same_occasion(dialect)}"
    )


def _same_word(dialect: Dialect) -> str:
    """The runs of the one who is gone that have the same word for their occasion as one of the kept's."""
    return f"SELECT g.id, g.episode {_pairs(dialect)} WHERE k.episode = g.episode"


def _pairs(dialect: Dialect) -> str:
    """FROM: the runs `g` of the one who is gone beside those of the one who is kept, `k`, in the same journey and key.
    The index of a person's runs begins with the journey."""
    then = dialect.join_in_order
    return (
        f"FROM journey j {then} run g ON g.journey_id = j.id AND g.person_id = :gone"
        f" {then} run k ON k.journey_id = j.id AND k.person_id = :kept AND k.key = g.key"
    )


def _same_occasion(dialect: Dialect) -> str:
    """Whether the runs `g` and `k` are of one occasion. Where everybody is in the journey but once, all runs are."""
    ours, theirs = (occasions.occasion(dialect, f"{run}.episode") for run in "gk")
    return f"(j.once = 1 OR {ours} = {theirs})"


def _is_ahead() -> str:
    """Whether the run `g` is further on than `k`: it came first, but one that was left behind by an edit that the other
    began anew by would lead past the same steps again."""
    behind = (
        f"{occasions.is_anew(f'{new}.episode')} AND {new}.version_id = j.live_version"
        f" AND {old}.version_id <> j.live_version"
        for new, old in ("gk", "kg")
    )
    return "CASE WHEN {} THEN 1 = 1 WHEN {} THEN 1 = 0 ELSE g.entered_at < k.entered_at END".format(*behind)


def _is_stay(run: str) -> str:
    return f"coalesce({run}.reason, '') NOT IN {occasions.NO_STAY}"


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
    tx.run("UPDATE run SET episode = :word WHERE id = :id", id=run, word=occasions.merged(episode, merge_id, run))


def move_back(tx: Transaction, now: int, merge_id: int, kept: int, gone: int) -> int:
    """Undoes `move`, and takes what the runs did since along; returns the points they booked since.

    A run that was ended lives again, unless its journey was stopped; withdrawn messages stay withdrawn: silence is the
    safe side.
    """
    for table in ("message", "run"):
        move_rows(tx, table, merge_id, kept, gone)
    tx.run(f"UPDATE entrant SET person_id = :gone WHERE {TO_BEGIN_ANEW}", kept=kept, gone=gone)
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
