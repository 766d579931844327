"""Which of the shop's accounts with a platform a command means."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from automation.kernel import errors

from .session import Session

option: Callable[[Any], Any] = click.option(
    "--channel", metavar="NAME", help="The account, where the shop has more than one."
)


def chosen(session: Session, name: str | None, kind: str, what: str) -> tuple[str, Any]:
    """The name of the channel of `kind` that is meant, and the channel with what it offers beyond the port. `what`: an
    account of that kind, in words. Raises Refused and UsageError."""
    there = [one for one, known in session.settings.channels.items() if known.kind == kind]
    if not there:
        raise errors.Refused(f"no channel of config.yaml has `kind: {kind}`")
    if name is None and len(there) > 1:
        raise errors.UsageError(f"which account? add --channel: {', '.join(there)}")
    meant = name or there[0]
    if meant not in there:
        raise errors.Refused(f"{meant[:40]!r} is no {what}; there are: {', '.join(there)}")
    return meant, session.app.channels[meant]
