"""`demo`: made-up customers live through a year with the shop's own journeys, against pretend providers."""

from __future__ import annotations

import shlex
import sys
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from automation.festivals import walltime
from automation.inbound.inbox import Inbox
from automation.kernel import clock, errors
from automation.runtime import leader
from automation.simulate import figures, loading, proof, report, shoppers, stage, year
from automation.simulate.world import World
from automation.store.database import Store

from . import options, progress, show
from .session import Session

if TYPE_CHECKING:
    from collections.abc import Sequence

    from automation.simulate.stage import Stage

PLACE: Final = Path("var/demo")  # below the folder of config.yaml
DAYS: Final = (shoppers.YEAR_ENDS - shoppers.YEAR_BEGINS).days


@click.command(epilog=options.example("run.py demo", "run.py demo --days 90"))
@click.option("--days", type=options.Whole(1, DAYS), default=DAYS, show_default=True, help="How much of the year.")
@click.option(
    "--customers", type=options.Whole(10, shoppers.MEMBERS), default=shoppers.MEMBERS, show_default=True,
    help="How many of the bundled sample.",
)  # fmt: skip
@click.pass_obj
def demo(session: Session, days: int, customers: int) -> None:
    """Show everything with made-up customers; nothing leaves this machine.

    Imports the bundled sample into a database of its own below var/demo, walks the shop's journeys through a simulated
    year, and delivers every message over HTTP and SMTP to pretend providers. Exit code 1 where the books do not agree.
    """
    started = clock.monotonic()
    place = stage.Stage(session.settings.folder / PLACE)
    _refuse_if_used(place)
    place.clear()
    place.furnish(customers)
    media = {name: channel.kind for name, channel in session.app.channels.items()}
    with session.sandbox(place.ledger) as sandbox:
        place.write_config(session.settings, session.config, media, (sandbox.url, sandbox.smtp_port))
        inner = session.elsewhere(place.config, clock.FixedClock(_begins(session)))
        sandbox.approve(_short_messages(session))
        try:
            with leader.leading(inner.app.store):
                found, problems = _play(inner, place, customers, days)
        finally:
            inner.close()
    place.write_config(session.settings, session.config, media, stage.BY_HAND)
    _print(found, clock.monotonic() - started)
    if problems:
        click.echo("\nThis should never happen, please report it:", err=True)
        for problem in problems:
            click.echo(f"  {problem}", err=True)
        raise click.exceptions.Exit(1)
    click.echo("Checked: the providers' books agree with the database message by message, and all invariants hold.")
    _suggest(place, found, days)


def _refuse_if_used(place: Stage) -> None:
    with suppress(FileNotFoundError):
        if place.database.stat():
            old = Store(f"sqlite:{place.database}")
            busy = leader.is_led(old)
            old.close()
            if busy:
                raise errors.Busy(f"an engine is running on {place.database}: stop it first")


def _play(session: Session, place: Stage, customers: int, days: int) -> tuple[list[figures.Figures], list[str]]:
    session.require("catalog")
    app = session.app
    if app.project.problems:
        raise errors.SourceErrors(app.project.problems)
    first, fixed = shoppers.YEAR_BEGINS, session.clock
    assert isinstance(fixed, clock.FixedClock)
    app.store.rows("PRAGMA synchronous = OFF")  # a demo that a power cut spoils is started again
    inbox = Inbox(app.parts, app.vault, app.channels)
    world = World(app.parts, session.people, app.delivery, inbox, fixed)
    with progress.bar("importing the sample") as bar:
        loaded = loading.load(world, place.folder, fixed.now(), bar)
    people, past = loaded.customers, loaded.events
    click.echo(
        f"Imported {people.created:,} customers and {past.created:,} orders, carts and visits of 18 months"
        f" ({people.rejected + past.rejected:,} rows were wrong and set aside), {loaded.codes:,} coupon codes."
    )
    end = first + timedelta(days=days)
    click.echo(
        f"Living from {first} to {end}: {show.told(len(app.parts.registry.live), 'journey', 'is', 'are')} live ..."
    )
    with progress.bar("living through the days") as bar:
        lived = year.live(world, customers, (first, end), bar)
    app.delivery.close()
    click.echo(
        f"{show.counted(lived.acts, 'thing')} customers did, {show.counted(lived.sent, 'message')} over HTTP and SMTP,"
        f" {show.counted(lived.moments, 'moment')} of the simulated clock.\n"
    )
    kinds = {name: channel.kind for name, channel in app.channels.items()}
    staff = {one.address for one in app.settings.staff.values() if one.address}
    return figures.of(app.parts, kinds), proof.wrong(app.store, app.vault, place.ledger, staff)


def _short_messages(session: Session) -> dict[str, tuple[str, list[str]]]:
    """The texts of SMS by the name of their template, as the provider approved them, and their parameters."""
    texts = session.app.project.texts.texts.values()
    templates = (template for text in texts for template in text.channels.values() if template.kind == "sms")
    return {one.key: (one.preview, [field.name.removeprefix("params.") for field in one.fields]) for one in templates}


def _begins(session: Session) -> int:
    return walltime.midnight(shoppers.YEAR_BEGINS, session.settings.shop.zone)


def _print(found: Sequence[figures.Figures], seconds: float) -> None:
    from rich.console import Console

    console = Console(file=sys.stdout, highlight=False, width=None if sys.stdout.isatty() else show.PLAIN_WIDTH)
    drawn, left = report.table(found, console.width)
    console.print(drawn)
    if left:
        click.echo(f"no room for: {', '.join(left)} (a wider terminal or `| less -S` shows them)")
    click.echo(f"{report.total(found)}; {seconds:.0f} s.")
    for doubt in report.doubts(found):
        click.echo(doubt)


def _suggest(place: Stage, found: Sequence[figures.Figures], days: int) -> None:
    config = shlex.quote(_short(place.config))
    busiest = max(found, key=lambda one: one.sent.total()).name
    python = Path(sys.executable)
    said = _short(python) if python.is_relative_to(Path.cwd()) else "python"
    run = f"{said} run.py --config {config}"
    lived = "The year" if days == DAYS else f"What was lived ({show.counted(days, 'day')})"
    click.echo(f"\n{lived} stays in {_short(place.folder)}. Try next:")
    for line, why in (
        (f"{run} journeys show {busiest}", "where people stand"),
        (f"{run} customers show 13800000006", "one customer, and why"),
        (f"{run} messages list --state suppressed", "what was not sent, and why"),
        (f"{run} segment count vip_dormant", "who is in a segment now"),
        (f"{said} -m bots.sandbox --ledger {shlex.quote(_short(place.ledger))}", "then open http://127.0.0.1:8025"),
    ):
        click.echo(f"  {line:<86} # {why}")
    click.echo("Then change a step in journeys/ or a text in templates/, and run this again.")


def _short(path: Path) -> str:
    with suppress(ValueError):
        return str(path.relative_to(Path.cwd()))
    return str(path)
