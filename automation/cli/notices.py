"""`notices`: what staff and web hooks were told, what was given up and why; trying again."""

from __future__ import annotations

import click

from automation.engine.delivery import notices
from automation.kernel import errors
from automation.store.states import EffectState

from . import options, show
from .session import Session

COLUMNS = (
    show.number("id"), show.text("kind"), show.text("to"), show.text("told"), show.text("journey"), show.text("step"),
    show.number("person"), show.text("state"), show.number("attempts", "tries"), show.time("at"), show.time("due"),
    show.text("error"),
)  # fmt: skip
STATES = tuple(state.name.lower() for state in EffectState)


@click.group(epilog=options.example("run.py notices list --state failed"))
def group() -> None:
    """See what staff and web hooks were told, and what was given up; retry."""


@group.command("list", epilog=options.example("run.py notices list", "run.py notices list --state failed"))
@click.option("--state", type=click.Choice(STATES), help="In this state only.")
@options.limit(50)
@options.as_json
@click.pass_obj
def list_(session: Session, limit: int, as_json: bool, state: str | None) -> None:
    """Notices to staff and calls of web hooks, the newest first, with what was last answered."""
    wanted = EffectState[state.upper()] if state else None
    show.listing(
        "notices", COLUMNS, notices.listed(session.app.store, wanted, limit), session.settings.shop.zone, as_json
    )


@group.command(epilog=options.example("run.py notices retry 12 13", "run.py notices retry --all"))
@click.argument("numbers", type=options.NUMBER, nargs=-1, metavar="[NUMBER]...")
@click.option("--all", "everything", is_flag=True, help="All that were given up.")
@options.who
@click.pass_obj
def retry(session: Session, numbers: tuple[int, ...], everything: bool, who: str) -> None:
    """Those that were given up leave again, at once. Put config.yaml right first."""
    if bool(numbers) == everything:
        raise errors.UsageError("name the notices by number, or --all of those that were given up")
    with session.app.store.write() as tx:
        count = notices.retry(tx, None if everything else numbers, who, session.now)
    click.echo(f"{show.told(count, 'notice', 'is', 'are')} tried again")
