"""The entry script of the web edge's kills: the real command, wounded where a request is committed.

`python -m tests.processes.harness.web CONFIG before|after|never`. It kills itself with the first transaction of the
edge's writer, before its commit or between the commit and the answer.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

import run
from automation import cli
from automation.web import writer


def die(*arguments: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def main(config: str, when: str) -> int:
    if when == "after":
        writer._answer = die
    elif when == "before":
        writer.Writer._commit = die  # type: ignore[method-assign]
    sys.argv = ["run.py", "--config", config, "start"]
    return int(cli.main(run.kinds, run.build, run.sandbox, run.webhooks, run.hook))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
