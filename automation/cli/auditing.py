"""`audit`: the invariants on the live database, and the log of what operators did."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

import click

from automation.engine import invariants
from automation.store import audit as log

from . import options, show
from .session import Session

FINDINGS = (show.text("invariant"), show.text("says"), show.number("offending"), show.text("examples"))
TIMES = frozenset({"at"})  # what a detail has of moments
ROWS = (show.number("id"), show.time("at"), show.text("who"), show.text("what"), show.text("detail"))


@click.group(invoke_without_command=True, epilog=options.example("run.py audit", "run.py audit list --limit 20"))
@options.as_json
@click.pass_context
def group(context: click.Context, as_json: bool) -> None:
    """Check the invariants; see what operators did.

    Without a command: check.
    """
    if context.invoked_subcommand is None:
        context.invoke(check, as_json=as_json)


@group.command(epilog=options.example("run.py audit check --json"))
@options.as_json
@click.pass_obj
def check(session: Session, as_json: bool) -> None:
    """Check on the live database what must always hold: nothing lost, doubled, skipped or unaccounted for.

    Exit code 1 where something does not hold. Safe at any time; it only reads.
    """
    found = list(invariants.check(session.app.store))
    broken = [one for one in found if one.count]
    rows: list[dict[str, Any]] = [
        {
            "invariant": one.invariant.id,
            "says": one.invariant.says,
            "offending": one.count,
            "examples": list(one.examples),
        }
        for one in (found if as_json else broken)
    ]
    if as_json:
        show.document({"holds": not broken, "invariants": rows})
    else:
        if rows:
            show.table(FINDINGS, rows, session.settings.shop.zone)
        click.echo(f"{len(found) - len(broken)} of {len(found)} invariants hold")
    if broken:
        raise click.exceptions.Exit(1)


@group.command("list", epilog=options.example("run.py audit list --limit 20"))
@options.limit(50)
@options.as_json
@click.pass_obj
def list_(session: Session, limit: int, as_json: bool) -> None:
    """What operators did, the newest first."""
    rows = [dict(row) for row in log.listed(session.app.store, limit)]
    if not as_json:
        for row in rows:
            row["detail"] = _told(row["detail"], session.settings.shop.zone)
    show.listing("audit", ROWS, rows, session.settings.shop.zone, as_json)


def _told(detail: Mapping[str, Any], zone: ZoneInfo) -> str:
    said = {name: show.moment(value, zone) if name in TIMES else value for name, value in detail.items()}
    return ", ".join(f"{name}={value}" for name, value in said.items() if value not in ("", None))
