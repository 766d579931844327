"""What was begun and what was answered, told to a file beside the database by plain writes without waiting for a disk.

A killed process loses nothing of it, because the page cache survives; a power cut loses all, and the boot id says so.
Each process appends to files of its own and holds a lock on them, so that others can tell whether it still lives.
"""

from __future__ import annotations

import fcntl
import json
import os
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol, TypeAlias
from urllib.parse import quote, unquote

from automation.kernel.ports import Accepted, Denied, Outcome, Reason, Unknown

Ref: TypeAlias = tuple[int, int]
"""message id, token of its claim"""

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
SEGMENT = 4 << 20  # bytes after which a new file is begun
CLOSED = -1  # never another file's number
INTENDED, STARTED, ANSWERED = "=", "+", "-"


class Spool(Protocol):
    """Where delivery tells what it is about to do. Safe for many threads."""

    def intended(self, refs: Sequence[Ref]) -> None:
        """Before the commit that says they are being dispatched."""
        ...

    def started(self, refs: Sequence[Ref], names: Sequence[str] = ()) -> None:
        """Before the first byte of their request. `names`: what reports will call them, "" where that is the key."""
        ...

    def answered(self, answers: Sequence[tuple[Ref, Outcome]]) -> None: ...

    def recorded(self, refs: Iterable[Ref]) -> None:
        """Their outcome is in the database; the file need not know them any more."""
        ...


@dataclass(slots=True)
class _Segment:
    path: Path
    file: int
    size: int = 0
    open: set[Ref] = field(default_factory=set)


class FileSpool:
    """The spool of this process: `folder`/NUMBER.spool, pruned as its messages are recorded."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        self._full: list[_Segment] = []
        self._current = self._begin()

    def intended(self, refs: Sequence[Ref]) -> None:
        with self._lock:
            if self._current.size > SEGMENT:
                self._full.append(self._current)
                self._current = self._begin()
            self._current.open.update(refs)
            self._append(self._current, INTENDED, _joined(refs))

    def started(self, refs: Sequence[Ref], names: Sequence[str] = ()) -> None:
        self._everywhere(STARTED, _joined(refs, names), refs)

    def answered(self, answers: Sequence[tuple[Ref, Outcome]]) -> None:
        text = json.dumps([[*ref, *_told(outcome)] for ref, outcome in answers], separators=(",", ":"))
        self._everywhere(ANSWERED, text, [ref for ref, _ in answers])

    def recorded(self, refs: Iterable[Ref]) -> None:
        done = set(refs)
        with self._lock:
            for segment in (*self._full, self._current):
                segment.open -= done
            for segment in [one for one in self._full if not one.open]:
                self._full.remove(segment)
                segment.path.unlink(missing_ok=True)
                os.close(segment.file)

    def close(self) -> None:
        """Lets go of the files; those with nothing open are removed. A thread that still waits for a provider cannot
        write any more, and so begins nothing: others may believe that this process is gone."""
        with self._lock:
            for segment in (*self._full, self._current):
                if not segment.open:
                    segment.path.unlink(missing_ok=True)
                os.close(segment.file)
                segment.file = CLOSED
            self._full = []

    def is_mine(self, path: Path) -> bool:
        with self._lock:
            return path in {segment.path for segment in (*self._full, self._current)}

    def _everywhere(self, sign: str, text: str, refs: Sequence[Ref]) -> None:
        """Into the newest file; those that began in an older one are told there too, so that each file stands alone."""
        with self._lock:
            for segment in (*self._full, self._current):
                if segment is self._current or not segment.open.isdisjoint(refs):
                    self._append(segment, sign, text)

    def _append(self, segment: _Segment, sign: str, text: str) -> None:
        line = f"{sign}{text}\n".encode()
        written = os.write(segment.file, line)
        if written != len(line):
            os.ftruncate(segment.file, segment.size)  # or the next line would go on where this one broke off
            raise OSError(f"only {written} of {len(line)} bytes of the spool could be written: is the disk full?")
        segment.size += written

    def _begin(self) -> _Segment:
        number = 0
        while True:
            number += 1
            path = self._folder / f"{os.getpid()}-{number}.spool"
            try:
                file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600)
            except FileExistsError:
                continue
            fcntl.flock(file, fcntl.LOCK_EX)
            segment = _Segment(path, file)
            self._append(segment, "", boot_id())
            return segment


class NoSpool:
    """For simulations, where nothing leaves."""

    def intended(self, refs: Sequence[Ref]) -> None: ...
    def started(self, refs: Sequence[Ref], names: Sequence[str] = ()) -> None: ...
    def answered(self, answers: Sequence[tuple[Ref, Outcome]]) -> None: ...
    def recorded(self, refs: Iterable[Ref]) -> None: ...


@dataclass(slots=True)
class Trace:
    """What the files tell of one message: how far it came. `alive`: the process that had it still runs. `name`: what
    reports will call it, "" where that is its key."""

    path: Path
    alive: bool
    this_boot: bool
    started: bool = False
    outcome: Outcome | None = None
    name: str = ""


def read(folder: Path) -> dict[Ref, Trace]:
    """Everything the files in the folder tell. Lines torn by a kill or a full disk are left out: what they were to tell
    of had not been done."""
    found: dict[Ref, Trace] = {}
    for path in sorted(folder.glob("*.spool")) if folder.is_dir() else []:
        try:
            text = path.read_bytes()
        except FileNotFoundError:
            continue
        lines = text.decode("utf-8", "replace").split("\n")[:-1]
        alive = is_alive(path)
        this_boot = bool(lines) and lines[0] == boot_id()
        for line in lines[1:]:
            with suppress(ValueError, TypeError, IndexError):
                _follow(found, Trace(path, alive, this_boot), line)
    return found


def _follow(found: dict[Ref, Trace], blank: Trace, line: str) -> None:
    """Takes one line into account, all of it or nothing. `blank`: of a message in this file that is not known yet."""
    sign, rest = line[:1], line[1:]
    if sign == ANSWERED:
        for ref, outcome in [((number, token), _heard(told)) for number, token, *told in json.loads(rest)]:
            trace = found.setdefault(ref, replace(blank))
            trace.started, trace.outcome = True, outcome
        return
    for ref, name in list(_split(rest)):
        trace = found.setdefault(ref, replace(blank))
        trace.started, trace.name = trace.started or sign == STARTED, name or trace.name


def is_alive(path: Path) -> bool:
    """Whether the process that writes the file still runs, wherever on this machine: it holds the lock."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    else:
        return False
    finally:
        os.close(file)


def boot_id() -> str:
    """The kernel's id of this boot; "unknown" where it tells none, which then counts as the same boot."""
    try:
        return BOOT_ID.read_text().strip()
    except OSError:
        return "unknown"


def _joined(refs: Sequence[Ref], names: Sequence[str] = ()) -> str:
    if not names:
        return " ".join([f"{number}:{token}" for number, token in refs])
    return " ".join([f"{number}:{token}:{quote(name)}" for (number, token), name in zip(refs, names, strict=True)])


def _split(text: str) -> Iterator[tuple[Ref, str]]:
    for told in text.split():
        number, token, *name = told.split(":")
        yield (int(number), int(token)), unquote("".join(name))


def _told(outcome: Outcome) -> tuple[object, ...]:
    if isinstance(outcome, Accepted):
        return (outcome.provider_id, "", "awaiting") if outcome.awaiting else (outcome.provider_id,)
    if isinstance(outcome, Unknown):
        return (outcome.provider_id, outcome.code)
    return ("", outcome.code, str(outcome.reason), outcome.permanent, outcome.retry_after)


def _heard(told: Sequence[object]) -> Outcome:
    if len(told) == 1:
        return Accepted(str(told[0]))
    if len(told) == 2:
        return Unknown(str(told[1]), str(told[0]))
    if len(told) == 3:
        return Accepted(str(told[0]), awaiting=True)
    wait = told[4]
    return Denied(Reason(str(told[2])), str(told[1]), bool(told[3]), wait if isinstance(wait, int) else None)
