"""The command line: parsing and printing only. One file a group of commands; exit codes as errors.py names them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic import BaseModel

    from automation.app import Build, MakeHook
    from automation.engine.delivery.effects import Webhooks

    from .session import Sandboxes


def main(
    kinds: Callable[[], Mapping[str, type[BaseModel]]],
    build: Build,
    sandbox: Sandboxes | None = None,
    webhooks: Callable[[], Webhooks] | None = None,
    hook: MakeHook | None = None,
    arguments: Sequence[str] | None = None,
) -> int:
    """Runs one command and returns the exit code. `kinds` is asked only by commands that read config.yaml;
    `sandbox` starts pretend providers, for the demo; `webhooks` makes what posts to web hooks, `hook` a
    channel's way in.
    """
    from . import edge  # here, so that `import automation.cli` costs nothing
    from .session import Session

    return edge.run(Session(kinds, build, sandbox=sandbox, webhooks=webhooks, hook=hook), arguments)
