"""One child process as its parent sees it: started with nothing of ours, asked in frames, watched and ended."""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Sequence
from enum import Enum
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeAlias

from automation.kernel import clock, json_text
from automation.rendering import wire
from automation.rendering.renderer import Job

START: Final = 20.0  # seconds until a child answers for the first time
TEMPLATE_WALL: Final = 10.0  # seconds without an answer while a template is compiled
JOB_WALL: Final = 2.0  # seconds without an answer while messages are rendered
IDLE_SHARE: Final = 0.25  # a child that used less of a core than this was kept waiting by the machine
PIPE: Final = 1024 * 1024  # bytes a pipe holds where the system allows it
READ: Final = 256 * 1024
LEAVE: Final = 1.0  # seconds a child has to end after its pipe has closed
ROOT: Final = Path(__file__).parents[2]
BOOT: Final = (
    "import sys; sys.path.insert(0, sys.argv[1]); from automation.rendering import child; child.main(*sys.argv[2:])"
)


class End(Enum):
    """Why a child is no more."""

    SLOW = "slow"  # it used up its time
    CRASHED = "crashed"  # it ended by itself
    STALLED = "stalled"  # the machine gave it no time
    TAKEN = "taken"  # somebody else killed it, such as the system when memory is short
    NOT_STARTED = "not started"


class Died(Exception):
    """Raised by whatever finds the child dead. `said`: its last line, only where it did not start."""

    def __init__(self, end: End, said: str = "") -> None:
        super().__init__(end.value)
        self.end = end
        self.said = said


class Item(NamedTuple):
    """A question: a job by its place in the batch, or (-1) a template; with the template's number."""

    place: int
    number: int
    job: Job | None = None


Answers: TypeAlias = list[tuple[list[Item], list[str]]]
"""Questions and the line that answers each; those of a template stand alone."""


class Worker:
    """Not safe for threads."""

    def __init__(self, zone: str, lunar: str) -> None:
        # -I: no PYTHON* variables, no user packages, no current folder on the path. Its own session: Ctrl-C is for us.
        command = [sys.executable, "-I", "-X", "utf8", "-c", BOOT, str(ROOT), zone, lunar]
        self._process: subprocess.Popen[bytes] = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={}, cwd="/",
            close_fds=True, start_new_session=True, bufsize=0,
        )  # fmt: skip
        self.pid = self._process.pid
        self.known: set[int] = set()
        self.due: deque[list[Item]] = deque()  # frames of questions that are not answered
        self.is_ready = False
        self._out: deque[memoryview] = deque()
        self._in = bytearray()
        self._used = 0.0  # CPU seconds at its last answer
        self._since = clock.monotonic()  # its last answer, or the first question after a pause
        self._to, self._from = self._pipe(self._process.stdin), self._pipe(self._process.stdout)
        self._poll = select.poll()
        self._poll.register(self._from, select.POLLIN)

    @staticmethod
    def _pipe(stream: Any) -> int:
        descriptor: int = stream.fileno()
        os.set_blocking(descriptor, False)
        with contextlib.suppress(OSError, AttributeError):
            fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, PIPE)
        return descriptor

    @property
    def is_busy(self) -> bool:
        return bool(self.due) or not self.is_ready

    @property
    def waiting(self) -> int:
        """Frames that are not written yet."""
        return len(self._out)

    def teach(self, number: int, line: str) -> None:
        self.known.add(number)
        self._ask(wire.frame(wire.TEMPLATE, line), [Item(-1, number)])

    def forget(self, numbers: Sequence[int]) -> None:
        gone = self.known.intersection(numbers)
        if gone:
            self.known -= gone
            self._out.append(memoryview(wire.frame(wire.FORGET, json_text.write(sorted(gone)))))

    def ask(self, jobs: str, items: list[Item]) -> None:
        """Questions of one frame, `jobs` as `wire.jobs` writes them; their templates are taught."""
        self._ask(wire.frame(wire.JOBS, jobs), items)

    def _ask(self, frame: bytes, items: list[Item]) -> None:
        if not self.is_busy:
            self._since = clock.monotonic()
        self._out.append(memoryview(frame))
        self.due.append(items)

    def pump(self, timeout: float) -> Answers:
        """Writes and reads what is possible within `timeout` seconds; returns as soon as there is an answer.

        Raises Died, also for a child that has been silent too long; `due` then holds what it left unanswered.
        """
        end = clock.monotonic() + timeout
        while True:
            self._write()
            found = self._read(max(0.0, min(end - clock.monotonic(), 0.1)))
            if found or clock.monotonic() >= end or not self.is_busy:
                return found
            self._check_silence()

    def pause(self) -> None:
        """The parent looks again after other work: the time in which it did not look does not count as silence."""
        self._since = clock.monotonic()

    def _write(self) -> None:
        try:
            while self._out:
                frame = self._out[0]
                written = os.write(self._to, frame)
                if written < len(frame):
                    self._out[0] = frame[written:]
                else:
                    self._out.popleft()
        except BlockingIOError:
            pass
        except BrokenPipeError:
            self._out.clear()  # it is gone, or about to be: what it answered before is read first

    def _read(self, timeout: float) -> Answers:
        # While a frame waits to be written both ends are watched: neither side may block the other.
        if self._out:
            self._poll.register(self._to, select.POLLOUT)
        events = self._poll.poll(timeout * 1000)
        if self._out:
            self._poll.unregister(self._to)
        if not any(descriptor == self._from for descriptor, _ in events):
            return []
        data = os.read(self._from, READ)
        if not data:
            raise self._ended()
        self._in += data
        return self._answers()

    def _answers(self) -> Answers:
        found: Answers = []
        while len(self._in) >= wire.HEAD.size:
            (size,) = wire.HEAD.unpack_from(self._in)
            if size > wire.MAX_FRAME:
                self.kill()
                raise Died(End.CRASHED)
            end = wire.HEAD.size + size
            if len(self._in) < end:
                break
            (self._used,) = wire.USED.unpack_from(self._in, wire.HEAD.size)
            content = wire.text(self._in[wire.HEAD.size + wire.USED.size : end])
            del self._in[:end]
            self._since = clock.monotonic()
            found += self._match(content.split("\n"))
        return found

    def _match(self, lines: list[str]) -> Answers:
        if not self.is_ready:
            self.is_ready = lines == [wire.READY]
            assert self._process.stderr is not None
            self._process.stderr.close()
            return []
        if not self.due or len(lines) > len(
            self.due[0]
        ):  # a child answers a frame in one or several, never two at once
            self.kill()
            raise Died(End.CRASHED)
        frame = self.due[0]
        items, rest = frame[: len(lines)], frame[len(lines) :]
        if rest:
            self.due[0] = rest
        else:
            self.due.popleft()
        return [(items, lines)]

    def _check_silence(self) -> None:
        most = START if not self.is_ready else TEMPLATE_WALL if self.due[0][0].place < 0 else JOB_WALL
        if clock.monotonic() - self._since < most:
            return
        used = self.kill() - self._used
        if not self.is_ready:
            raise Died(End.NOT_STARTED, f"no answer within {START:g} s")
        raise Died(End.SLOW if used > IDLE_SHARE * most else End.STALLED)

    def _ended(self) -> Died:
        """The pipe is closed: the child is gone, or about to be."""
        said = self._last_words() if not self.is_ready else ""
        self._leave()
        code = self._process.returncode
        if not self.is_ready:
            return Died(End.NOT_STARTED, said)
        ends = {-signal.SIGPROF: End.SLOW, -signal.SIGKILL: End.TAKEN, -signal.SIGTERM: End.TAKEN}
        return Died(ends.get(code, End.CRASHED))

    def _last_words(self) -> str:
        assert self._process.stderr is not None
        said = self._process.stderr.read().decode("utf-8", "replace").strip()
        return said.splitlines()[-1] if said else ""

    def kill(self) -> float:
        """Ends it at once and returns the CPU seconds it used in all, 0 where it was gone already."""
        if self._process.returncode is not None:
            return 0.0
        self._process.kill()
        _, status, used = os.wait4(self.pid, 0)
        self._process.returncode = os.waitstatus_to_exitcode(status)
        self._let_go()
        return used.ru_utime + used.ru_stime

    def _leave(self) -> None:
        try:
            self._process.wait(LEAVE)
        except subprocess.TimeoutExpired:
            self.kill()
        else:
            self._let_go()

    def _let_go(self) -> None:
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            if stream is not None and not stream.closed:
                stream.close()
