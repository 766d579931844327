"""The entry script of the harness: the real engine on a shop's folder, its ports wrapped by those that wound.

`python -m tests.processes.harness.engine FOLDER '{"wound": "dispatch.after:3"}'`
"""

from __future__ import annotations

import faulthandler
import json
import logging
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from automation.app import App
from automation.engine import install, tick
from automation.engine.delivery import reserve
from automation.engine.delivery.facade import spool_folder
from automation.kernel import errors
from automation.runtime import service
from automation.store import checkpoints, schema
from automation.store.database import Store
from automation.web.server import Edge
from tests.processes.harness import shop, wires, wounds
from tests.processes.harness.shop import Shop

TICK = 0.02  # seconds: shorter than a shop may say, so that every kill finds work


def read(folder: Path) -> App:
    """The application with its files read and no database open: what a process can hand to those it forks."""
    app = Shop(folder).app()
    _ = app.project
    return app


def warm(folder: Path) -> None:
    """Does once what is only slow the first time, on a database of its own that is closed again."""
    app = shop.make(folder, "http://127.0.0.1:9", people=3).app()
    install.install(app.parts, app.clock.now())
    shop.happen(Shop(folder), [(1, "order.paid", "D1")])
    tick.tick(app.parts, app.clock.now())
    app.delivery.step(app.clock.now())
    app.delivery.close()
    app.close()


def build(folder: Path, orders: dict[str, Any], app: App | None = None) -> App:
    """The application with wrapped ports. `orders`: `wound`, `ledger`, `pages` after which the log is checkpointed,
    `pull`: seconds between two looks for reports."""
    app = app or read(folder)
    faster = app.settings.engine.model_copy(update={"tick": orders.get("tick", TICK)})
    app.settings = app.settings.model_copy(update={"engine": faster})
    wound = wounds.Wound(orders.get("wound", ""))
    if "pages" in orders:
        checkpoints.PASSIVE_PAGES, checkpoints.RESTART_PAGES = orders["pages"], 2 * orders["pages"]
        checkpoints.PAUSE = 0.001
    store = wounds.WoundedStore(app.settings.store.url.get_secret_value())
    store.wound = wound
    wound.writing = getattr(store.turnstile, "_thread_write", wound.writing)
    schema.migrate(store)
    # What the application would make itself when first asked is put in its place.
    app.__dict__["store"] = store
    app.__dict__["cache"] = wounds.WoundedCache(app.cache, wound)
    ledger = Path(orders.get("ledger", folder / "ledger"))
    app.__dict__["channels"] = {
        name: wounds.WoundedChannel(channel, wound, getattr(app.settings.channels[name], "url", ""), ledger)
        for name, channel in app.channels.items()
    }
    wires.cut(wound)
    for channel in app.channels.values():
        if orders.get("pull") and getattr(channel, "every", 0):
            channel.every = orders["pull"]  # type: ignore[attr-defined]
    where = spool_folder(app.parts)
    assert where is not None
    app.delivery._spool = wounds.WoundedSpool(where, wound)
    if "space" in orders:
        reserve.free = lambda _: int((folder / "space").read_text())
    return app


def run(folder: Path, orders: dict[str, Any], ready: Callable[[], None], known: App | None = None) -> int:
    """Lives until stopped or killed; the exit code a command would have. `only: delivery`: no lock."""
    faulthandler.register(signal.SIGUSR1)  # says where every thread is
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s", force=True)
    try:
        if orders.get("only") == "migrate":
            migrate(folder, orders)
            ready()
            return 0
        app = build(folder, orders, known)
        if orders.get("ready") == "sending":
            ready = _when_sending(app, ready)
        if orders.get("only") == "delivery":
            ready()
            app.delivery.run(threading.Event())
        else:
            service.run(app, *_beside(app, ready) if orders.get("web") else (ready,))
        app.close()
    except errors.LuchengError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return int(error.exit_code)
    return 0


def _beside(app: App, ready: Callable[[], None]) -> tuple[Callable[[], None], Callable[[service.Pulse], Edge]]:
    """The web edge too; where it listens is in the file `edge`."""
    edges: list[Edge] = []

    def beside(pulse: service.Pulse) -> Edge:
        edges.append(Edge(app, pulse.is_there))
        return edges[0]

    def told() -> None:
        (app.settings.folder / "edge").write_text(edges[0].url)
        ready()

    return told, beside


def migrate(folder: Path, orders: dict[str, Any]) -> None:
    """Brings an empty database up to date: `statement:N` kills before the Nth one, `commit.before` and `.after`."""
    wound = wounds.Wound(orders["wound"])
    store = Store(f"sqlite:{folder / 'lucheng.db'}")
    execute, commit = store.connections.execute_sql, store.connections.commit

    def wounded(sql: str, *arguments: Any, **named: Any) -> Any:
        wound.at("statement")
        return execute(sql, *arguments, **named)

    def last(*arguments: Any) -> Any:
        wound.at("commit.before")
        done = commit(*arguments)
        wound.at("commit.after")
        return done

    store.connections.execute_sql = wounded
    store.connections.commit = last
    schema.migrate(store)
    store.close()


def _when_sending(app: App, ready: Callable[[], None]) -> Callable[[], None]:
    """Ready is who is about to send the first message; the service itself has nothing to say then."""
    lock, told = threading.Lock(), []

    def first() -> None:
        with lock:
            if not told:
                told.append(True)
                ready()

    for channel in app.channels.values():
        assert isinstance(channel, wounds.WoundedChannel)
        channel.first = first
    return lambda: None


if __name__ == "__main__":
    sys.exit(run(Path(sys.argv[1]), json.loads(sys.argv[2]), lambda: print("ready", flush=True)))  # noqa: T201
