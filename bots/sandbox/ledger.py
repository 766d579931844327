"""The sandbox's own record of what it took, one JSON line an acceptance, on disk before any answer leaves.

Tests compare it with the engine's books, so it knows nothing of the engine. It holds addresses: pretend ones only.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Entry:
    """One accepted message. `repeat`: its key was known, so nothing was delivered and the first `id` was answered."""

    at: int
    channel: str
    plays: str
    lane: str
    key: str
    address: str
    body: dict[str, Any]
    id: str
    repeat: bool = False


def entries(path: Path) -> Iterator[Entry]:
    """Every acceptance in order. A last line torn by a kill is left out: it was never answered."""
    if not path.exists():
        return
    with path.open("rb") as file:
        for line in file:
            if line.endswith(b"\n"):
                yield Entry(**json.loads(line))


def deliveries(path: Path) -> Iterator[Entry]:
    """What reached a recipient: acceptances without the repeats a keyed channel dropped."""
    return (entry for entry in entries(path) if not entry.repeat)


class LedgerWriter:
    """Appends entries and waits for the disk in groups: one fsync serves every request that came meanwhile."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        _cut_torn_line(self._file)
        self._pending: list[tuple[bytes, asyncio.Future[None]]] = []
        self._flushing: asyncio.Task[None] | None = None

    async def write(self, batch: list[Entry]) -> None:
        """Returns when the batch is on disk."""
        lines = b"".join(
            json.dumps(asdict(entry), ensure_ascii=False).encode("utf-8", "replace") + b"\n" for entry in batch
        )
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._pending.append((lines, done))
        if self._flushing is None or self._flushing.done():
            self._flushing = asyncio.create_task(self._flush())
        await done

    async def close(self) -> None:
        if self._flushing is not None:
            await self._flushing
        os.close(self._file)

    async def _flush(self) -> None:
        loop = asyncio.get_running_loop()
        while self._pending:
            group, self._pending = self._pending, []
            try:
                await loop.run_in_executor(None, self._append, b"".join(lines for lines, _ in group))
            except OSError as error:
                for _, done in group:
                    if not done.done():
                        done.set_exception(error)
                continue
            for _, done in group:
                if not done.done():
                    done.set_result(None)

    def _append(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[os.write(self._file, view) :]
        os.fsync(self._file)


def _cut_torn_line(file: int) -> None:
    size = os.lseek(file, 0, os.SEEK_END)
    kept, step = size, 65_536
    while kept > 0:
        start = max(0, kept - step)
        newline = os.pread(file, kept - start, start).rfind(b"\n")
        if newline >= 0:
            kept = start + newline + 1
            break
        kept = start
    if kept != size:
        os.ftruncate(file, kept)
