"""A power cut on paper: every write, sync and truncation of database files, and what a disk may hold of them.

Run as a script it is the writer: the product's store on a file system that takes notes. What was synced is on the disk;
of the rest each sector of 512 bytes is or is not, by chance. Length and removal of files count as durable at once.
"""

from __future__ import annotations

import pickle
import random
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import apsw

SECTOR = 512
BASE = apsw.vfs_names()[0]


@dataclass(slots=True)
class Notes:
    """What happened, in order: (verb, file, ...) with verbs write, sync, truncate, delete and ack."""

    happened: list[tuple[Any, ...]] = field(default_factory=list)

    def ack(self, number: int) -> None:
        """The writer was told that its commit is durable."""
        self.happened.append(("ack", "", number))


class NotedVfs(apsw.VFS):  # type: ignore[misc]
    """The machine's file system, with notes. Made the default, so that the product opens its files through it."""

    def __init__(self, notes: Notes) -> None:
        self.notes = notes
        super().__init__("noted", BASE, makedefault=True)

    def xOpen(self, name: Any, flags: list[int]) -> Any:
        return NotedFile(self.notes, name, flags)

    def xDelete(self, name: str, sync: bool) -> None:
        super().xDelete(name, sync)
        self.notes.happened.append(("delete", Path(name).name))


class NotedFile(apsw.VFSFile):  # type: ignore[misc]
    def __init__(self, notes: Notes, name: Any, flags: list[int]) -> None:
        path = name.filename() if isinstance(name, apsw.URIFilename) else name
        self._notes, self._name = notes.happened, Path(path).name if path else ""
        super().__init__(BASE, name, flags)

    def xWrite(self, data: bytes, offset: int) -> None:
        super().xWrite(data, offset)
        self._notes.append(("write", self._name, offset, bytes(data)))

    def xTruncate(self, size: int) -> None:
        super().xTruncate(size)
        self._notes.append(("truncate", self._name, size))

    def xSync(self, flags: int) -> None:
        super().xSync(flags)
        self._notes.append(("sync", self._name))


def rebuild(happened: list[tuple[Any, ...]], cut: int, chance: random.Random, folder: Path) -> set[int]:
    """The files as a disk may hold them when the power goes before note `cut`; the acknowledged commits."""
    synced = {note[1]: place for place, note in enumerate(happened[:cut]) if note[0] == "sync"}
    files: dict[str, bytearray] = {}
    acknowledged = set()
    for place, (verb, name, *rest) in enumerate(happened[:cut]):
        if verb == "ack":
            acknowledged.add(rest[0])
        elif verb == "delete":
            files.pop(name, None)
        elif verb == "truncate":
            del files.setdefault(name, bytearray())[rest[0] :]
        elif verb == "write":
            _write(files.setdefault(name, bytearray()), rest[0], rest[1], place < synced.get(name, -1), chance)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return acknowledged


def _write(content: bytearray, offset: int, data: bytes, durable: bool, chance: random.Random) -> None:
    end = offset + len(data)
    if len(content) < end:
        content.extend(bytes(end - len(content)))
    if durable:
        content[offset:end] = data
        return
    at = offset
    while at < end:
        upto = min(end, (at // SECTOR + 1) * SECTOR)
        if chance.random() < 0.5:
            content[at:upto] = data[at - offset : upto - offset]
        at = upto


def main(folder: Path, synchronous: str, commits: int) -> None:
    """Commits numbered rows of audit through the product's store, with checkpoints between, and leaves its notes."""
    from automation.store import audit, schema
    from automation.store.database import Store

    notes = Notes()
    vfs = NotedVfs(notes)
    store = Store(f"sqlite:{folder / 'lucheng.db'}")
    if synchronous != "as it is":
        store.rows(f"PRAGMA synchronous = {synchronous}")
    schema.migrate(store)
    notes.ack(0)
    for number in range(1, commits + 1):
        with store.write() as tx:
            audit.record(tx, 1_700_000_000, "test", "numbered", number=number, filling="x" * (number % 7) * 900)
        notes.ack(number)
        if number % 40 == 0:
            store.checkpoint("PASSIVE" if number % 80 else "RESTART")
    store.close()
    vfs.unregister()
    (folder / "notes").write_bytes(pickle.dumps(notes.happened))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
