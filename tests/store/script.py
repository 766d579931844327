"""Python processes of their own, for tests of what two processes do to one database."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

ROOT = Path(__file__).parents[2]


def start(code: str, *arguments: str) -> subprocess.Popen[str]:
    """Starts the code in a new process; `sys.argv[1:]` are the arguments."""
    command = [sys.executable, "-W", "error", "-c", textwrap.dedent(code), *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True, cwd=ROOT)


def finish(process: subprocess.Popen[str]) -> str:
    """What it printed; the process must end well."""
    printed, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    return printed.strip()
