"""How far an import has come, written in the transaction of each chunk: after a kill it goes on exactly there."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from automation.kernel import errors
from automation.store.database import Store, Transaction


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
    """Begins a finished import anew."""
    with store.write() as tx:
        tx.run(
            "UPDATE import_job SET rows_done = 0, taken = 0, rejected = 0, state = NULL, started_at = :now,"
            " finished_at = NULL WHERE id = :id",
            id=job.id, now=now,
        )  # fmt: skip
    return Job(job.id, Tally(), False)


def advance(tx: Transaction, job: Job, before: Tally, after: Tally) -> None:
    """Books a chunk. Busy where another process booked the same one."""
    booked = tx.run(
        "UPDATE import_job SET rows_done = :rows, taken = :taken, rejected = :rejected, state = :state"
        " WHERE id = :id AND rows_done = :seen AND finished_at IS NULL",
        id=job.id, rows=after.rows, taken=after.created + after.updated, rejected=after.rejected, seen=before.rows,
        state=json.dumps(asdict(after)),
    )  # fmt: skip
    if not booked:
        raise errors.Busy("another process is importing this file")


def finish(store: Store, now: int, job: Job) -> None:
    with store.write() as tx:
        tx.run("UPDATE import_job SET finished_at = :now WHERE id = :id", id=job.id, now=now)
