"""A server that has imported everything and forks an engine for each order: a life costs milliseconds, not a second.

It has one thread and never opens a database, so what it forks begins clean. Orders and answers are JSON lines.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from automation.app import App
from tests.processes.harness import engine

ROOT = Path(__file__).resolve().parents[3]


@dataclass(frozen=True, slots=True)
class Life:
    """How an engine ended. `code`: its exit code, negative for a signal, None while it runs."""

    pid: int
    ready: bool
    code: int | None


class Forks:
    """The client's side. As a context manager it takes every engine down at the end."""

    def __init__(self) -> None:
        self._server = subprocess.Popen(
            [sys.executable, "-m", "tests.processes.harness.forks"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT, text=True,
        )  # fmt: skip

    def start(self, folder: Path, **orders: Any) -> Life:
        """Returns when the engine says that it runs, or has ended."""
        return self._ask("start", folder=str(folder), orders=orders)

    def kill_after(self, folder: Path, seconds: float, *, before_ready: bool = False, **orders: Any) -> Life:
        """Starts an engine and kills it so long after it was ready, or after it was born."""
        return self._ask("kill", folder=str(folder), orders=orders, seconds=seconds, born=before_ready)

    def wait(self, life: Life, seconds: float = 60) -> Life:
        """Until it ended, at most so long; `code` None says that it has not."""
        return self._ask("wait", pid=life.pid, seconds=seconds)

    def signal(self, life: Life, number: int) -> None:
        self._ask("signal", pid=life.pid, number=number)

    def stop(self, life: Life, seconds: float = 60) -> Life:
        self.signal(life, signal.SIGTERM)
        return self.wait(life, seconds)

    def kill(self, life: Life) -> Life:
        self.signal(life, signal.SIGKILL)
        return self.wait(life)

    def kill_all(self) -> None:
        """Whatever still lives, also what stands still."""
        self._ask("kill_all")

    def _ask(self, do: str, **known: Any) -> Life:
        server = self._server
        assert server.stdin is not None and server.stdout is not None
        server.stdin.write(json.dumps({"do": do, **known}) + "\n")
        server.stdin.flush()
        line = server.stdout.readline()
        assert line, "the fork server ended"
        return Life(**json.loads(line))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        assert self._server.stdin is not None and self._server.stdout is not None
        self._server.stdin.close()
        self._server.wait(30)
        self._server.stdout.close()


class _Server:
    def __init__(self) -> None:
        self._codes: dict[int, int] = {}
        self._living: set[int] = set()
        self._read: dict[str, tuple[object, App]] = {}

    def serve(self) -> None:
        for line in sys.stdin:
            asked = json.loads(line)
            print(json.dumps(self._answer(asked.pop("do"), asked)), flush=True)  # noqa: T201
        self._kill_all()

    def _kill_all(self) -> dict[str, Any]:
        for pid in list(self._living):
            self._send(pid, signal.SIGKILL)
            self._said(pid, True, 30)
        return {"pid": 0, "ready": False, "code": None}

    def _answer(self, do: str, asked: dict[str, Any]) -> dict[str, Any]:
        if do == "start":
            pid, ready = self._fork(asked["folder"], asked["orders"])
            return self._said(pid, self._is_ready(ready), 0)
        if do == "kill":
            pid, ready = self._fork(asked["folder"], asked["orders"])
            came = False if asked["born"] else self._is_ready(ready, 5)
            time.sleep(asked["seconds"])
            if asked["born"]:
                came = self._is_ready(ready, 0)
            self._send(pid, signal.SIGKILL)
            return self._said(pid, came, 30)
        if do == "kill_all":
            return self._kill_all()
        if do == "signal":
            self._send(asked["pid"], asked["number"])
            return self._said(asked["pid"], True, 0)
        return self._said(asked["pid"], True, asked["seconds"])

    def _fork(self, folder: str, orders: dict[str, Any]) -> tuple[int, int]:
        app = self._app(Path(folder)) if (Path(folder) / "config.yaml").exists() else None
        ready, tell = os.pipe()
        pid = os.fork()
        if pid:
            os.close(tell)
            self._living.add(pid)
            return pid, ready
        code = 70
        try:
            os.close(ready)
            log = os.open(Path(folder) / "engine.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            os.dup2(log, 1)
            os.dup2(log, 2)
            code = engine.run(Path(folder), orders, lambda: _tell(tell), app)
        except BaseException:
            import traceback

            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(code)

    def _app(self, folder: Path) -> App:
        """Its files are read again where one of them changed; the child gets its own copy with the fork."""
        stamp = sorted((str(path), path.stat().st_mtime_ns) for path in folder.rglob("*.yaml"))
        known = self._read.get(str(folder))
        if known is None or known[0] != stamp:
            known = self._read[str(folder)] = (stamp, engine.read(folder))
        return known[1]

    @staticmethod
    def _is_ready(ready: int, seconds: float = 30) -> bool:
        came = bool(select.select([ready], [], [], seconds)[0]) and os.read(ready, 1) == b"1"
        os.close(ready)
        return came

    def _send(self, pid: int, number: int) -> None:
        if pid in self._living:
            os.kill(pid, number)

    def _said(self, pid: int, ready: bool, seconds: float) -> dict[str, Any]:
        end = time.monotonic() + seconds
        while pid in self._living:
            found, status = os.waitpid(pid, os.WNOHANG)
            if found:
                self._living.discard(pid)
                self._codes[pid] = os.waitstatus_to_exitcode(status)
            elif time.monotonic() >= end:
                break
            else:
                time.sleep(0.001)
        return {"pid": pid, "ready": ready, "code": self._codes.get(pid)}


def _tell(pipe: int) -> None:
    os.write(pipe, b"1")
    os.close(pipe)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        engine.warm(Path(scratch))
    _Server().serve()
