"""What a live engine does beside moving people: following files and orders, and the nightly work over everybody."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from stat import S_ISREG
from threading import Condition

from automation.app import App
from automation.audience import lifecycle, rfm
from automation.engine import registry
from automation.engine.delivery import receipts
from automation.inbound import inbox
from automation.kernel import errors
from automation.people import tags
from automation.store.database import Transaction
from automation.tracking import targets

log = logging.getLogger(__name__)

SLICE = 5_000  # rows taken away in one transaction
ANSWERS_KEPT = 7 * 86_400  # seconds for which senders may repeat an Idempotency-Key


class Watch:
    """Sees that files or orders changed and takes them into use, between two batches and never during one."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._files, self._orders = self._stamp(), self._ordered()
        self._condition = Condition()
        self._working = 0
        self._changing = False

    @contextmanager
    def steady(self) -> Iterator[None]:
        """While the block runs, the journeys stay as they are."""
        with self._condition:
            self._condition.wait_for(lambda: not self._changing)
            self._working += 1
        try:
            yield
        finally:
            with self._condition:
                self._working -= 1
                self._condition.notify_all()

    def look(self) -> None:
        """Reads files again when one is new, gone or changed, and orders given by other processes."""
        files, orders = self._stamp(), self._ordered()
        if files != self._files:
            with self._alone():
                self._reload()
        elif orders != self._orders:
            with self._alone():
                parts = self._app.parts
                parts.replace_journeys(parts.project, registry.load(parts.store, parts.names, parts.project))
        # An order given meanwhile is seen at the next look.
        self._files, self._orders = files, orders

    def _reload(self) -> None:
        try:
            changed = self._app.reload()
        except errors.Refused as why:
            log.error("%s", why)
            return
        for problem in self._app.project.problems:
            log.error("%s", problem)
        if changed:
            log.info("taken into use: %s", ", ".join(changed))
        if self._app.to_index():
            log.info("what catalog.yaml says of indexes is done tonight, or when the engine starts again")

    @contextmanager
    def _alone(self) -> Iterator[None]:
        with self._condition:
            self._changing = True
            self._condition.wait_for(lambda: self._working == 0)
        try:
            yield
        finally:
            with self._condition:
                self._changing = False
                self._condition.notify_all()

    def _stamp(self) -> frozenset[tuple[str, int, int]]:
        folders = self._app.settings.folders
        found = set()
        for folder in (folders.journeys, folders.templates):
            for path in folder.rglob("*"):
                with suppress(FileNotFoundError):  # an editor that saves takes its own files away again
                    stat = path.stat()
                    if S_ISREG(stat.st_mode):
                        found.add((str(path), stat.st_mtime_ns, stat.st_size))
        return frozenset(found)

    def _ordered(self) -> tuple[tuple[object, ...], ...]:
        """The journeys as they are, and the versions that are in use: an order may bring one back."""
        return tuple(
            self._app.store.rows(
                "SELECT j.id, j.status, j.paused, j.live_version, v.id FROM journey j LEFT JOIN version v"
                " ON v.journey_id = j.id AND v.retired_at IS NULL ORDER BY j.id, v.id"
            )
        )


def nightly(app: App, now: int) -> None:
    """Sliding windows, stages and scores of everybody, and what is kept for a time only; only what changed is
    written."""
    rules = app.settings.lifecycle
    app.computed.refresh_windows(app.store, now)
    lifecycle.refresh(app.store, app.names, rules, now)
    rfm.refresh(app.store, app.names, (rules, app.settings.rfm), now)
    for forget in (tags.expire, inbox.prune, receipts.prune, targets.prune, _forget_answers):
        gone = SLICE
        while gone == SLICE:
            with app.store.write() as tx:
                gone = forget(tx, now, SLICE)


def _forget_answers(tx: Transaction, now: int, limit: int) -> int:
    """Answers given to senders' keys that are no longer repeated; how many."""
    return tx.run(
        "DELETE FROM api_request WHERE (source, key) IN"
        " (SELECT source, key FROM api_request WHERE at < :before ORDER BY at LIMIT :limit)",
        before=now - ANSWERS_KEPT, limit=limit,
    )  # fmt: skip
