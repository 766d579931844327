"""Copies the write-ahead log into the database file while the engine runs.

Left to itself SQLite checkpoints inside whichever commit crosses 1,000 pages; a thread that only asks passively lets
the log grow without end. So: passively from 4 MB on, and behind the turnstile, so that the log starts anew, from 64 MB.
"""

from __future__ import annotations

import logging
import threading

import peewee

from .database import PAGE, Store

log = logging.getLogger(__name__)

PASSIVE_PAGES = 4 * 1024 * 1024 // PAGE
RESTART_PAGES = 64 * 1024 * 1024 // PAGE
PAUSE = 0.05  # seconds between looks
PATIENCE = 200  # milliseconds all writers wait for one long reader, such as a backup, so that the log can start anew


class Checkpoints:
    """A thread of the engine's process; nobody else checkpoints while it runs."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="checkpoints", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Ends the thread and leaves an empty log behind."""
        self._stop.set()
        self._thread.join()
        self._store.checkpoint("TRUNCATE")

    def _run(self) -> None:
        copied = tried = 0
        self._store.value(f"PRAGMA busy_timeout = {PATIENCE}")
        while not self._stop.wait(PAUSE):
            pages = self._store.wal_pages
            if pages < copied:
                copied = tried = 0
            if pages - copied >= PASSIVE_PAGES:
                anew = pages - tried >= RESTART_PAGES
                self._copy("RESTART" if anew else "PASSIVE")
                copied, tried = pages, pages if anew else tried
        self._store.close()

    def _copy(self, mode: str) -> None:
        try:
            self._store.checkpoint(mode)
        except peewee.OperationalError as error:
            log.warning("the write-ahead log could not be copied: %s", type(error).__name__)
