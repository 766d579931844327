"""Lucheng's command: puts the parts together and hands over to the command line."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from automation import cli

if TYPE_CHECKING:
    from pydantic import BaseModel

    from automation.kernel.hooks import Hook
    from automation.kernel.ports import Cache, Channel
    from automation.settings import Settings
    from bots.sandbox.process import Sandbox
    from bots.webhooks import Poster

# Settings and channels are imported when a command needs them: `--help` answers at once.


def kinds() -> Mapping[str, type[BaseModel]]:
    """The kinds of channel there are, with their options."""
    from bots import registry

    return registry.KINDS


def build(name: str, settings: Settings, cache: Cache) -> Channel:
    """The configured channel of this name."""
    from bots import registry

    channel = settings.channels[name]
    return registry.build(name, channel.kind, channel, cache)


def hook(name: str, settings: Settings, cache: Cache) -> Hook | None:
    """What takes in what comes back to the configured channel of this name."""
    from bots import registry

    channel = settings.channels[name]
    return registry.hook(name, channel.kind, channel, cache)


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


if __name__ == "__main__":
    sys.exit(cli.main(kinds, build, sandbox, webhooks, hook))
