"""`doctor`: looks everywhere and says what is wrong, or will be soon, and what to do."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import click

from . import health, options, show
from .session import Session

COLUMNS = (show.text("level", " "), show.text("about"), show.text("says"))


@click.command(epilog=options.example("run.py doctor", "run.py doctor --json"))
@options.as_json
@click.pass_obj
def doctor(session: Session, as_json: bool) -> None:
    """Look for what is wrong or will be soon.

    Exit code 1 where there is a problem; notes alone are fine.
    """
    found = list(health.look(session))
    rows = [{"level": str(one.level), "about": one.about, "says": one.says} for one in found]
    problems = sum(one.level is health.Level.PROBLEM for one in found)
    if as_json:
        show.document({"healthy": not problems, "looks": rows})
    else:
        show.table(COLUMNS, rows, ZoneInfo("UTC"))  # no column is a time
        click.echo(show.counted(problems, "problem"))
    if problems:
        raise click.exceptions.Exit(1)
