"""`customers show`: all that is known about one customer, and why she got a message or did not."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

import click

from automation.audience import rfm
from automation.conditions.tree import FieldType
from automation.engine import overview
from automation.engine.delivery import operators
from automation.journey import nodes
from automation.journey.catalog import Catalog, Computed, EventType, Field, Home, Property
from automation.people import identities, masking, showing
from automation.policy import reach
from automation.store import audit

from . import options, show, who_is
from .session import Session

RUNS = (
    show.text("journey"), show.text("key"), show.text("step"), show.time("due"), show.text("why"),
    show.time("entered_at"), show.time("ended_at"), show.time("goal_at"), show.text("path"),
    show.unseen("inside"), show.unseen("run"),
)  # fmt: skip
MESSAGES = (
    show.number("id"), show.text("journey"), show.text("step"), show.text("state"), show.text("reason"),
    show.text("channel"),
    show.time("due"), show.time("sent_at"), show.time("delivered_at"), show.time("opened_at"), show.time("clicked_at"),
    show.time("expires_at"), show.unseen("word"),
)  # fmt: skip
EVENTS = (show.time("at"), show.text("event"), show.text("key"), show.text("properties"))
CONSENTS = (
    show.text("channel"), show.text("purpose"), show.text("granted"), show.time("at"), show.text("source"),
    show.text("text_version", "text"), show.unseen("evidence"),
)  # fmt: skip
WINDOWS = (show.text("channel"), show.time("until"), show.text("left", "replies left"))
GRANTS = (show.text("channel"), show.text("template"), show.number("left", "notices left"))
TAGS = (show.text("tag"), show.text("source"), show.time("since"), show.time("until"))
IDENTITIES = (show.text("kind"), show.text("shown", "address"), show.text("account"), show.text("blocked"))
COUPONS = (show.text("pool"), show.time("given_at"), show.time("expires_at"), show.time("redeemed_at"))
MERGES = (show.number("merge"), show.number("gone"), show.text("reason"), show.time("at"), show.time("undone_at"))
BLOCKED = f"""
    SELECT i.kind, i.account,
        (SELECT max(s.reason) FROM suppression s WHERE s.kind IN (i.kind, '*') AND s.lookup = i.lookup)
    FROM identity i WHERE i.person_id = :person AND EXISTS ({reach.suppressed("1 = 1")})"""
RECENT = """
    SELECT at, name_id, key, props FROM event WHERE person_id = :person ORDER BY at DESC, id DESC LIMIT :most"""
EVENTS_SHOWN = 20


@click.command(
    "show", epilog=options.example("run.py customers show 13800000001", "run.py customers show '#12' --json")
)
@click.argument("text", metavar="CUSTOMER")
@options.limit(20)
@options.as_json
@options.unmask
@options.who
@click.pass_obj
def show_(session: Session, text: str, limit: int, as_json: bool, unmask: str | None, who: str) -> None:
    """One customer: profile, tags, consents, journeys and where she stands, messages and why they did not leave.

    Contacts are masked unless --unmask says why they are needed, which is kept in the audit.
    """
    person = who_is.one(session, text)
    if unmask:
        note_unmasking(session, [person], who, unmask)
    report = _report(session, person, limit, bool(unmask))
    if as_json:
        show.document(_plain(session, report))
    else:
        _print(session, report)


def note_unmasking(session: Session, people: list[int], who: str, why: str) -> None:
    """Writes down who looked at whose data in clear, before it is shown."""
    with session.app.store.write() as tx:
        audit.record(tx, session.now, who, "personal data shown", people=people, why=why)


def _report(session: Session, person: int, limit: int, clear: bool) -> dict[str, Any]:
    app, registry = session.app, session.people
    report = showing.show(registry, person, session.now)
    if clear:
        report["name"] = app.store.value("SELECT name FROM person WHERE id = :id", id=person)
    else:
        _mask_years(session, report["fields"])
    blocked = {(kind, account): why for kind, account, why in app.store.rows(BLOCKED, person=person)}
    report["identities"] = [
        {"kind": known.kind, "account": known.account, "verified_at": verified,
         "blocked": blocked.get((known.kind, known.account)),
         "shown": known.text if clear else masking.identity(known.kind, known.text)}
        for known, verified in identities.opened(registry, app.store, person)
    ]  # fmt: skip
    for one in report["consents"]:
        one["granted"] = bool(one["granted"])
    report["events"] = [
        {"at": at, "event": registry.names.word(name), "key": key, "properties": json.loads(props) if props else {}}
        for at, name, key, props in app.store.rows(RECENT, person=person, most=EVENTS_SHOWN)
    ]
    report["runs"] = overview.runs(app.parts, person, limit)
    report["messages"] = operators.listed(app.store, operators.Filter(person=person, limit=limit))
    return report


def _mask_years(session: Session, fields: dict[str, Any]) -> None:
    """A whole birthday tells who somebody is; the day of the year is enough to understand a journey."""
    known = session.app.project.catalog.fields
    for name, value in fields.items():
        if name in known and known[name].home is Home.DATE:
            fields[name] = re.sub(r"\d{4}", "****", str(value))


def _plain(session: Session, report: dict[str, Any]) -> dict[str, Any]:
    zone = session.settings.shop.zone
    tables = {
        "identities": IDENTITIES, "tags": TAGS, "consents": CONSENTS, "runs": RUNS, "messages": MESSAGES,
        "events": EVENTS, "coupons": COUPONS, "merges": MERGES,
        "windows": WINDOWS, "grants": GRANTS,
    }  # fmt: skip
    found = dict(report) | {name: show.plain(columns, report[name], zone) for name, columns in tables.items()}
    for run in found["runs"]:
        run["path"] = [one | {"at": show.iso(one["at"], zone)} for one in run["path"]]
    return found | {key: show.iso(report[key], zone) for key in ("created_at", "changed_at")}


def _print(session: Session, report: dict[str, Any]) -> None:
    zone = session.settings.shop.zone
    since = show.moment(report["created_at"], zone)
    points = f"{report['points']:,} point{'' if report['points'] == 1 else 's'}"
    called, stage = report["name"] or "(no name)", report["stage"] or "no stage"
    click.echo(f"#{report['id']} {called}, {stage}, {points}, since {since}")
    if report["merged_into"]:
        click.echo(f"merged into #{report['merged_into']}")
    else:
        click.echo(_scores(session, report))
    catalog = session.app.project.catalog
    listed = report["fields"] | report["computed"]
    if listed:
        click.echo("; ".join(f"{name}: {_said(catalog, name, value, zone)}" for name, value in sorted(listed.items())))
    _section("Contacts", IDENTITIES, report["identities"], zone)
    _section("Tags", TAGS, report["tags"], zone)
    _section("Consents (marketing needs a yes; service goes unless there is a no)", CONSENTS, report["consents"], zone)
    _allowed(session, report, zone)
    _section("Journeys", RUNS, [row | {"path": _path(row["path"], zone)} for row in report["runs"]], zone)
    _section("Messages", MESSAGES, report["messages"], zone)
    events = [
        row | {"properties": _properties(catalog.events.get(row["event"]), row["properties"], zone)}
        for row in report["events"]
    ]
    _section(f"Events (the last {EVENTS_SHOWN})", EVENTS, events, zone)
    for title, columns, name in (("Coupons", COUPONS, "coupons"), ("Merges", MERGES, "merges")):
        if report[name]:
            _section(title, columns, report[name], zone)


def _scores(session: Session, report: dict[str, Any]) -> str:
    if report["recency"] is None:
        event = session.settings.lifecycle.event
        return f"no RFM scores: no {event} before the last count (every night, and after imports)"
    listed = ", ".join(f"{name} {report[name]}" for name in rfm.COLUMNS)
    return f"RFM scores, 5 is best: {listed}"


def _allowed(session: Session, report: dict[str, Any], zone: ZoneInfo) -> None:
    """Why a reason says "window closed" or "no grant", where a channel has lanes that ask for them."""
    lanes = [lane for channel in session.app.channels.values() for lane in channel.lanes]
    windows = [row | {"left": "any number" if row["left"] is None else row["left"]} for row in report["windows"]]
    if windows or any(lane.window for lane in lanes):
        _section("Open reply windows", WINDOWS, windows, zone)
    if report["grants"] or any(lane.grant for lane in lanes):
        _section("Grants of subscription notices", GRANTS, report["grants"], zone)


def _said(catalog: Catalog, name: str, value: Any, zone: ZoneInfo) -> str:
    computed = catalog.computed.get(name)
    if computed is not None and computed.kind is FieldType.RECORD and isinstance(value, str):
        return f"({_properties(catalog.events.get(computed.of), json.loads(value), zone)})"
    return _value(computed or catalog.fields.get(name), value, zone)


def _properties(event: EventType | None, properties: Mapping[str, Any], zone: ZoneInfo) -> str:
    known = event.properties if event else {}
    return ", ".join(f"{name} {_value(known.get(name), value, zone)}" for name, value in properties.items())


def _value(field: Field | Computed | Property | None, value: Any, zone: ZoneInfo) -> str:
    """A stored value as people read it: moments in the shop's zone, money in yuan."""
    if field is not None and isinstance(value, int) and field.kind is FieldType.TIME:
        return show.moment(value, zone)
    if field is not None and isinstance(value, int) and field.kind is FieldType.MONEY:
        return f"{value / 100:,.2f}"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list | bool) else str(value)


def _section(title: str, columns: tuple[show.Column, ...], rows: list[dict[str, Any]], zone: ZoneInfo) -> None:
    click.echo()
    show.table(columns, rows, zone, title=title)


def _path(path: list[dict[str, Any]], zone: ZoneInfo) -> str:
    return " > ".join(
        f"{nodes.step_of(one['step'])} ({'answered ' if one['answered'] else ''}{show.moment(one['at'], zone)[5:]})"
        for one in path
    )
