"""The way of every import: a file is opened and identified, its rows go in chunks to whoever knows what they mean, and
are written.

A row that cannot be read goes to the rejects file and takes nothing with it; writing them is in steps.py.
"""

from __future__ import annotations

import gc
import hashlib
import marshal
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from automation.kernel import clock, errors
from automation.store.database import PAGE, Store

from . import columns, jobs, tables
from .ahead import Ahead
from .jobs import Tally
from .options import MB, Options, Report, Watch
from .pace import Pace
from .rejects import Reject, RejectsFile, rejects_path
from .steps import Steps
from .text_files import Row
from .workers import Prepared, Raw, Ready, Worker

HEAD = 10  # rows among which the headings are looked for: exports often begin with a title
CACHE_KB = 128 * 1024  # an import writes all over the indexes: what it read of them it soon writes
WAL_LIMIT = 512 * MB  # beyond which the write-ahead log is copied back between two chunks


@dataclass(frozen=True, slots=True)
class Source:
    """An opened file: its headings, the rows below them and how many rows there may be."""

    headings: list[str]
    rows: Iterator[Row]
    total: int | None
    digest: str


def run(store: Store, worker: Worker[Prepared], path: Path, options: Options, now: int, watch: Watch) -> Report:
    """Imports what is not yet imported of the file. Refused where the file as a whole cannot be read."""
    started = clock.monotonic()
    source = _open(worker, path, options)
    columns.require(source.headings, options.asked)
    unknown = tuple(worker.settle(source.headings))
    job = jobs.begin(store, now, worker.kind, source.digest, path.name)
    if job.finished and not options.again:
        return replace(_report(job.tally, path, source, unknown, started), already=True, notes=worker.notes)
    if job.finished:
        job = jobs.restart(store, now, job)
    tally = job.tally
    with closing(RejectsFile(rejects_path(path, source.digest), source.headings)) as rejects:
        pace = Pace(options.chunk)
        ready = _ready(worker, islice(source.rows, tally.rows, None), pace)
        large = source.total is None or source.total - tally.rows > options.chunk
        steps = Steps(store, worker, job, rejects, now, watch, pace)
        watch.progress(tally.rows, source.total)
        with _uncollected(), store.cache(CACHE_KB), closing(Ahead(ready, apart=large)) as chunks:
            while done := steps.take(chunks, tally):
                tally = done
                watch.progress(tally.rows, max(source.total, tally.rows) if source.total is not None else None)
                _tidy(store)
    jobs.finish(store, now, job, tally)
    store.checkpoint("PASSIVE")  # a log of this size is for nobody else to read through
    watch.progress(tally.rows, tally.rows)
    return replace(_report(tally, path, source, unknown, started), notes=worker.notes)


def _ready(worker: Worker[Prepared], rows: Iterator[Row], pace: Pace) -> Iterator[Ready[Prepared]]:
    """Chunks of rows, read and prepared."""
    while chunk := list(islice(rows, pace.rows())):
        whole = [row for row in chunk if row[2] is None]
        taken = worker.prepare([cells for _, cells, _ in whole])
        rejects = [Reject(line, problem, cells) for line, cells, problem in chunk if problem is not None]
        rejects += [Reject(whole[place][0], reason, whole[place][1]) for place, reason in taken.refused.items()]
        good = len(taken.good)
        blank = len(whole) - good - len(taken.refused)
        raw = Raw(marshal.dumps((whole, taken.good)), len(chunk), good, blank, rejects)
        yield Ready(raw, taken.prepared)


def _open(worker: Worker[Prepared], path: Path, options: Options) -> Source:
    rows, total, digest = tables.opened(path, options)
    seen: list[list[str]] = []
    for number, (line, cells, _) in enumerate(islice(rows, HEAD), 1):
        _narrow(path, line, cells, options.limits.columns)
        if worker.understands(cells):
            identity = hashlib.sha256(f"{digest}|{options.meaning()}".encode()).hexdigest()
            return Source(cells, rows, None if total is None else max(0, total - number), identity)
        seen.append(cells)
    raise errors.Refused(
        f"{path.name}: none of the first {HEAD} rows has a heading such as 手机号, 邮箱, openid or 会员号"
        f" ({columns.first_row(seen)}); map yours {columns.MAPPED}"
    )


def _narrow(path: Path, line: int, cells: list[str], most: int) -> None:
    if len(cells) > most and any(map(str.strip, cells[most:])):
        raise errors.Refused(
            f"{path.name}: row {line} has {len(cells)} columns, more than {most}: leave out those that are not imported"
        )


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
    rejects = rejects_path(path, source.digest) if tally.rejected else None
    return Report(
        tally.rows, tally.created, tally.updated, tally.merged, tally.rejected, tally.blank,
        rejects, unknown, clock.monotonic() - started,
    )  # fmt: skip
