"""`import`: customers, what they did before, and coupon codes, from CSV and XLSX."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import click

from automation.audience import lifecycle, rfm
from automation.kernel import errors
from automation.kernel.document import nearest
from automation.people import importing
from automation.people.importing import columns, text_files
from automation.people.importing.codes import CodeFile
from automation.people.importing.options import Options, Report, Watch
from automation.people.registry import Registry
from automation.rewards import pools
from automation.store import audit
from automation.store.database import Transaction

from . import options, progress, proving, show
from .session import Session

FILE = click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
REJECTED = "rejected rows and why: {} (put right, it can be imported itself)"
Importer = Callable[[Registry, Path, Options, int, Watch], Report]


ENCODING = click.option("--encoding", help=f"Of a CSV file: {', '.join(text_files.ENCODINGS)}. Default: found out.")
SHEET = click.option("--sheet", help="Of an XLSX file. Default: the first.")


def shared(command: Any) -> Any:
    """The options of both table imports."""
    for option in reversed((
        click.option("--map", "mapped", multiple=True, metavar="HEADING=FIELD", help="What a column means."),
        click.option("--account", "accounts", multiple=True, metavar="KIND=CHANNEL", help="Whose openids they are."),
        ENCODING, SHEET,
        click.option("--again", is_flag=True, help="Import a file once more that was imported before."),
        options.as_json,
        options.who,
        click.pass_obj,
    )):  # fmt: skip
        command = option(command)
    return command


@click.group(epilog=options.example("run.py import customers members.xlsx"))
def group() -> None:
    """Import customers, past events or coupon codes."""


@group.command(
    epilog=options.example("run.py import customers members.csv", "run.py import customers a.csv --map 卡号=member_no")
)
@FILE
@click.option("--changes", is_flag=True, help="Journeys hear of changed fields (customer.changed).")
@proving.options("consent-", " Of all consents in FILE, unless a column says it.")
@shared
def customers(session: Session, /, file: Path, changes: bool, **common: Any) -> None:
    """Import customers from CSV or XLSX.

    A row is recognised by phone, email, openid or any other identity: known people are updated, new ones made. Rows
    that cannot be taken go to a rejects file beside FILE. A killed import goes on where it stopped when run again.

    A yes without a time undoes no refusal. Columns consent_at, consent_source, consent_text_version and
    consent_evidence say of each row what shows its consents.
    """
    _import(
        session,
        "customers",
        importing.customers,
        file,
        {"changes": changes, "proof": proving.proof(session, common)},
        common,
    )


@group.command(epilog=options.example("run.py import events orders.csv --event order.paid"))
@FILE
@click.option("--event", help="The event, where the file has no column that says it.")
@click.option("--live", is_flag=True, help="Journeys hear of them, as if they happened now.")
@shared
def events(session: Session, /, file: Path, event: str | None, live: bool, **common: Any) -> None:
    """Import past events from CSV or XLSX.

    Columns: an identity, the time, the event's name (or --event) and its properties. Journeys do not hear of them
    unless --live; segments, computed values, stages and RFM do.
    """
    if event is not None:
        _known_event(session, event)
    _import(session, "events", importing.events, file, {"event": event, "live": live}, common)


@group.command(
    epilog=options.example(
        "run.py import coupons birthday_50 codes.xlsx", "run.py import coupons birthday_50 codes.csv --column 卡券编号"
    )
)
@click.argument("pool")
@FILE
@click.option("--column", metavar="HEADING|NUMBER", help="Of the codes; a number from 1 where there are no headings.")
@ENCODING
@SHEET
@options.as_json
@options.who
@click.pass_obj
def coupons(session: Session, /, pool: str, file: Path, as_json: bool, who: str, **read: Any) -> None:
    """Import coupon codes from CSV or XLSX into a POOL of coupons.yaml.

    FILE has one code a line, or a column named 券码, 兑换码, code or the like. Codes the pool knows already are passed
    over. Rows without a code that can be one go to a rejects file beside FILE.
    """
    session.require("coupons")
    _imported_pool(session, pool)
    store = session.app.store
    found = CodeFile(file, Options(encoding=read["encoding"], sheet=read["sheet"]), read["column"], pools.LONGEST)
    new, seen = pools.add(store, pool, found)
    with store.write() as tx:
        counts = {"new": new, "rejected": found.rejected}
        audit.record(tx, session.now, who, "coupons imported", pool=pool, file=file.name, **counts)
    _tell_codes(pool, found, {"new": new, "known": seen, "free": pools.left(store, pool)}, as_json)


def _imported_pool(session: Session, pool: str) -> None:
    known = session.app.project.coupons.get(pool)
    if known is None:
        near = nearest(pool, session.app.project.coupons)
        hint = f"; did you mean {near}?" if near else ""
        raise errors.Refused(f"there is no pool '{pool}' in coupons.yaml{hint}")
    if not known.imported:
        raise errors.Refused(
            f"the codes of {pool} are generated ({known.codes}): set `codes: import` in coupons.yaml first"
        )


def _tell_codes(pool: str, found: CodeFile, counts: Mapping[str, int], as_json: bool) -> None:
    if as_json:
        rejects = str(found.rejects_path) if found.rejects_path else None
        show.document({"pool": pool, **counts, "rejected": found.rejected, "rejects": rejects})
        return
    new, seen, free = counts.values()
    refused = f", {show.counted(found.rejected, 'row')} rejected" if found.rejected else ""
    click.echo(f"{show.counted(new, 'code')} added to {pool}, {seen:,} known before{refused}; {free:,} free now")
    if found.rejects_path:
        click.echo(REJECTED.format(found.rejects_path))


def _import(
    session: Session, kind: str, importer: Importer, file: Path, own: Mapping[str, Any], common: Mapping[str, Any]
) -> None:
    app, now = session.app, session.now
    registry, computed = session.people, app.computed  # made before any transaction: they write names
    mapped = _pairs(common["mapped"])
    chosen = Options(
        columns=_headings(session, kind) | mapped, asked=tuple(mapped), accounts=_pairs(common["accounts"]),
        encoding=common["encoding"], sheet=common["sheet"], again=common["again"], **own,
    )  # fmt: skip
    with app.store.write() as tx:
        audit.record(tx, now, common["who"], f"import of {kind} begun", file=file.name)

    def compute(tx: Transaction) -> None:
        computed.refresh(tx, now)

    with progress.bar(f"importing {file.name}") as bar:
        report = importer(registry, file, chosen, now, Watch(bar, compute))
    if not report.already:
        with progress.bar("stages and RFM") as bar:
            lifecycle.refresh(app.store, app.names, session.settings.lifecycle, now, bar)
            rfm.refresh(app.store, app.names, (session.settings.lifecycle, session.settings.rfm), now, bar)
        with app.store.write() as tx:
            counts = {"rows": report.rows, "created": report.created, "rejected": report.rejected}
            audit.record(tx, now, common["who"], f"{kind} imported", file=file.name, **counts)
    _tell(report, kind, common["as_json"])


def _tell(report: Report, kind: str, as_json: bool) -> None:
    counts = {
        "rows": report.rows, "created": report.created, "updated": report.updated, "merged": report.merged,
        "rejected": report.rejected, "blank": report.blank,
    }  # fmt: skip
    if as_json:
        rejects = str(report.rejects_path) if report.rejects_path else None
        show.document({
            **counts, "already": report.already, "rejects": rejects, "unknown_columns": list(report.unknown),
            "notes": list(report.notes),
        })  # fmt: skip
        return
    if report.already:
        click.echo("this file was imported before; --again takes it once more")
    known = "updated" if kind == "customers" else "known already"
    click.echo(
        f"{show.counted(report.rows, 'row')}: {report.created:,} new, {report.updated:,} {known},"
        f" {report.rejected:,} rejected, {report.blank:,} blank"
        + (f", {report.merged:,} merged" if report.merged else "")
        + f" ({report.seconds:.1f} s)"
    )
    for unknown in report.unknown:
        click.echo(f"column not used: {unknown}")
    for note in report.notes:
        click.echo(note)
    if report.rejects_path:
        click.echo(REJECTED.format(report.rejects_path))


def _headings(session: Session, kind: str) -> dict[str, str]:
    """The shop's own headings. One list serves both kinds of file: what the other kind only knows is passed over.

    Its word `consent` is that for marketing.
    """
    foreign = _of_customers if kind == "events" else partial(_of_events, session)
    found: dict[str, str] = {}
    for name, headings in session.settings.imports.headers.items():
        target = f"{columns.CONSENT}.marketing" if name == columns.CONSENT else name
        found |= dict.fromkeys(headings, columns.IGNORE if foreign(target) else target)
    return found


def _of_customers(target: str) -> bool:
    return target in (columns.TAGS, columns.CREATED) or target.startswith(columns.CONSENT)


def _of_events(session: Session, target: str) -> bool:
    catalog = session.app.project.catalog
    known = {columns.EVENT, columns.AT, columns.DEDUPE}.union(*(event.properties for event in catalog.events.values()))
    return target in known and target not in catalog.fields


def _pairs(words: tuple[str, ...]) -> dict[str, str]:
    found = {}
    for word in words:
        name, sign, value = word.rpartition("=")
        if not sign or not name or not value:
            raise errors.UsageError(f"'{word[:60]}' is not of the form NAME=VALUE, such as 手机号=phone")
        found[name] = value
    return found


def _known_event(session: Session, event: str) -> None:
    session.require("catalog")
    events_known = session.app.project.catalog.events
    if event not in events_known:
        near = nearest(event, events_known)
        hint = f"did you mean {near}?" if near else "declare it in catalog.yaml"
        raise errors.UsageError(f"'{event[:60]}' is not in the catalog; {hint}")
