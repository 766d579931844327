"""The stop switch: one command stops everything that leaves, one lets it leave again."""

from __future__ import annotations

import json

import click

from automation.engine.delivery import operators
from automation.policy import stop
from automation.store import audit

from . import options, show
from .session import Session

GIVEN = "reason given"  # in the audit, of the moment of the order
REASON = "SELECT detail FROM audit WHERE what = :what AND at = :at ORDER BY id DESC LIMIT 1"


@click.command(epilog=options.example("run.py stop-all --why 短信内容有误"))
@click.option("--why", default="", metavar="TEXT", help="Kept in the audit.")
@options.as_json
@options.who
@click.pass_obj
def stop_all(session: Session, why: str, as_json: bool, who: str) -> None:
    """Stop every message at once.

    Nothing more leaves from now on; what a provider was already given cannot be called back. Journeys go on, their
    messages wait until `resume-all`, and those whose time runs out meanwhile expire.
    """
    _turn(session, True, who, why)
    _tell(True, "stopped: no message leaves until `run.py resume-all`", as_json)


@click.command(epilog=options.example("run.py resume-all"))
@click.option("--why", default="", metavar="TEXT", help="Kept in the audit.")
@options.as_json
@options.who
@click.pass_obj
def resume_all(session: Session, why: str, as_json: bool, who: str) -> None:
    """Let messages leave again."""
    _turn(session, False, who, why)
    _tell(False, "messages leave again", as_json)


def remind(session: Session) -> None:
    """One line on stderr while everything is stopped: whoever waits for messages would look elsewhere."""
    store = session.app.store
    stopped = stop.since(store)
    if stopped is None:
        return
    at, who = stopped
    reason = store.value(REASON, what=GIVEN, at=at)
    why = f" ({json.loads(reason)['why']})" if reason else ""
    moment = show.moment(at, session.settings.shop.zone)
    click.echo(
        f"everything is stopped since {moment}, by {who}{why}: `run.py resume-all` lets messages leave again", err=True
    )


def _tell(stopped: bool, words: str, as_json: bool) -> None:
    if as_json:
        show.document({"stopped": stopped})
    else:
        click.echo(words)


def _turn(session: Session, on: bool, who: str, why: str) -> None:
    with session.store_alone() as store, store.write() as tx:
        operators.stop_all(tx, on, who, session.now)
        if why:
            audit.record(tx, session.now, who, GIVEN, why=why)
