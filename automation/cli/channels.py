"""`channels`: what is configured, whether it really works, and what is left of each allowance today."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import click

from automation.engine.delivery import budgets, lanes
from automation.kernel import errors
from automation.kernel.document import nearest
from automation.kernel.ports import Channel, Finding
from automation.policy import limits

from . import options, show
from .session import Session

COLUMNS = (
    show.text("name"), show.text("kind"), show.text("lanes"), show.number("in_flight", "in flight"),
    show.number("on_its_way", "on its way"), show.text("rate"), show.number("left", "left today"),
    show.text("state"), show.time("until"), show.unseen("callback"), show.unseen("failures"), show.unseen("resting"),
)  # fmt: skip
FINDINGS = (
    show.text("channel"),
    show.text("level", " "),
    show.text("what"),
    show.text("said"),
    show.text("hint"),
    show.text("rule"),
)
QUOTAS = (
    show.text("channel"), show.text("whose"), show.text("name"), show.number("used"), show.number("limit"),
    show.number("left"), show.time("resets"), show.text("as_of", "as of"),
)  # fmt: skip
LEVELS = {True: "ok", None: "warn", False: "fail"}
AWAY = 3  # the exit code of a service that cannot be used


@click.group(epilog=options.example("run.py channels check"))
def group() -> None:
    """See channels: whether they work, and what is left today."""


@group.command("list", epilog=options.example("run.py channels list", "run.py channels list --json"))
@options.as_json
@click.pass_obj
def list_(session: Session, as_json: bool) -> None:
    """Every configured channel: lanes, budget, whether it rests, and the address for its provider's callbacks."""
    app, settings = session.app, session.settings
    rows: list[dict[str, Any]] = []
    for one in lanes.of(app.store, settings, app.channels, session.now):
        known = settings.channels[one.name]
        rows.append({
            "name": one.name, "kind": one.kind, "lanes": [lane.name for lane in one.lanes],
            "in_flight": known.in_flight, "on_its_way": one.on_its_way,
            "rate": f"{known.rate:g}/s" if known.rate is not None else "", "left": _left(one), "state": _state(one),
            "until": one.rests_until or min(_rests(one), default=None), "callback": _callback(session, one.name),
            "failures": one.failures, "resting": one.resting,
        })  # fmt: skip
    show.listing("channels", COLUMNS, rows, settings.shop.zone, as_json)
    if not as_json:
        _tell_callbacks(session, {row["name"]: row["callback"] for row in rows if row["callback"]})


@group.command(epilog=options.example("run.py channels check", "run.py channels check sms_main"))
@click.argument("names", nargs=-1, metavar="[NAME]...")
@options.as_json
@click.pass_obj
def check(session: Session, names: tuple[str, ...], as_json: bool) -> None:
    """Ask each provider whether it would take messages: credentials, signature, sender, DNS. Sends nothing.

    Exit code 3 where something fails.
    """
    rows: list[dict[str, Any]] = []
    aside = session.app.project.policy.overrides
    for name, channel in _chosen(session, names).items():
        for found in _findings(channel, session.now):
            one = _set_aside(found, aside)
            rows.append({"channel": name, "level": LEVELS[one.ok], "what": one.what, "said": one.said,
                         "hint": one.hint, "rule": one.rule})  # fmt: skip
    failed = sum(row["level"] == "fail" for row in rows)
    if as_json:
        show.document({"works": not failed, "findings": rows})
    else:
        show.table(FINDINGS, rows, session.settings.shop.zone)
        click.echo(show.counted(failed, "failure"))
    if failed:
        raise click.exceptions.Exit(AWAY)


@group.command(epilog=options.example("run.py channels quota"))
@click.argument("names", nargs=-1, metavar="[NAME]...")
@options.as_json
@click.pass_obj
def quota(session: Session, names: tuple[str, ...], as_json: bool) -> None:
    """What is used of each allowance: by our own books, and as the provider says.

    Then what platforms allow one recipient, with the day on which their page was last read.
    """
    rows, away = [], []
    chosen = _chosen(session, names)
    for one in budgets.of(session.app.store, session.settings, chosen, session.now):
        rows.append(_row(one.channel, "ours", one.lane or "all lanes, a day", one.used, one.limit, one.resets))
    for name, channel in chosen.items():
        rows += [
            {"channel": name, "whose": limit.rule, "name": f"{lane.name}, one recipient per {limit.per}", "used": None,
             "limit": limits.count_of(limit, session.now), "left": None, "resets": None, "as_of": limit.checked}
            for lane in channel.lanes for limit in lane.limits
        ]  # fmt: skip
    for name, channel in chosen.items():
        asked = getattr(channel, "quotas", None)
        if asked is None:
            continue
        try:
            rows += [_row(name, "provider", one.name, one.used, one.limit, one.resets) for one in asked(session.now)]
        except errors.LuchengError as error:
            away.append(f"{name}: {error}")
    show.listing("quotas", QUOTAS, rows, session.settings.shop.zone, as_json)
    for line in away:
        click.echo(line, err=True)
    if away:
        raise click.exceptions.Exit(AWAY)


def _chosen(session: Session, names: tuple[str, ...]) -> dict[str, Channel]:
    channels = session.app.channels
    for name in names:
        if name not in channels:
            near = nearest(name, channels)
            hint = f"; did you mean {near}?" if near else f"; there are: {', '.join(channels) or 'none'}"
            raise errors.Refused(f"there is no channel '{name}'{hint}")
    return {name: channel for name, channel in channels.items() if not names or name in names}


def _findings(channel: Channel, now: int) -> Iterator[Finding]:
    """What the channel finds out about itself. What breaks while it looks is a finding, too."""
    look = getattr(channel, "check", None)
    if look is None:
        yield Finding("check", None, "this kind of channel cannot be asked", "send a message to yourself")
        return
    try:
        yield from look(now)
    except errors.LuchengError as error:
        yield Finding("check", False, str(error), "is the provider reachable from this machine?")


def _set_aside(one: Finding, aside: Mapping[str, str]) -> Finding:
    """A rule that the shop set aside is told of, with its reason, and is no failure."""
    if one.ok is not False or one.rule not in aside:
        return one
    return replace(one, ok=None, hint=f"{one.rule} is set aside: {aside[one.rule]}")


def _state(one: lanes.ChannelState) -> str:
    if one.resting:
        return f"rests after {show.counted(one.failures, 'failure')}: {one.error}" if one.error else "rests"
    resting = [f"{lane.name} rests: {lane.why}" for lane in one.lanes if lane.rests_until is not None]
    return "; ".join(resting) or "ok"


def _rests(one: lanes.ChannelState) -> list[int]:
    return [lane.rests_until for lane in one.lanes if lane.rests_until is not None]


def _left(one: lanes.ChannelState) -> int | None:
    """The tightest budget: of the channel, or of its lanes where every one has one."""
    own = [one.budget.left] if one.budget is not None else []
    of_lanes = [lane.budget.left for lane in one.lanes if lane.budget is not None]
    if len(of_lanes) == len(one.lanes) and of_lanes:
        own.append(sum(of_lanes))
    return min(own, default=None)


def _callback(session: Session, name: str) -> str:
    """Where the provider has to be told to call; "" for a channel nothing comes back to, or without a web edge."""
    from automation.web import addresses

    if session.settings.web.port is None or name not in session.app.hooks:
        return ""
    path = addresses.hook_path(session.vault.link_key, name)
    return f"{session.settings.web.public_url or ''}{path}"


def _tell_callbacks(session: Session, addresses: dict[str, str]) -> None:
    """A line for each, whatever the width of the terminal: they are there to be copied."""
    if not addresses:
        return
    outside = "" if session.settings.web.public_url else "; web.public_url is not set: put your https address before it"
    click.echo(f"\ncallbacks, to be entered at the providers; each has a secret part{outside}")
    longest = max(map(len, addresses))
    for name, address in addresses.items():
        click.echo(f"  {name:<{longest}}  {address}")


def _row(channel: str, whose: str, name: str, used: int, limit: int, resets: int | None) -> dict[str, Any]:
    return {"channel": channel, "whose": whose, "name": name, "used": used, "limit": limit,
            "left": max(0, limit - used), "resets": resets, "as_of": ""}  # fmt: skip
