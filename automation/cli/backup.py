"""`backup` and `restore`: a copy of the database while it is in use, and the way back to it."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import click

from automation.engine.delivery import gathered, restored
from automation.engine.delivery.facade import spool_beside
from automation.kernel import durable, errors
from automation.people import sealing
from automation.runtime import leader
from automation.store import audit, schema
from automation.store import backup as copies
from automation.store.database import PAGE, Store
from automation.store.turnstile import Turnstile

from . import options, progress, show
from .session import Session

MB: Final = 1024 * 1024
FILE = click.Path(dir_okay=False, path_type=Path)
KEY_APART = "The key file is NOT in it. Keep a copy of it in another place: without it the contacts are lost"
DUMP = 'pg_dump --format=custom --file=FILE "$DATABASE_URL"'
UNDUMP = 'pg_restore --clean --if-exists --no-owner --dbname="$DATABASE_URL" FILE'
NEXT = """\
All is stopped. Before `run.py resume-all`:
 1. take opt-outs and events of the time since then in again: the copy does not know them;
 2. start the engine and look at `run.py doctor`, `run.py audit` and `run.py campaign show NAME`;
 3. `run.py messages list --reason restored`, then `run.py messages resolve`: what was planned up to now may have
    left, is held, and never leaves by itself. What journeys catch up with joins it."""


@click.command(epilog=options.example("run.py backup /mnt/backups/shop-1122.db"))
@click.argument("file", type=FILE)
@click.option("--force", is_flag=True, help="Overwrite an earlier backup.")
@options.as_json
@options.who
@click.pass_obj
def backup(session: Session, file: Path, force: bool, as_json: bool, who: str) -> None:
    """Copy the database to FILE while it is in use.

    The state of one moment, checked from end to end, readable by you only. The key file is not in it: keep it apart.
    """
    store = session.app.store
    if store.path is None:
        raise errors.Refused(f"the database is PostgreSQL: use its own program: {DUMP}")
    key = session.app.keyring.file
    if key is not None and file.exists() and file.samefile(key):
        raise errors.Refused(f"{file} is the key file: name another")
    made = restored.Copy(session.now, session.vault.fingerprint)

    def finish(copy: Store) -> None:
        with copy.write() as tx:
            restored.mark(tx, made)

    with progress.bar("copying") as bar:
        size = copies.save(
            store, file, force=force, finish=finish,
            progress=lambda done, total: bar(done * PAGE // MB, total * PAGE // MB),
        )  # fmt: skip
    with store.write() as tx:
        audit.record(tx, session.now, who, "backup made", file=file.name, bytes=size)
    if as_json:
        show.document({"file": str(file), "bytes": size, "checked": True, "key_in_it": False})
        return
    click.echo(f"{file}: {size / MB:,.1f} MB, checked")
    click.echo(f"{KEY_APART}: {session.settings.key.file if session.settings.key.value is None else 'the environment'}")


@click.command(epilog=options.example("run.py restore /mnt/backups/shop-1122.db", "run.py restore  # after pg_restore"))
@click.argument("file", type=FILE, required=False)
@options.as_json
@options.who
@click.pass_obj
def restore(session: Session, file: Path | None, as_json: bool, who: str) -> None:
    """Go back to a backup.

    What may have left since it was made is held for you, and everything is stopped until `run.py resume-all`. Nothing
    is overwritten: move what is left of the old database away first. On PostgreSQL run pg_restore, then this without
    FILE.
    """
    path = _path(session)
    if path is None:
        if file is not None:
            raise errors.UsageError(f"the database is PostgreSQL: first {UNDUMP}, then `run.py restore` without FILE")
        with leader.leading(session.app.store):
            held = _settle(session, session.app.store, who, None)
        _tell(session, held, None, as_json)
        return
    if file is None:
        raise errors.UsageError("name the file that `run.py backup` made")
    path.parent.mkdir(parents=True, exist_ok=True)
    with leader.holding(path):
        _refuse_old(path)
        held, made = _bring_back(session, file, path, who)
    _tell(session, held, made, as_json)


def _path(session: Session) -> Path | None:
    """Of the SQLite database, None on PostgreSQL. Opening the store would make a new one."""
    url = session.settings.store.url.get_secret_value()
    return Path(url.removeprefix("sqlite:")) if url.startswith("sqlite:") else None


def _refuse_old(path: Path) -> None:
    """Nothing of another database may be left: SQLite would take its log for ours, delivery its spool."""
    spool = spool_beside(path)
    left = [one for one in (path, *(path.with_name(path.name + ending) for ending in copies.LOGS)) if one.exists()]
    left += [spool] if spool.is_dir() and any(spool.iterdir()) else []
    if left:
        words = " ".join(str(one) for one in left)
        raise errors.Refused(f"the old database is there still and is kept. Move it away: mkdir old && mv {words} old/")


def _bring_back(session: Session, file: Path, path: Path, who: str) -> tuple[int, restored.Copy]:
    """Works on a copy that gets its name last: killed before that, nothing was restored."""
    work = path.with_name(path.name + ".restoring")
    copies.take(file, work)
    try:
        with copies.worked_on(file, work) as store:
            schema.migrate(store)
            made = restored.marked(store)
            if made is None:
                raise errors.Refused(f"{file} is no backup: a file made by `run.py backup` is due")
            if made.key != session.app.keyring.fingerprint or not sealing.fits(store, session.app.vault):
                raise errors.Refused("the key does not open the contacts of this backup: put back the key file of then")
            held = _settle(session, store, who, made)
            copies.seal(store, work)
        with Turnstile(path):  # a new database is made inside it as well: none can come between
            _refuse_old(path)
            durable.replace(work, path)
    finally:
        copies.remove(work)
    return held, made


def _settle(session: Session, store: Store, who: str, made: restored.Copy | None) -> int:
    gathering = gathered.gathering(session.app.channels)
    with store.write() as tx:
        return restored.settle(tx, session.now, who, gathering, made.at if made else None)


def _tell(session: Session, held: int, made: restored.Copy | None, as_json: bool) -> None:
    if as_json:
        state_of = show.iso(made.at if made else None, session.settings.shop.zone)
        show.document({"state_of": state_of, "held": held, "stopped": True})
        return
    if made is not None:
        click.echo(f"restored: the state of {show.moment(made.at, session.settings.shop.zone)}")
    click.echo(f"{show.counted(held, 'message')} held: nobody knows whether they left since")
    click.echo(NEXT)
