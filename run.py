"""Lucheng's command: puts the parts together and hands over to the command line."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from automation import cli
from bots import late
from bots.late import kinds, sandbox, webhooks

if TYPE_CHECKING:
    from automation.kernel.hooks import Hook
    from automation.kernel.ports import Cache, Channel
    from automation.settings import Settings

__all__ = ["build", "hook", "kinds", "sandbox", "webhooks"]


def build(name: str, settings: Settings, cache: Cache) -> Channel:
    """The configured channel of this name."""
    channel = settings.channels[name]
    return late.build(name, channel.kind, channel, cache)


def hook(name: str, settings: Settings, cache: Cache) -> Hook | None:
    """What takes in what comes back to the configured channel of this name."""
    channel = settings.channels[name]
    return late.hook(name, channel.kind, channel, cache)


if __name__ == "__main__":
    sys.exit(cli.main(kinds, build, sandbox, webhooks, hook))
