"""`wechat mass`: mass messages that an account gathers, let go to a tag of exactly the people who may get them."""

from __future__ import annotations

from typing import Final

import click

from automation.campaigns import letting
from automation.engine.delivery import gathered
from automation.engine.delivery.gathered import Group
from automation.kernel import errors
from automation.kernel.ports import Gathers

from . import options, show
from .session import Session

COLUMNS: Final = (
    show.text("name"), show.text("channel"), show.number("people"), show.time("since"),
    show.time("expires", "expires by"), show.time("begun", "begun, unclear"), show.time("quiet_until"),
)  # fmt: skip


@click.group(epilog=options.example("run.py wechat mass list", "run.py wechat mass send campaign_20261125_spring"))
def group() -> None:
    """Mass messages that are gathered and wait for your word."""


@group.command("list", epilog=options.example("run.py wechat mass list"))
@options.as_json
@click.pass_obj
def list_(session: Session, as_json: bool) -> None:
    """What is gathered: campaigns and journeys whose mass messages have not left."""
    app = session.app
    letting.tidy(app.parts, app.channels, session.now)
    rows = [_row(session, one) for one in gathered.groups(app.parts, app.channels)]
    show.listing("gathered", COLUMNS, rows, session.settings.shop.zone, as_json)


@group.command(epilog=options.example("run.py wechat mass send campaign_20261125_spring"))
@click.argument("name")
@options.yes
@options.as_json
@options.who
@click.pass_obj
def send(session: Session, name: str, yes: bool, as_json: bool, who: str) -> None:
    """Let what a campaign or journey gathered leave, in one mass message for each different text.

    Whoever opted out or was suppressed meanwhile is left out. WeChat may ask an administrator of the account to confirm
    on the telephone, within 30 minutes. The same command again goes on where an answer was lost, and sends nothing
    twice.
    """
    app, rows = session.app, []
    letting.tidy(app.parts, app.channels, session.now)
    for one in _groups(session, name):
        opens = letting.opens_at(app.parts, one, session.now)
        if opens is not None:
            until = show.moment(opens, session.settings.shop.zone)
            raise errors.Refused(f"it is quiet time for this purpose until {until}: nothing was sent")
        if not yes and not click.confirm(f"Send to {show.people(one.messages)} by {one.channel}?", err=True):
            raise errors.Refused("not confirmed, so nothing was sent")
        channel = app.channels[one.channel]
        if not isinstance(channel, Gathers):
            raise errors.Refused(f"{one.channel} keeps no lists any more: nothing was sent")
        done = letting.release(app.parts, session.vault, channel, one, who, session.clock)
        rows.append({"sent": done.sent, "mass_message": done.provider_id, "kept_back": dict(done.kept_back)})
        if not as_json:
            kept = "".join(f"; {count:,} kept back: {reason}" for reason, count in done.kept_back.items())
            click.echo(f"{name}: {show.people(done.sent)} by {one.channel}{kept}")
    if as_json:
        show.document({"name": name, "mass_messages": rows})


@group.command(epilog=options.example("run.py wechat mass drop campaign_20261125_spring"))
@click.argument("name")
@options.yes
@options.who
@click.pass_obj
def drop(session: Session, name: str, yes: bool, who: str) -> None:
    """Call off what a campaign or journey gathered: nobody gets it."""
    app = session.app
    for one in _groups(session, name):
        if not yes and not click.confirm(f"Call off {show.counted(one.messages, 'message')}?", err=True):
            raise errors.Refused("not confirmed, so nothing was called off")
        count = letting.call_off(app.parts, one, who, session.now)
        click.echo(f"{name}: {show.counted(count, 'message')} called off")


def _groups(session: Session, name: str) -> list[Group]:
    found = [one for one in gathered.groups(session.app.parts, session.app.channels) if one.journey == name]
    if not found:
        raise errors.Refused(f"nothing of '{name[:60]}' is gathered; `run.py wechat mass list` shows what is")
    return found


def _row(session: Session, one: Group) -> dict[str, object]:
    return {
        "name": one.journey, "channel": one.channel, "people": one.messages, "since": one.since,
        "expires": one.expires_at, "begun": one.begun_at,
        "quiet_until": letting.opens_at(session.app.parts, one, session.now),
    }  # fmt: skip
