"""`events`: telling journeys by hand what a customer did."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import click

from automation.kernel import errors
from automation.people import dates, happenings
from automation.people.normalise import Unusable
from automation.store import audit

from . import options, who_is
from .session import Session


@click.group(epilog=options.example("run.py events add 13800000001 order.paid order_id=D1 amount=29900"))
def group() -> None:
    """Tell journeys what a customer did."""


@group.command(
    epilog=options.example("run.py events add 13800000001 order.paid order_id=D1 amount=29900 --at '2026-11-20 12:30'")
)
@click.argument("customer")
@click.argument("event")
@click.argument("properties", nargs=-1, metavar="[NAME=VALUE]...")
@click.option(
    "--at", metavar="TIME", help="When it happened, such as 2026-11-20 12:30 in the shop's zone. Default: now."
)
@click.option("--id", "dedupe", metavar="ID", help="The event's own id: the same id counts once.")
@options.who
@click.pass_obj
def add(
    session: Session,
    customer: str,
    event: str,
    properties: tuple[str, ...],
    at: str | None,
    dedupe: str | None,
    who: str,
) -> None:
    """Add one event of a customer; journeys hear of it at the next tick.

    Properties are those of catalog.yaml; amounts are in the unit the catalog says.
    """
    if event.startswith(happenings.OURS):
        raise errors.UsageError(f"{event[:60]} is told by Lucheng itself")
    person = who_is.one(session, customer)
    registry, now = session.people, session.now
    try:
        when = dates.moment(at, ZoneInfo(registry.zone)) if at else None
        if when is not None and when > now:
            raise Unusable("--at lies in the future")
        happening = happenings.Happening(person, event, _pairs(properties), when, "cli", dedupe)
        checked = happenings.checked(registry, now, happening)
    except Unusable as wrong:
        raise errors.UsageError(str(wrong)) from None
    with registry.store.write() as tx:
        number = happenings.add(tx, now, checked)
        if number is not None:
            audit.record(tx, now, who, "event added", event=event, person=person)
    click.echo(f"event {number} added" if number is not None else "this id was known already; nothing was added")


def _pairs(words: tuple[str, ...]) -> dict[str, str]:
    found = {}
    for word in words:
        name, sign, value = word.partition("=")
        if not sign or not name:
            raise errors.UsageError(f"'{name[:40]}' is not NAME=VALUE, such as amount=29900")
        found[name] = value
    return found
