"""`mail`: what a mail server hands over by itself, one mail on the standard input."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from automation.kernel import errors
from automation.kernel.document import nearest

from . import options
from .session import Session

if TYPE_CHECKING:
    from automation.kernel.hooks import Happening, TakesReturns

MOST = 1 << 20  # bytes of a mail that are read; a report stands at its beginning


@click.group(epilog=options.example("run.py mail bounce < returned.eml"))
def group() -> None:
    """Take in what comes back by mail."""


@group.command(
    epilog=options.example(
        "run.py mail bounce < returned.eml",
        'bounces: "|run.py --config /srv/shop/config.yaml mail bounce"   (a line of /etc/aliases)',
    )
)
@click.option("--channel", "name", help="Of this channel; needed where several send mail.")
@click.argument("file", type=click.File("rb"), default="-")
@click.pass_obj
def bounce(session: Session, name: str | None, file: Any) -> None:
    """Record one bounce or complaint from FILE or the standard input.

    A mail that is about no message of this shop changes nothing, and neither does one that cannot be read.
    """
    from automation.inbound.inbox import Inbox
    from automation.inbound.values import Arrival
    from automation.kernel.hooks import Unreadable

    app = session.app
    chosen, channel = _chosen(session, name)
    mail = file.read(MOST)
    try:
        happened: list[Happening] = list(channel.returned(mail, session.now))
    except Unreadable as error:
        # A mail server would return an error to whoever sent this, which is the world.
        click.echo(f"left out: {error}")
        return
    if happened:
        Inbox(app.parts, session.vault, app.channels).record([Arrival(chosen, happened)], session.now)
    click.echo(f"{len(happened)} recorded" if happened else "about no message of this shop")


def _chosen(session: Session, name: str | None) -> tuple[str, TakesReturns]:
    able: dict[str, Any] = {
        key: channel for key, channel in session.app.channels.items() if callable(getattr(channel, "returned", None))
    }
    if name is None and len(able) == 1:
        return next(iter(able.items()))
    if not able:
        raise errors.Refused("no channel of this shop sends mail: add one of kind mail to config.yaml")
    if name is None:
        raise errors.UsageError(f"which channel? Say --channel and one of: {', '.join(sorted(able))}")
    if name not in able:
        close = nearest(name, able)
        raise errors.UsageError(
            f"there is no mail channel '{name[:40]}'" + (f"; did you mean {close}?" if close else "")
        )
    return name, able[name]
