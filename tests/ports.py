"""Ports for tests that have to name one before it is used, and ports at which nobody listens.

A port that the system gave and that was closed again may be given to the next connection of any process: what a test
then binds, or expects to be refused, is somebody else's.
"""

from __future__ import annotations

import atexit
import os
import socket
from itertools import count

_tried = count()


def unused() -> int:
    """One that nothing uses now, out of the numbers that systems do not give out by themselves, another for each call
    and test process."""
    while True:
        port = 10_000 + (os.getpid() * 101 + next(_tried)) % 20_000
        with socket.socket() as asked:
            asked.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                asked.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


def refusing() -> int:
    """One that is held and not listened at, for as long as the tests run."""
    held = socket.socket()
    held.bind(("127.0.0.1", 0))
    atexit.register(held.close)
    port: int = held.getsockname()[1]
    return port
