"""`campaign`: something sent once, to a segment, a tag or the customers of a file. Nothing leaves before it was
estimated and confirmed."""

from __future__ import annotations

from array import array
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click

from automation.campaigns import audience, cost, draft, estimate, results, sending
from automation.campaigns.estimate import Estimate
from automation.engine.delivery import budgets, reconciling
from automation.kernel import errors
from automation.kernel.ports import Limit
from automation.people import dates
from automation.people.normalise import Unusable
from automation.policy import limits

from . import messages, options, progress, show, switch
from .session import Session

COLUMNS = (
    show.text("name"), show.text("status"), show.time("planned_at"), show.time("made_at"), show.number("waiting"),
    show.number("entered"), show.number("holdout"), show.text("messages"), show.number("delivered"),
    show.number("opened"), show.number("clicked"),
    show.unseen("channels"), show.unseen("reasons"), show.Column("starts_at", show.Kind.TIME, hidden=True),
    *(show.unseen(key) for key in ("title", "text", "via", "purpose", "audience", "people", "expires", "control_group",
                                   "pace")),
)  # fmt: skip
AUDIENCES = ("segment", "tag", "file")
ASKED = (
    click.option("--segment", help="To everybody in this segment, as it is now."),
    click.option("--tag", help="To everybody who has this tag now."),
    click.option("--file", "file", type=click.Path(exists=True, dir_okay=False, path_type=Path),
                 help="To the customers it names: a phone, email, openid, member number or #id a line."),
    click.option("--text", required=True, help="A folder of templates/."),
    click.option("--via", help="Channels in order, such as wechat,sms. Default: config.yaml."),
    click.option("--at", help="Such as 2026-11-25 10:00 in the shop's zone. Default: now."),
    click.option("--purpose", default="marketing", show_default=True, help="A class of policy.yaml."),
    click.option("--expires", default="1d", show_default=True, help="What has not left by then is not sent."),
    click.option("--holdout", type=options.Decimal(0, 50), default=0, help="Per cent who get nothing, to compare."),
    click.option("--pace", type=options.Whole(1), help="At most so many people a day."),
    click.option("--title", default="", help="What people read."),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked for, who it goes to, and lines of the file that name nobody."""

    draft: draft.Draft
    ids: array[int]
    unknown: tuple[int, ...]


def asked(command: Any) -> Any:
    for option in reversed(ASKED):
        command = option(command)
    return command


@click.group(epilog=options.example("run.py campaign plan --segment vip --text wakeup_hello --via wechat,sms"))
def group() -> None:
    """Send something once to many: plan, send, watch, stop."""


@group.command(epilog=options.example("run.py campaign plan --segment vip --text wakeup_hello"))
@asked
@options.as_json
@click.pass_obj
def plan(session: Session, /, as_json: bool, **words: Any) -> None:
    """Estimate a campaign: who would get it by which channel, who would not and why. Sends nothing."""
    request = _request(session, words)
    found = _estimate(session, request)
    if as_json:
        show.document(_plain(session, request, found))
    else:
        _tell(session, request, found)


@group.command(epilog=options.example("run.py campaign send --segment vip --text wakeup_hello --at '2026-11-25 10:00'"))
@asked
@options.yes
@options.as_json
@options.who
@click.pass_obj
def send(session: Session, /, yes: bool, as_json: bool, who: str, **words: Any) -> None:
    """Send a campaign: shows the estimate, asks, and puts everybody in line for the engine."""
    request = _request(session, words)
    found = _estimate(session, request)
    if not as_json:
        _tell(session, request, found)
    if not found.messages:
        raise errors.Refused(
            "nobody would get it, so nothing was sent; `run.py campaign plan` with the same words says why"
        )
    switch.remind(session)
    for name in results.unfinished(session.app.store, request.draft.text):
        click.echo(f"{name} sends the same text and is not finished: `run.py campaign show {name}`", err=True)
    ids = len(request.ids)
    question = f"Put {show.people(ids)} in line? {found.messages:,} of them would be reached as things are now."
    if not yes and not click.confirm(question, err=True):
        raise errors.Refused("not confirmed, so nothing was sent")
    with progress.bar("putting people in line") as bar:
        name = sending.send(session.app.parts, request.draft, request.ids, who, session.now, bar)
    if as_json:
        show.document({"campaign": name, **_plain(session, request, found)})
    else:
        click.echo(f"{name}: {show.people_do(ids, 'is', 'are')} in line; `run.py campaign show {name}`")
        click.echo(f"expected to be reached: {found.messages:,}; each is asked about again when it is their turn")
        click.echo(f"to stop it: run.py campaign stop {name}")


@group.command("list", epilog=options.example("run.py campaign list --json"))
@options.limit(50)
@options.as_json
@click.pass_obj
def list_(session: Session, limit: int, as_json: bool) -> None:
    """Campaigns, the newest first."""
    rows = results.campaigns(session.app.store, limit)
    if not as_json:
        rows = [row | {"messages": _counts(row["messages"])} for row in rows]
    show.listing("campaigns", COLUMNS, rows, session.settings.shop.zone, as_json)


@group.command("show", epilog=options.example("run.py campaign show campaign_20261125_wakeup_hello"))
@click.argument("name")
@options.as_json
@click.pass_obj
def show_(session: Session, name: str, as_json: bool) -> None:
    """One campaign: how far it is and what became of its messages."""
    found, zone = results.one(session.app.store, name), session.settings.shop.zone
    reconciled = reconciling.reconcile(session.app.store, name)
    if as_json:
        show.document(show.plain(COLUMNS, [found], zone)[0] | {"report": messages.reconciled(reconciled)})
        return
    _said(found)
    show.table(COLUMNS, [found | {"messages": _counts(found["messages"])}], zone)
    if found["channels"]:
        click.echo(f"sent by: {_counts(found['channels'])}")
    if found["reasons"]:
        click.echo(f"not sent, or not yet: {_counts(found['reasons'])}")
    messages.tell(reconciled, session)


@group.command(epilog=options.example("run.py campaign stop campaign_20261125_wakeup_hello"))
@click.argument("name")
@options.who
@click.pass_obj
def stop(session: Session, name: str, who: str) -> None:
    """Stop a campaign: nobody enters any more, and what has not left is withdrawn."""
    stopped = sending.stop(session.app.parts, name, who, session.now)
    click.echo(
        f"{name} is stopped; {show.people_do(stopped.people, 'was', 'were')} taken out of the line,"
        f" {show.told(stopped.messages, 'message', 'was', 'were')} withdrawn"
    )


def _request(session: Session, words: dict[str, Any]) -> Request:
    session.require("catalog", "segments", "policy")
    if sum(words[name] is not None for name in AUDIENCES) != 1:
        raise errors.UsageError("say who gets it: one of --segment NAME, --tag NAME or --file PATH")
    wanted = draft.Draft(
        text=words["text"], via=tuple(filter(None, (part.strip() for part in (words["via"] or "").split(",")))),
        at=_moment(session, words["at"]), purpose=words["purpose"], expires=words["expires"], holdout=words["holdout"],
        pace=words["pace"], title=words["title"], audience=_audience(words),
    )  # fmt: skip
    if words["segment"] is not None:
        return Request(wanted, audience.of_segment(session.app.parts, words["segment"], session.now), ())
    if words["tag"] is not None:
        return Request(wanted, audience.of_tag(session.app.parts, words["tag"], session.now), ())
    with words["file"].open(encoding="utf-8-sig", errors="replace") as lines:
        named = audience.of_lines(session.people, lines, tuple(session.settings.channels))
    return Request(wanted, named.ids, named.unknown)


def _audience(words: dict[str, Any]) -> str:
    name = words["file"].name if words["file"] is not None else words["segment"] or words["tag"]
    return f"{next(word for word in AUDIENCES if words[word] is not None)} {name}"


def _moment(session: Session, text: str | None) -> int:
    if text is None:
        return session.now
    try:
        at = dates.planned(text, session.settings.shop.zone)
    except Unusable as wrong:
        raise errors.UsageError(f"--at: {wrong}") from None
    if at < session.now:
        raise errors.UsageError("--at lies in the past: leave it out to send now")
    return at


def _estimate(session: Session, request: Request) -> Estimate:
    app = session.app
    journeys = [row[0] for row in app.store.rows("SELECT name FROM journey")]
    name = draft.name_of(request.draft, app.parts.zones.shop, [*journeys, *app.project.journeys])
    journey = draft.compiled(app.project, request.draft, name)
    with progress.bar("estimating") as bar:
        return estimate.estimate(app.parts, app.channels, journey, request.ids, request.draft.at, session.now, bar)


def _tell(session: Session, request: Request, found: Estimate) -> None:
    zone = session.settings.shop.zone
    click.echo(
        f"{request.draft.text}, {request.draft.purpose}, planned {show.moment(request.draft.at, zone)} ({zone.key})"
    )
    rows = [{"what": "audience", "people": found.audience}]
    for channel, count in found.reached.items():
        rows.append({"what": f"  reached by {channel}", "people": count})
        by_lane = {lane: number for (name, lane), number in found.lanes.items() if name == channel}
        if len(by_lane) > 1:
            rows += [{"what": f"    on its lane {lane}", "people": number} for lane, number in by_lane.items()]
    if found.control_group:
        rows.append({"what": "  control group, gets nothing", "people": found.control_group})
    rows += [{"what": f"  kept back: {reason}", "people": count} for reason, count in found.kept_back.items()]
    show.table((show.text("what", " "), show.number("people")), rows, zone)
    for channel, why in found.closed.items():
        click.echo(f"not by {channel}: {why}")
    for (channel, lane), people in found.lanes.items():
        if any(one.gathers for one in session.app.channels[channel].lanes if one.name == lane):
            click.echo(f"gathered first, until `run.py wechat mass send NAME`: {show.people(people)} by {channel}")
    if request.draft.pace:
        days = -(-found.audience // request.draft.pace)
        click.echo(f"at {request.draft.pace:,} a day it takes {show.counted(days, 'day')} until all had their turn")
    if found.opens_at is not None:
        click.echo(f"the planned moment is in quiet hours: messages leave from {show.moment(found.opens_at, zone)}")
    for one in found.costs:
        click.echo(_billed(one))
    for (channel, lane), allowed in found.limits.items():
        told = ", ".join(_allowed(one, session.now) for one in allowed)
        click.echo(f"{channel}, lane {lane}: one recipient gets at most {told}; who has had as many is kept back")
    for over in found.over:
        click.echo(_warning(over))
    if request.unknown:
        click.echo(_unknown(request.unknown))


def _unknown(lines: tuple[int, ...]) -> str:
    listed = ", ".join(map(str, lines[:10])) + (", ..." if len(lines) > 10 else "")
    named = f"line {listed} of the file names" if len(lines) == 1 else f"{len(lines):,} lines of the file name"
    which = "" if len(lines) == 1 else f" (lines {listed})"
    return f"{named} no customer, or several{which}; an id is written with its sign, such as #12"


def _plain(session: Session, request: Request, found: Estimate) -> dict[str, Any]:
    zone = session.settings.shop.zone
    return {
        "text": request.draft.text, "purpose": request.draft.purpose, "at": show.iso(request.draft.at, zone),
        "audience": found.audience, "messages": found.messages, "reached": dict(found.reached),
        "control_group": found.control_group, "kept_back": dict(found.kept_back), "closed": dict(found.closed),
        "lanes": {f"{channel}/{lane}": count for (channel, lane), count in found.lanes.items()},
        "over_budget": [
            {"channel": one.budget.channel, "lane": one.budget.lane, "messages": one.messages,
             "left": one.budget.left, "limit": one.budget.limit, "days": one.days}
            for one in found.over
        ],
        "limits": [
            {"channel": channel, "lane": lane, "rule": one.rule, "count": limits.count_of(one, session.now),
             "per": one.per, "as_of": one.checked}
            for (channel, lane), allowed in found.limits.items() for one in allowed
        ],
        "costs": [asdict(one) for one in found.costs],
        "quiet_until": show.iso(found.opens_at, zone), "unknown_lines": list(request.unknown),
    }  # fmt: skip


def _billed(one: cost.Cost) -> str:
    money = f", about {one.fen / 100:,.2f} yuan" if one.fen is not None else ", no price_fen in config.yaml"
    return (
        f"{one.channel}: {show.counted(one.parts, 'billed part')} a message, {one.parts * one.messages:,} in all{money}"
    )


def _allowed(one: Limit, now: int) -> str:
    as_of = f", as of {one.checked}" if one.checked else ""
    return f"{limits.count_of(one, now)} per {one.per} ({one.rule}{as_of})"


def _warning(over: budgets.Over) -> str:
    """That a budget of the day does not hold it, and how long it would take."""
    budget = over.budget
    name = f"{budget.channel}, lane {budget.lane}" if budget.lane else budget.channel
    takes = f"it takes {show.counted(over.days, 'day')}" if over.days else "none of it can leave by it"
    asked = show.counted(over.messages, "message")
    return (
        f"more than today's budget of {name}: {asked}, {budget.left:,} of {budget.limit:,} left;"
        f" {takes}, and what expires before is not sent"
    )


def _said(found: dict[str, Any]) -> None:
    """What was asked for, as the words of `campaign send`."""
    via = f" via {', '.join(found['via'])}" if found["via"] else ""
    click.echo(f"{found['title']}: text {found['text']}{via}, {found['purpose']}, expires after {found['expires']}")
    to = f" ({found['audience']})" if found["audience"] else ""
    less = f", control group {found['control_group']}" if found["control_group"] else ""
    pace = f", {found['pace']}" if found["pace"] else ""
    click.echo(f"to {show.people(found['people'])}{to}{less}{pace}")


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in counts.items())
