"""How far an import has come, written in the transaction of each chunk: after a kill it goes on exactly there."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from automation.kernel import errors
from automation.store.database import Store, Transaction

TWICE = "another process is importing this file: let it end"


@dataclass(frozen=True, slots=True)
class Tally:
    """What the committed chunks amount to. `rejects_length`: bytes of the rejects file that belong to them."""

    rows: int = 0
    created: int = 0
    updated: int = 0
    merged: int = 0
    rejected: int = 0
    blank: int = 0
    rejects_length: int = 0


@dataclass(frozen=True, slots=True)
class Job:
    """One import of one file. `finished`: all of it was done before."""

    id: int
    tally: Tally
    finished: bool


def begin(store: Store, now: int, kind: str, file_hash: str, file_name: str) -> Job:
    """The import of this file, found where it was left or made."""
    with store.write() as tx:
        tx.run(
            "INSERT INTO import_job (kind, file_hash, file_name, started_at) VALUES (:kind, :hash, :name, :now)"
            " ON CONFLICT (kind, file_hash) DO NOTHING",
            kind=kind, hash=file_hash, name=file_name, now=now,
        )  # fmt: skip
        found = tx.row(
            "SELECT id, state, finished_at FROM import_job WHERE kind = :kind AND file_hash = :hash",
            kind=kind,
            hash=file_hash,
        )
    if found is None:
        raise LookupError("an import that was just made is gone")
    tally = Tally(**json.loads(found[1])) if found[1] else Tally()
    return Job(int(found[0]), tally, found[2] is not None)


def restart(store: Store, now: int, job: Job) -> Job:
    """Begins a finished import anew. Busy where another process has just begun it."""
    with store.write() as tx:
        begun = tx.run(
            "UPDATE import_job SET rows_done = 0, taken = 0, rejected = 0, state = NULL, started_at = :now,"
            " finished_at = NULL WHERE id = :id AND finished_at IS NOT NULL",
            id=job.id, now=now,
        )  # fmt: skip
    if not begun:
        raise errors.Busy(TWICE)
    return Job(job.id, Tally(), False)


def claim(tx: Transaction, job: Job, tally: Tally) -> None:
    """Until the end of the transaction the import is this process's: no other may touch its rejects file meanwhile.

    Busy where it is no longer where this process left it, for then another is at work on it.
    """
    ours = tx.run(
        "UPDATE import_job SET rows_done = :rows"
        " WHERE id = :id AND coalesce(state, '') = :state AND finished_at IS NULL",
        id=job.id, rows=tally.rows, state=_state(tally),
    )  # fmt: skip
    if not ours:
        raise errors.Busy(TWICE)


def advance(tx: Transaction, job: Job, tally: Tally) -> None:
    """Books what a chunk amounts to, of an import that was claimed."""
    tx.run(
        "UPDATE import_job SET rows_done = :rows, taken = :taken, rejected = :rejected, state = :state WHERE id = :id",
        id=job.id, rows=tally.rows, taken=tally.created + tally.updated, rejected=tally.rejected, state=_state(tally),
    )  # fmt: skip


def finish(store: Store, now: int, job: Job, tally: Tally) -> None:
    """Nothing where another process finished it, or began it anew."""
    with store.write() as tx:
        tx.run(
            "UPDATE import_job SET finished_at = :now"
            " WHERE id = :id AND coalesce(state, '') = :state AND finished_at IS NULL",
            id=job.id, now=now, state=_state(tally),
        )  # fmt: skip


def _state(tally: Tally) -> str:
    """As it is kept; nothing before the first chunk."""
    return json.dumps(asdict(tally)) if tally.rows else ""
