"""`segment`: who is in a segment of segments.yaml; how many, a few of them, all of them as a file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click

from automation.audience import rfm, segments, slices
from automation.journey.segments import Segment
from automation.kernel import errors
from automation.kernel.document import nearest
from automation.people import exporting, identities, masking
from automation.store import audit

from . import options, progress, show
from .session import Session

COLUMNS = (
    show.number("id"),
    show.text("name"),
    show.text("stage"),
    *map(show.number, rfm.COLUMNS),
    show.number("points"),
    show.time("created_at", "since"),
)
PERSON = ("id", "uid", "name", "stage", *rfm.COLUMNS, "points", "created_at")
EXPORTED = PERSON[:-1]
PAGE = 1000


@click.group(epilog=options.example("run.py segment count dormant_90d"))
def group() -> None:
    """See who is in a segment; export it."""


@group.command("list", epilog=options.example("run.py segment list --json"))
@click.option("--count", "counted", is_flag=True, help="Count everybody, which takes a moment on a large base.")
@options.as_json
@click.pass_obj
def list_(session: Session, counted: bool, as_json: bool) -> None:
    """The segments of segments.yaml."""
    rows: list[dict[str, Any]] = [{"name": one.name, "title": one.title} for one in _all(session)]
    columns = [show.text("name"), show.text("title")]
    if counted:
        columns.append(show.number("people"))
        for row in rows:
            row["people"] = _count(session, session.app.project.segments[row["name"]])
    show.listing("segments", columns, rows, session.settings.shop.zone, as_json)


@group.command(epilog=options.example("run.py segment count dormant_90d"))
@click.argument("name")
@options.as_json
@click.pass_obj
def count(session: Session, name: str, as_json: bool) -> None:
    """How many people are in a segment now."""
    people = _count(session, _one(session, name))
    if as_json:
        show.document({"segment": name, "people": people})
    else:
        click.echo(f"{show.people_do(people, 'is', 'are')} in {name}")


@group.command(epilog=options.example("run.py segment sample dormant_90d --limit 5"))
@click.argument("name")
@options.limit(10)
@options.as_json
@click.pass_obj
def sample(session: Session, name: str, limit: int, as_json: bool) -> None:
    """A few people of a segment: a fair draw, the same one every time. Names are masked."""
    condition = _one(session, name).condition
    app = session.app
    ids = segments.sample(app.store, app.compiler, condition, session.now, limit)
    rows = [row | {"name": masking.name(row["name"] or "")} for row in _people(session, ids)]
    show.listing("people", COLUMNS, rows, session.settings.shop.zone, as_json)


@group.command(epilog=options.example("run.py segment export dormant_90d --to out.csv --unmask 线下活动邀约"))
@click.argument("name")
@click.option("--to", "path", type=click.Path(dir_okay=False, path_type=Path), required=True, help="A new CSV file.")
@options.unmask
@options.who
@click.pass_obj
def export(session: Session, name: str, path: Path, unmask: str | None, who: str) -> None:
    """Write the people of a segment to a CSV file: ids and masked names.

    With --unmask names are in clear, and phone and email stand beside them. Every export is in the audit.
    """
    condition = _one(session, name).condition
    app, now = session.app, session.now
    if path.exists():
        raise errors.Refused(f"{path} exists already: name another file")
    contacts = ("phone", "email") if unmask else ()
    if unmask:
        _ = session.people  # refuses before anything is written where the key is missing
    with app.store.write() as tx:
        audit.record(
            tx, now, who, "segment exported", segment=name, file=path.name, unmasked=bool(unmask), why=unmask or ""
        )
    with progress.bar(f"exporting {name}") as bar:
        ids = segments.ids(app.store, app.compiler, condition, now)
        rows = _exported(session, ids, bool(unmask), bar)
        written = exporting.export_rows(path, (*EXPORTED, *contacts), rows)
    click.echo(f"{show.counted(written, 'customer')} written to {path}")


def _all(session: Session) -> list[Segment]:
    session.require("catalog", "segments")
    return list(session.app.project.segments.values())


def _one(session: Session, name: str) -> Segment:
    known = {one.name: one for one in _all(session)}
    if name not in known:
        near = nearest(name, known)
        hint = f"did you mean {near}?" if near else "`run.py segment list` shows those of segments.yaml"
        raise errors.Refused(f"there is no segment '{name}'; {hint}")
    return known[name]


def _count(session: Session, segment: Segment) -> int:
    return segments.count(session.app.store, session.app.compiler, segment.condition, session.now)


def _people(session: Session, ids: Sequence[int]) -> list[dict[str, Any]]:
    """In the order of the ids."""
    given = session.app.store.dialect.each("ids", {"id": "bigint"})
    rows = session.app.store.rows(
        f"SELECT {', '.join(f'p.{name}' for name in PERSON)} FROM {given} i JOIN person p ON p.id = i.id",
        ids=slices.bound(ids),
    )
    found = {row[0]: dict(zip(PERSON, row, strict=True)) for row in rows}
    return [found[number] for number in ids if number in found]


def _exported(session: Session, ids: Sequence[int], clear: bool, bar: progress.Advance) -> Iterator[list[Any]]:
    done = 0
    for chunk in slices.chunks(ids, PAGE):
        for person in _people(session, chunk):
            name = person["name"] or ""
            row = [person[key] for key in EXPORTED]
            row[EXPORTED.index("name")] = name if clear else masking.name(name)
            yield row + (_contacts(session, person["id"]) if clear else [])
        done += len(chunk)
        bar(done)


def _contacts(session: Session, person: int) -> list[str]:
    known: dict[str, str] = {}
    for identity, _ in identities.opened(session.people, session.people.store, person):
        known.setdefault(identity.kind, identity.text)
    return [known.get("phone", ""), known.get("email", "")]
