"""`keys`: a new key for what is sealed, and the end of an old one, while the shop goes on."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Any, Final

import click

from automation.kernel import errors
from automation.people import keyring, resealing
from automation.runtime import leader, sealed
from automation.store import audit
from automation.store.database import Statements

from . import options, progress, show
from .session import Session

SETTLED: Final = 3600  # seconds after which nothing that was sealed with the key before waits to be written
COLUMNS = (show.number("key"), show.number("values"), show.text("use"))


@click.group(epilog=options.example("run.py keys list", "run.py keys add", "run.py keys reseal"))
def group() -> None:
    """Change the key that seals contacts; see what each key still opens."""


@group.command("list", epilog=options.example("run.py keys list"))
@options.as_json
@click.pass_obj
def list_(session: Session, as_json: bool) -> None:
    """The keys by number, and how many values each of them has sealed. No key is shown."""
    ring = session.app.keyring
    counts = resealing.keys_of(session.app.store, sealed.PLACES)
    rows: list[dict[str, Any]] = []
    for number in sorted({*ring.data, *counts, ring.lasting}):
        uses = ["finds contacts, signs links"] if number == ring.lasting else []
        uses += ["seals"] if number == ring.newest else [] if number in ring.data or not number else ["MISSING"]
        rows.append({"key": number, "values": counts[number], "use": ", ".join(uses) or "opens old values"})
    show.listing("keys", COLUMNS, rows, session.settings.shop.zone, as_json)


@group.command(epilog=options.example("run.py keys add"))
@options.who
@click.pass_obj
def add(session: Session, who: str) -> None:
    """Make a new key: it seals from now on, also in a running engine. Then copy the key file, then `keys reseal`."""
    file = _file(session)
    _ = session.vault
    with session.app.store.write() as tx:  # one at a time
        number = keyring.add(file)
        audit.record(tx, session.now, who, "key added", key=number)
    click.echo(f"key {number} seals from now on")
    click.echo(f"Copy {file} to where its copies are NOW: a copy without key {number} opens nothing that is new.")
    click.echo("Then `run.py keys reseal`.")


@group.command(epilog=options.example("run.py keys reseal"))
@options.who
@click.pass_obj
def reseal(session: Session, who: str) -> None:
    """Seal all old values with the newest key, while everything goes on. Killed, it goes on where it was."""
    app, vault = session.app, session.vault
    # An engine follows the key file; what stood in its environment when it began it cannot learn again.
    alone = leader.leading(app.store) if session.settings.key.value is not None else nullcontext()
    with alone:
        counts = resealing.keys_of(app.store, sealed.PLACES)
        total = counts.total() - counts[vault.newest]
        with progress.bar("sealing anew") as bar:
            done = resealing.reseal(app.store, vault, sealed.PLACES, lambda count: bar(count, total))
    with app.store.write() as tx:
        audit.record(tx, session.now, who, "values sealed anew", key=vault.newest, values=done.changed,
                     unreadable=done.unreadable)  # fmt: skip
    click.echo(f"{show.counted(done.changed, 'value')} sealed anew with key {vault.newest}")
    if done.unreadable:
        raise errors.Refused(
            f"{show.counted(done.unreadable, 'value')} could not be opened: a key is missing in the key file"
        )


@group.command(epilog=options.example("run.py keys retire 1"))
@click.argument("number", type=options.Whole(0, keyring.MOST))
@options.who
@click.pass_obj
def retire(session: Session, number: int, who: str) -> None:
    """Take a key out of the key file that has nothing left to open. Older backups still need it.

    Refused in the first hour of a new key: what an engine or an import sealed before may still be on its way.
    """
    file = _file(session)
    with session.app.store.write() as tx:  # nothing can be written between the count and the end of the key
        keyring.refuse_lasting(keyring.load(file), number)
        if (settled := settled_at(tx)) > session.now:
            due = show.moment(settled, session.settings.shop.zone)
            raise errors.Refused(
                f"values sealed before the newest key was added may still be on their way: wait until {due}"
            )
        if left := resealing.keys_of(tx, sealed.PLACES)[number]:
            raise errors.Refused(
                f"{show.told(left, 'value', 'still needs', 'still need')} key {number}: first `run.py keys reseal`"
            )
        apart = keyring.retire(file, number)
        audit.record(tx, session.now, who, "key retired", key=number)
    click.echo(f"key {number} stands in {apart} now. Backups made before need it: keep it with them, and destroy it")
    click.echo("when the last of them is gone. To restore one, append its line to the key file.")


def settled_at(statements: Statements) -> int:
    """UTC seconds from which a key that opens nothing may go, 0 where none was ever added."""
    added = statements.value("SELECT max(at) FROM audit WHERE what = 'key added'")
    return 0 if added is None else int(added) + SETTLED


def _file(session: Session) -> Path:
    if session.settings.key.value is not None:
        raise errors.Refused(
            "the key comes from the environment: add a line number:key to it there, start the engine anew, then"
            " `run.py keys reseal`"
        )
    return session.settings.key.file
