"""`journeys`: which there are, who stands where, and the order to pause or to go on."""

from __future__ import annotations

from typing import Any

import click

from automation.engine import orders, overview

from . import options, show
from .session import Session

COLUMNS = (
    show.text("name"), show.text("status"), show.number("inside"), show.number("holdout"), show.number("entered_today"),
    show.number("waiting"), show.number("stuck"), show.text("version"), show.text("source"), show.text("title"),
    show.Column("since", show.Kind.TIME, hidden=True),
)  # fmt: skip
STEPS = (
    show.text("step"), show.text("kind"), show.number("people"), show.time("next_due"), show.number("held"),
    show.number("older", "in older versions"), show.text("messages"),
)  # fmt: skip


@click.group(epilog=options.example("run.py journeys list"))
def group() -> None:
    """See journeys, pause and resume them."""


@group.command("list", epilog=options.example("run.py journeys list --json"))
@options.as_json
@click.pass_obj
def list_(session: Session, as_json: bool) -> None:
    """Every journey: its status, who is inside, entered today, waits to enter, is stuck."""
    app = session.app
    rows = overview.journeys(app.parts, session.now)
    problems = len(app.project.problems)
    note = f"{show.counted(problems, 'problem')} in files: run.py check" if problems else ""
    show.listing("journeys", COLUMNS, rows, session.settings.shop.zone, as_json, note)


@group.command("show", epilog=options.example("run.py journeys show dormant_wakeup"))
@click.argument("name")
@options.as_json
@click.pass_obj
def show_(session: Session, name: str, as_json: bool) -> None:
    """One journey: its steps, how many stand at each, until when, and what became of its messages."""
    parts, zone = session.app.parts, session.settings.shop.zone
    steps = overview.steps(parts, name)
    about = next(row for row in overview.journeys(parts, session.now) if row["name"] == name)
    if as_json:
        show.document({"journey": show.plain(COLUMNS, [about], zone)[0], "steps": show.plain(STEPS, steps, zone)})
        return
    show.table(COLUMNS, [about], zone)
    click.echo()
    rows: list[dict[str, Any]] = [
        row | {"messages": _said(row["messages"]), "held": row["held"] or None, "older": row["older"] or None}
        for row in steps
    ]
    show.table(STEPS, rows, zone)


@group.command(epilog=options.example("run.py journeys pause dormant_wakeup"))
@click.argument("name")
@options.who
@click.pass_obj
def pause(session: Session, name: str, who: str) -> None:
    """Everybody in a journey stands still, its messages too, until `resume`; whatever the file says."""
    overview.number(session.app.store, name)
    orders.pause(session.app.parts, name, who, session.now)
    click.echo(f"{name} stands still")


@group.command(epilog=options.example("run.py journeys resume dormant_wakeup"))
@click.argument("name")
@options.who
@click.pass_obj
def resume(session: Session, name: str, who: str) -> None:
    """A paused journey goes on; messages that became too late meanwhile expire."""
    overview.number(session.app.store, name)
    waiting = orders.resume(session.app.parts, name, who, session.now)
    click.echo(f"{name} goes on; {show.people(waiting)} had been held")


@group.command(epilog=options.example("run.py journeys retry"))
@options.who
@click.pass_obj
def retry(session: Session, who: str) -> None:
    """People who were set aside because of an error go on: after the cause was mended."""
    count = orders.retry_stuck(session.app.parts, who, session.now)
    click.echo(f"{show.people_do(count, 'goes', 'go')} on" if count else "nobody is stuck")


def _said(counts: dict[str, int]) -> str:
    return ", ".join(f"{count:,} {state}" for state, count in counts.items())
