"""Writes chunks, several in one transaction that also books how far the import came.

Rows that are written together share pages of the large indexes, so larger transactions are cheaper; but whoever else
wants to write waits for the chunk at hand only, and chunks are small from then on. A row that the database refuses goes
to the rejects file and takes nothing with it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Generic, TypeAlias

from automation.store.database import Store, Transaction
from automation.store.faults import BadStatement, is_away

from .ahead import Ahead
from .jobs import Job, Tally, advance, claim
from .options import Watch
from .pace import Pace
from .rejects import Reject, RejectsFile
from .workers import Outcome, Prepared, Raw, Ready, Worker

TOGETHER = 10  # chunks of one transaction while nobody else wants to write
PATIENCE = 0.005  # seconds in which somebody who wants to write is noticed, while we wait for the reader

Write: TypeAlias = Callable[[Transaction], Outcome]


@dataclass(frozen=True, slots=True)
class Steps(Generic[Prepared]):
    """Of one import."""

    _store: Store
    _worker: Worker[Prepared]
    _job: Job
    _rejects: RejectsFile
    _now: int
    _watch: Watch
    _pace: Pace

    def take(self, chunks: Ahead[Ready[Prepared]], tally: Tally) -> Tally | None:
        """Writes as many chunks as may be written at once; None where there was none."""
        first = next(chunks, None)
        if first is None:
            return None
        self._worker.name(first.prepared)
        begun: list[Raw] = []
        try:
            return self._several(first, chunks, tally, begun)
        except BadStatement as error:
            if is_away(error):
                raise
        for raw in begun:
            with self._store.write() as tx:
                tally = self._book(tx, raw, tally, partial(self._carefully, chunk=raw))
        return tally

    def _several(self, first: Ready[Prepared], chunks: Ahead[Ready[Prepared]], tally: Tally, begun: list[Raw]) -> Tally:
        """Without savepoints, which keep a copy of every page: a value the database refuses undoes the whole."""
        chunk = first
        with self._store.write() as tx:
            while True:
                begun.append(chunk.raw)
                write = partial(self._worker.write, now=self._now, prepared=chunk.prepared)
                tally = self._book(tx, chunk.raw, tally, write)
                if len(begun) == TOGETHER or not self._may_go_on(chunks):
                    return tally
                chunk = next(chunks)

    def _may_go_on(self, chunks: Ahead[Ready[Prepared]]) -> bool:
        """Whether the next chunk may go into the same transaction; waits for it while nobody else wants to write."""
        while not self._store.turnstile.wanted():
            if chunks.wait(PATIENCE):
                self._pace.slowed(False)
                following = chunks.peek()
                return following is not None and self._worker.named(following.prepared)
        self._pace.slowed(True)
        return False

    def _book(self, tx: Transaction, chunk: Raw, before: Tally, write: Write) -> Tally:
        claim(tx, self._job, before)
        self._worker.tables(tx)
        outcome = write(tx)
        if self._watch.after_chunk:
            self._watch.after_chunk(tx)
        rejects = chunk.rejects + _refused(chunk, outcome)
        rejects.sort(key=lambda reject: reject.line)
        after = Tally(
            rows=before.rows + chunk.size,
            created=before.created + outcome.created,
            updated=before.updated + chunk.good - outcome.created - len(outcome.refused),
            merged=before.merged + outcome.merged,
            rejected=before.rejected + len(rejects),
            blank=before.blank + chunk.blank,
            rejects_length=self._rejects.write(rejects, before.rejects_length),
        )
        advance(tx, self._job, after)
        return after

    def _carefully(self, tx: Transaction, chunk: Raw) -> Outcome:
        return self._part(tx, [cells for _, cells in chunk.good_rows()])

    def _part(self, tx: Transaction, rows: list[list[str]]) -> Outcome:
        """The database refused a value in these rows, or in others: halves of them, until the one row stands alone."""
        prepared = self._worker.prepare(rows).prepared
        try:
            with tx.savepoint():
                return self._worker.write(tx, self._now, prepared)
        except BadStatement as error:
            if is_away(error):
                raise
            if len(rows) == 1:
                return Outcome(refused=[(0, f"the database refused it ({type(error).__name__})")])
        half = len(rows) // 2
        first, second = self._part(tx, rows[:half]), self._part(tx, rows[half:])
        return Outcome(
            first.created + second.created,
            first.merged + second.merged,
            first.refused + [(half + position, reason) for position, reason in second.refused],
        )


def _refused(chunk: Raw, outcome: Outcome) -> list[Reject]:
    if not outcome.refused:
        return []
    rows = chunk.good_rows()
    return [Reject(rows[position][0], reason, rows[position][1]) for position, reason in outcome.refused]
