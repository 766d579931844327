"""`init`: a new shop in a folder, copied from the one Lucheng comes with. Nothing that exists is touched."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Final

import click

from automation.journey import project
from automation.journey import schema as editors
from automation.kernel import errors, shapes, source
from automation.people import keyring
from automation.settings import load_store
from automation.settings.sections import Key
from automation.store import schema

from . import options, show

SHIPPED: Final = Path(__file__).resolve().parents[2]
SCHEMA: Final = "journey.schema.json"
HINT: Final = f"# yaml-language-server: $schema={SCHEMA}\n"
IGNORED: Final = """\
# the database, the key file and logs: never in git
var/
# rows an import did not take: phones and names in clear
*.rejects-*.csv
"""


@click.command(epilog=options.example("run.py init myshop", "cd myshop && python ../run.py check"))
@click.argument("name", type=click.Path(file_okay=False), metavar="DIR")
def init(name: str) -> None:
    """Make a new shop: settings, journeys, templates and the key file.

    Files that exist are kept as they are. Editors that read the schema line complete and check journeys while you type.
    """
    if not name.strip():
        raise errors.UsageError("DIR is empty: name the shop's folder, or write . for the one you are in")
    folder = Path(name)
    made: list[str] = []
    kept: list[str] = []
    try:
        for path, content in _files():
            (made if _write(folder / path, content) else kept).append(str(path))
        key = _key_file(folder)
        if key is not None and not key.exists():
            _refuse_sealed(folder / "config.yaml", key)
            keyring.create(key)
            made.append(_shown(key, folder))
        elif key is not None:
            kept.append(_shown(key, folder))
    except OSError as error:
        raise errors.ServiceAway(f"{folder} cannot be written: {error.strerror}") from error
    if made:
        there = f"; {show.told(len(kept), 'file', 'was', 'were')} there and kept" if kept else ""
        click.echo(f"made {show.counted(len(made), 'file')} in {folder}{there}")
    else:
        click.echo(f"everything is there already in {folder}")
    if key is None:
        click.echo("no key file is made: config.yaml takes the key from a secret (key.value)")
    elif _shown(key, folder) in made:
        click.echo(f"Note: {keyring.WARNING}: {key}")
    there = "" if folder.resolve() == Path.cwd() else f"cd {folder}, "
    click.echo(f"Next: {there}change config.yaml, then `run.py check`")


def _key_file(folder: Path) -> Path | None:
    """Where config.yaml, which may have been there before, wants the key; None where it takes it from a secret.

    Only this part of it is read: the rest may name folders and secrets that do not exist yet.
    """
    path = folder / "config.yaml"
    document = source.read(path)
    found = document.data.get("key") or {}
    if isinstance(found, dict) and found.get("value") is not None:
        return None
    part = replace(document, data={"key": found})
    return shapes.validate(part, _WithKey, context={"folder": path.resolve().parent, "environ": {}}).key.file


def _refuse_sealed(config: Path, key: Path) -> None:
    """Refused where the database has contacts: a new key opens none of them."""
    url = load_store(config, os.environ).url.get_secret_value()
    if url.startswith("sqlite:") and not Path(url.removeprefix("sqlite:")).exists():
        return  # opening would make it
    with closing(schema.opened(url)) as store:
        if store.value("SELECT 1 FROM identity LIMIT 1") is not None:
            raise errors.Refused(
                f"the database has contacts that only its own key opens, so no new one is made:"
                f" restore your copy of {key}"
            )


class _WithKey(shapes.Strict):
    key: Key


def _shown(key: Path, folder: Path) -> str:
    inside = folder.resolve()
    return str(key.relative_to(inside)) if key.is_relative_to(inside) else str(key)


def _files() -> Iterator[tuple[Path, bytes]]:
    """Every file of a new shop: its path below the folder, and what stands in it."""
    yield Path("config.yaml"), (SHIPPED / "config.yaml").read_bytes()
    yield Path(".gitignore"), IGNORED.encode()
    for path in sorted((SHIPPED / "journeys").glob("*.yaml")):
        content = path.read_bytes()
        if path.stem not in project.RESERVED and not content.startswith(HINT.encode()):
            content = HINT.encode() + content
        yield Path("journeys", path.name), content
    yield Path("journeys", SCHEMA), json.dumps(editors.journey(), ensure_ascii=False, indent=1).encode()
    for path in sorted((SHIPPED / "tests").glob("*.yaml")):
        yield Path("tests", path.name), path.read_bytes()
    templates = SHIPPED / "templates"
    for path in sorted(templates.rglob("*")):
        if path.is_file() and not path.name.startswith("."):
            yield Path("templates") / path.relative_to(templates), path.read_bytes()


def _write(path: Path, content: bytes) -> bool:
    """Writes a new file; False where one exists."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with path.open("xb") as file:
            file.write(content)
    except FileExistsError:
        return False
    return True
