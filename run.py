"""Lucheng's command: puts the parts together and hands over to the command line."""

from __future__ import annotations

import sys

from automation import cli
from automation.kernel.ports import Channel
from automation.settings import Settings
from bots import registry


def build(name: str, settings: Settings) -> Channel:
    """The configured channel of this name."""
    channel = settings.channels[name]
    return registry.build(name, channel.kind, channel)


if __name__ == "__main__":
    sys.exit(cli.main(registry.KINDS, build))
