"""What the command line gets of this package. Each is imported when it is called, so that `--help` answers at once."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic import BaseModel

    from automation.kernel.hooks import Hook
    from automation.kernel.ports import Cache, Channel
    from bots.sandbox.process import Sandbox
    from bots.webhooks import Poster


def kinds() -> Mapping[str, type[BaseModel]]:
    """The kinds of channel there are, with their options."""
    from bots import registry

    return registry.KINDS


def build(name: str, kind: str, options: BaseModel, cache: Cache) -> Channel:
    """A channel; it opens no connection yet."""
    from bots import registry

    return registry.build(name, kind, options, cache)


def hook(name: str, kind: str, options: BaseModel, cache: Cache) -> Hook | None:
    """What takes in what comes back to a channel; None where nothing does."""
    from bots import registry

    return registry.hook(name, kind, options, cache)


def sandbox(ledger: Path) -> Sandbox:
    """Pretend providers in a process of their own, for the demo."""
    from bots.sandbox import process

    started = process.start(ledger)
    started.know_everybody()
    return started


def webhooks() -> Poster:
    """What posts to web hooks."""
    from bots import webhooks

    return webhooks.Poster()
