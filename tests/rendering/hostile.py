"""What a text could do if every wall inside the child had fallen: the child calls `act` for the `lunar` filter."""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
from datetime import date
from pathlib import Path
from typing import Any


def act(day: date) -> str:
    return str(ACTS.get(day.day, lambda: "八月十五")())


def _loop() -> None:
    while True:
        pass


def _fork() -> str:
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    return "forked"


def _write() -> str:
    Path("/tmp/lucheng-canary").write_text("x" * 100)
    return "written"


def _connect() -> str:
    with socket.socket() as one, socket.socket():
        return str(one.fileno())


def _open_many() -> str:
    kept: list[Any] = [open("/dev/null") for _ in range(100)]  # noqa: PTH123, SIM115
    return str(len(kept))


ACTS = {
    1: _loop,
    2: lambda: len(b"x" * (1 << 30)),
    3: lambda: os._exit(3),
    4: lambda: os.kill(os.getpid(), signal.SIGSEGV),
    5: lambda: dict(os.environ),
    6: _fork,
    7: _write,
    8: lambda: os.kill(os.getpid(), signal.SIGKILL),
    9: _open_many,
    10: lambda: sorted(os.listdir("/proc/self/fd")),
    11: lambda: time.sleep(30),
    12: lambda: "A" * 10**9,
    13: lambda: " ".join(sys.argv),
    14: lambda: sys.modules.keys() & {"apsw", "peewee", "cryptography", "requests"},
    15: lambda: sys.setrecursionlimit(10**9) or _deep(0),
}


def _deep(level: int) -> int:
    return sorted([1], key=lambda _: _deep(level + 1))[0]
