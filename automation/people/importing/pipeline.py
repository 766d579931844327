"""The way of every import: rows in chunks, written a few in one transaction that also books how far it came.

Rows that are written together share pages of the large indexes, so larger transactions are cheaper; but whoever else
wants to write waits for the chunk at hand only, and chunks are small from then on. What a chunk does is the worker's. A
row that cannot be read, or that the database refuses, goes to the rejects file and takes nothing with it.
"""

from __future__ import annotations

import gc
import hashlib
import marshal
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Generic, Protocol, TypeAlias, TypeVar

from automation.kernel import clock, errors
from automation.people.normalise import Unusable
from automation.store.database import PAGE, BadStatement, Store, Transaction, is_away

from . import jobs, text_files, workbooks
from .ahead import ahead
from .cells import cleaned
from .jobs import Job, Tally
from .options import MB, Options, Report, Watch
from .pace import Pace
from .rejects import Reject, RejectsFile
from .text_files import Row

HEAD = 10  # rows among which the headings are looked for: exports often begin with a title
TOGETHER = 2  # chunks of one transaction while nobody else wants to write
CACHE_KB = 64 * 1024  # an import writes all over the indexes: what it read of them it soon writes
WAL_LIMIT = 256 * MB  # beyond which the write-ahead log is copied back between two chunks

Item = TypeVar("Item")
Prepared = TypeVar("Prepared")


@dataclass(slots=True)
class Outcome:
    """What a worker did with its items. `refused`: positions in the items, and why."""

    created: int = 0
    merged: int = 0
    refused: list[tuple[int, str]] = field(default_factory=list)


class Worker(Protocol[Item, Prepared]):
    """What is done with the rows of one kind of import. `notes`: what the headings mean for all rows."""

    kind: str
    notes: tuple[str, ...]

    def understands(self, headings: Sequence[str]) -> bool:
        """Whether this row can be the headings."""
        ...

    def settle(self, headings: Sequence[str]) -> Sequence[str]:
        """Takes the headings; returns the unknown ones with hints."""
        ...

    def item(self, cells: list[str]) -> Item:
        """One row; Unusable with the reason."""
        ...

    def prepare(self, items: Sequence[Item]) -> Prepared:
        """What can be done without the database. It may run in another process, and its result is pickled then."""
        ...

    def name(self, prepared: Prepared) -> None:
        """Makes the words the rows use, before the transaction."""
        ...

    def tables(self, tx: Transaction) -> None:
        """Makes the temporary tables, touched(person_id) among them: outside the savepoint that may be rolled back."""
        ...

    def write(self, tx: Transaction, now: int, prepared: Prepared) -> Outcome: ...


@dataclass(frozen=True, slots=True)
class Ready(Generic[Prepared]):
    """A chunk ready to be written. `raw`: the rows, and which of them are good, for the few asked for again."""

    raw: bytes
    size: int
    good: int
    blank: int
    rejects: list[Reject]
    prepared: Prepared


Write: TypeAlias = Callable[[Transaction, Ready[Prepared]], Outcome]


@dataclass(frozen=True, slots=True)
class Source:
    """An opened file: its headings, the rows below them and how many rows there may be."""

    headings: list[str]
    rows: Iterator[Row]
    total: int | None
    digest: str


def run(store: Store, worker: Worker[Item, Prepared], path: Path, options: Options, now: int, watch: Watch) -> Report:
    """Imports what is not yet imported of the file. Refused where the file as a whole cannot be read."""
    started = clock.monotonic()
    source = _open(worker, path, options)
    unknown = tuple(worker.settle(source.headings))
    job = jobs.begin(store, now, worker.kind, source.digest, path.name)
    if job.finished and not options.again:
        return replace(_report(job.tally, path, source, unknown, started), already=True, notes=worker.notes)
    if job.finished:
        job = jobs.restart(store, now, job)
    tally = job.tally
    with closing(RejectsFile(_rejects_path(path, source.digest), source.headings)) as rejects:
        pace = Pace(options.chunk)
        ready = _together(worker, islice(source.rows, tally.rows, None), pace)
        large = source.total is None or source.total - tally.rows > options.chunk
        step = _Step(store, worker, job, rejects, now, watch, pace)
        watch.progress(tally.rows, source.total)
        with _uncollected(), store.cache(CACHE_KB), closing(ahead(ready) if large else ready) as chunks:
            for waiting in chunks:
                while waiting:
                    tally = step.take(waiting, tally)
                    watch.progress(tally.rows, max(source.total, tally.rows) if source.total is not None else None)
                    _tidy(store)
    jobs.finish(store, now, job, tally)
    store.checkpoint("PASSIVE")  # a log of this size is for nobody else to read through
    watch.progress(tally.rows, tally.rows)
    return replace(_report(tally, path, source, unknown, started), notes=worker.notes)


def _together(
    worker: Worker[Item, Prepared], rows: Iterator[Row], pace: Pace
) -> Generator[deque[Ready[Prepared]], None, None]:
    """Chunks of rows, as many as may go into one transaction: nobody waits for the reader while he writes."""
    waiting: deque[Ready[Prepared]] = deque()
    try:
        for chunk in _ready(worker, rows, pace):
            waiting.append(chunk)
            if len(waiting) == TOGETHER:
                yield waiting
                waiting = deque()
    except errors.LuchengError:  # the file is damaged here: what stands before is written
        if waiting:
            yield waiting
        raise
    if waiting:
        yield waiting


def _ready(worker: Worker[Item, Prepared], rows: Iterator[Row], pace: Pace) -> Iterator[Ready[Prepared]]:
    """Chunks of rows, read and prepared."""
    while chunk := list(islice(rows, pace.rows())):
        items: list[Item] = []
        places: list[int] = []
        rejects: list[Reject] = []
        blank = 0
        item = worker.item
        for place, (line, cells, problem) in enumerate(chunk):
            clean = cleaned(cells)
            try:
                if problem:
                    raise Unusable(problem)
                if any(clean):
                    items.append(item(clean))
                    places.append(place)
                else:
                    blank += 1
            except Unusable as error:
                rejects.append(Reject(line, str(error), cells))
        raw = marshal.dumps((chunk, places))
        yield Ready(raw, len(chunk), len(items), blank, rejects, worker.prepare(items))


@dataclass(frozen=True, slots=True)
class _Step(Generic[Item, Prepared]):
    """Writes chunks."""

    _store: Store
    _worker: Worker[Item, Prepared]
    _job: Job
    _rejects: RejectsFile
    _now: int
    _watch: Watch
    _pace: Pace

    def take(self, waiting: deque[Ready[Prepared]], tally: Tally) -> Tally:
        """Writes as many of them as may be written at once, at least the first, and takes them away."""
        for chunk in waiting:
            self._worker.name(chunk.prepared)
        try:
            done, tally = self._several(waiting, tally)
        except BadStatement as error:
            if is_away(error):
                raise
            with self._store.write() as tx:
                done, tally = 1, self._one(tx, waiting[0], tally, self._carefully)
        for _ in range(done):
            waiting.popleft()
        return tally

    def _several(self, waiting: Iterable[Ready[Prepared]], tally: Tally) -> tuple[int, Tally]:
        """Without savepoints, which keep a copy of every page: a value the database refuses undoes the whole."""
        done = 0
        with self._store.write() as tx:
            for chunk in waiting:
                tally = self._one(tx, chunk, tally, self._plainly)
                done += 1
                if self._pace.slowed(self._store.turnstile.wanted()):
                    break
        return done, tally

    def _one(self, tx: Transaction, chunk: Ready[Prepared], before: Tally, write: Write[Prepared]) -> Tally:
        jobs.claim(tx, self._job, before)
        self._worker.tables(tx)
        outcome = write(tx, chunk)
        if self._watch.after_chunk:
            self._watch.after_chunk(tx)
        rejects = chunk.rejects + self._refused(chunk, outcome)
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
        jobs.advance(tx, self._job, after)
        return after

    def _refused(self, chunk: Ready[Prepared], outcome: Outcome) -> list[Reject]:
        if not outcome.refused:
            return []
        rows, places = marshal.loads(chunk.raw)  # noqa: S302 - our own bytes
        found = []
        for position, reason in outcome.refused:
            line, cells, _ = rows[places[position]]
            found.append(Reject(line, reason, cells))
        return found

    def _plainly(self, tx: Transaction, chunk: Ready[Prepared]) -> Outcome:
        return self._worker.write(tx, self._now, chunk.prepared)

    def _carefully(self, tx: Transaction, chunk: Ready[Prepared]) -> Outcome:
        try:
            with tx.savepoint():
                return self._worker.write(tx, self._now, chunk.prepared)
        except BadStatement as error:
            if is_away(error):
                raise
        rows, places = marshal.loads(chunk.raw)  # noqa: S302
        items = [self._worker.item(cleaned(rows[place][1])) for place in places]
        return self._write_halves(tx, items)

    def _write_halves(self, tx: Transaction, items: list[Item]) -> Outcome:
        """The database refused a value: halves of the items, until the one row stands alone."""
        whole = Outcome()
        half = max(1, len(items) // 2)
        for offset in (0, half):
            part = items[:half] if offset == 0 else items[half:]
            outcome = self._write_part(tx, part) if part else Outcome()
            whole.created += outcome.created
            whole.merged += outcome.merged
            whole.refused += [(offset + position, reason) for position, reason in outcome.refused]
        return whole

    def _write_part(self, tx: Transaction, part: list[Item]) -> Outcome:
        try:
            with tx.savepoint():
                return self._worker.write(tx, self._now, self._worker.prepare(part))
        except BadStatement as error:
            if is_away(error):
                raise
            if len(part) == 1:
                return Outcome(refused=[(0, f"the database refused it ({type(error).__name__})")])
        return self._write_halves(tx, part)


def _open(worker: Worker[Item, Prepared], path: Path, options: Options) -> Source:
    try:
        rows, total, digest = _rows(path, options)
    except OSError as error:
        raise errors.Refused(f"{path} cannot be read: {error.strerror}") from error
    seen: list[list[str]] = []
    for number, (_, cells, _) in enumerate(islice(rows, HEAD), 1):
        if worker.understands(cells):
            identity = hashlib.sha256(f"{digest}|{options.meaning()}".encode()).hexdigest()
            return Source(cells, rows, None if total is None else max(0, total - number), identity)
        seen.append(cells)
    first = ", ".join(next(filter(any, seen), []))[:200]
    raise errors.Refused(
        f"{path.name}: none of the first {HEAD} rows has a heading such as 手机号, 邮箱, openid or 会员号"
        f" (the first row reads: {first or 'nothing'}); map yours under import.columns"
    )


def _rows(path: Path, options: Options) -> tuple[Iterator[Row], int | None, str]:
    if path.suffix.lower() == ".xlsx":
        workbooks.check(path, options.limits)
        return workbooks.rows(path, options.sheet, options.limits), None, workbooks.digest(path)
    if path.suffix.lower() in (".xls", ".xlsm", ".xlsb", ".et", ".numbers"):
        raise errors.Refused(f"{path.name}: save it as .xlsx or as CSV UTF-8")
    found = text_files.survey(path, options.encoding)
    return text_files.rows(path, found.encoding, options.delimiter), found.lines, found.digest


def _rejects_path(path: Path, digest: str) -> Path:
    return path.with_name(f"{path.stem}.rejects-{digest[:8]}.csv")


@contextmanager
def _uncollected() -> Iterator[None]:
    """A chunk is hundreds of thousands of objects without a cycle; looking for cycles among them doubles the time."""
    usual = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if usual:
            gc.enable()


def _tidy(store: Store) -> None:
    # Nobody else copies the log back while an import runs alone; beyond this size reading it becomes slow.
    if store.wal_pages * PAGE > WAL_LIMIT:
        store.checkpoint("PASSIVE")  # others write meanwhile, so little is left for the one they wait for
        store.checkpoint("RESTART")


def _report(tally: Tally, path: Path, source: Source, unknown: tuple[str, ...], started: float) -> Report:
    rejects = _rejects_path(path, source.digest) if tally.rejected else None
    return Report(
        tally.rows, tally.created, tally.updated, tally.merged, tally.rejected, tally.blank,
        rejects, unknown, clock.monotonic() - started,
    )  # fmt: skip
