"""Room on the disk for answers: where little is left nothing more is claimed, so that what leaves can be recorded."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path

log = logging.getLogger(__name__)
MB = 1024 * 1024
RESERVE = 64 * MB  # what two claimed batches and a write-ahead log may still need


def free(folder: Path) -> int:
    """Bytes that this process may still write there."""
    return shutil.disk_usage(folder).free


class Reserve:
    """`folder`: where the database, or at least the spool, is written; None where nothing is."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._short = False

    def is_short(self) -> bool:
        """Whether sending has to wait for room. Told once when it begins and once when it ends."""
        if self._folder is None or not self._folder.is_dir():
            return False
        left = free(self._folder)
        if (left < RESERVE) != self._short:
            self._short = not self._short
            if self._short:
                log.error("only %d MB are free in %s: no message leaves until there is room", left // MB, self._folder)
            else:
                log.warning("%d MB are free again: messages leave", left // MB)
        return self._short
