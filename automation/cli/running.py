"""`start` and `tick`: the engine at work."""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import TYPE_CHECKING

import click

from automation.app import App
from automation.engine import install
from automation.engine import tick as engine
from automation.engine.delivery import restored
from automation.runtime import leader

from . import logs, options, show, switch
from .session import Session

if TYPE_CHECKING:
    from automation.web.server import Edge


LAST_RUN = "SELECT coalesce(max(id), 0) FROM run"
SINCE = "SELECT count(*) FROM run WHERE id > :before"


@click.command(epilog=options.example("run.py start"))
@click.pass_obj
def start(session: Session) -> None:
    """Run the engine until it is stopped.

    Moves people through their journeys, sends their messages, and answers at `web.port` of config.yaml: callbacks of
    platforms, tracked links, pages for customers, events. Changed files are taken into use by themselves.
    Stop it with Ctrl-C or SIGTERM: what is on its way is finished first. Exit code 4 where an engine runs already,
    3 where the port is taken.
    """
    from automation.runtime import service  # the scheduler is needed here only

    logs.set_up(session.settings.log, session.settings.shop.zone, session.debug)
    _ = session.vault
    restored.refuse_copy(session.app.store)
    session.app.require_files()
    edges: list[Edge] = []

    def beside(pulse: service.Pulse) -> Edge | None:
        if session.settings.web.port is None:
            return None
        from automation.web.server import Edge  # and the web server too

        edges.append(Edge(session.app, pulse.is_there))
        return edges[0]

    def ready() -> None:
        where = f" on {edges[0].url}" if edges else ", no web edge"
        click.echo(f"started{where}; stop with Ctrl-C", err=True)

    service.run(session.app, ready, beside)
    click.echo("stopped", err=True)


@click.command(epilog=options.example("run.py tick", "run.py tick --json"))
@options.as_json
@click.pass_obj
def tick(session: Session, as_json: bool) -> None:
    """Do once what is due now, and end.

    Takes changed files into use, works off events, entries and waits, and sends what may leave. For a cron job, and
    for trying things out. Exit code 4 where an engine runs already.
    """
    app = session.app
    _ = session.vault
    restored.refuse_copy(app.store)
    switch.remind(session)
    with leader.leading(app.store):
        app.require_files()
        app.index(partial(click.echo, err=True))
        changed = install.install(app.parts, session.now)
        moved, sent = _until_quiet(app)
    if as_json:
        show.document({
            "installed": changed, "events": moved.events, "entered": moved.entered, "moved": moved.advanced,
            "messages": dict(sent),
        })  # fmt: skip
        return
    for name in changed:
        click.echo(f"taken into use: {name}")
    told = ", ".join(f"{count:,} {state}" for state, count in sorted(sent.items())) or "none"
    heard = show.counted(moved.events, "event")
    click.echo(f"{heard}, {moved.entered:,} entered, {moved.advanced:,} moved on; messages: {told}")


def _until_quiet(app: App) -> tuple[engine.Moved, Counter[str]]:
    """Rounds of moving and sending until nothing is due: what is sent may wake those who wait for it."""
    total, now = engine.Moved(), app.clock.now()
    before = app.store.value(LAST_RUN)
    try:
        sent = app.delivery.start(alone=True).states
        while True:
            moved = engine.tick(app.parts, now)
            total.events += moved.events
            total.advanced += moved.advanced
            delivered = app.delivery.step(now)
            sent += delivered.states
            if not moved.anything and not delivered.anything:
                # Nobody else lets people in meanwhile. The engine itself counts those who asked, not who was let in.
                total.entered = app.store.value(SINCE, before=before)
                return total, sent
    finally:
        app.delivery.close()
