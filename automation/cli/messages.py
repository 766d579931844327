"""`messages`: what leaves, what did not and why; trying again, and ending the doubt about held ones."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import click

from automation.campaigns import results
from automation.engine import overview
from automation.engine.delivery import operators, reconciling
from automation.engine.delivery.reconciling import Reconciliation
from automation.kernel import errors
from automation.people import dates
from automation.people.normalise import Unusable
from automation.store.states import MessageState

from . import options, show, switch, who_is
from .session import Session

COLUMNS = (
    show.number("id"), show.number("person"), show.text("journey"), show.text("step"), show.text("state"),
    show.text("reason"), show.text("channel"), show.time("due"), show.time("sent_at"), show.time("delivered_at"),
    show.time("expires_at"), show.Column("opened_at", show.Kind.TIME, hidden=True),
    show.Column("clicked_at", show.Kind.TIME, hidden=True), show.unseen("attempts"), show.unseen("word"),
)  # fmt: skip
TRIES = (
    show.number("n"), show.text("channel"), show.text("lane"), show.text("state"), show.text("code"),
    show.text("provider_id"), show.time("at"), show.time("done_at", "answered at"), show.text("key"),
)  # fmt: skip
HEALED = (
    show.text("channel"), show.number("asked"), show.number("found"), show.number("held"), show.number("reports"),
)  # fmt: skip
STATES = tuple(state.name.lower() for state in MessageState)
MOST = 10_000
SLICE = 1_000


@click.group(epilog=options.example("run.py messages list --state failed"))
def group() -> None:
    """See messages and why they did not leave; retry and resolve."""


@group.command(
    "list", epilog=options.example("run.py messages list --state ambiguous", "run.py messages list --reason cap")
)
@click.option("--state", type=click.Choice(STATES), help="In this state only.")
@click.option("--reason", help="Whose reason begins so, such as 'no consent'.")
@click.option("--journey", help="Of this journey or campaign only.")
@click.option("--customer", help="Of this customer only.")
@options.limit(50)
@options.as_json
@click.pass_obj
def list_(session: Session, /, limit: int, as_json: bool, **words: str | None) -> None:
    """Messages, the newest first, with the reason why they did not leave."""
    rows = operators.listed(session.app.store, _filter(session, words, limit))
    show.listing("messages", COLUMNS, rows, session.settings.shop.zone, as_json)
    switch.remind(session)


@group.command("show", epilog=options.example("run.py messages show 12"))
@click.argument("number", type=options.NUMBER)
@options.as_json
@options.unmask
@options.who
@click.pass_obj
def show_(session: Session, number: int, as_json: bool, unmask: str | None, who: str) -> None:
    """One message with every try. What was sent is shown with --unmask only."""
    zone = session.settings.shop.zone
    vault = session.people.vault if unmask else None
    found = operators.show(session.app.store, number, vault)
    if unmask:
        from .customer import note_unmasking

        note_unmasking(session, [found["person"]], who, unmask)
    if as_json:
        tries = show.plain(TRIES, found["tries"], zone)
        bodies = [{"body": one["body"]} if "body" in one else {} for one in found["tries"]]
        show.document(
            show.plain(COLUMNS, [found], zone)[0] | {"tries": [a | b for a, b in zip(tries, bodies, strict=True)]}
        )
        return
    show.table(COLUMNS, [found], zone)
    click.echo()
    show.table(TRIES, found["tries"], zone, title="Tries")
    for one in found["tries"]:
        if "body" in one:
            show.document(one["body"])


@group.command(epilog=options.example("run.py messages retry 12 13", "run.py messages retry --journey dormant_wakeup"))
@click.argument("numbers", type=options.NUMBER, nargs=-1, metavar="[NUMBER]...")
@click.option("--journey", help="All of this journey or campaign that failed.")
@options.who
@click.pass_obj
def retry(session: Session, numbers: tuple[int, ...], journey: str | None, who: str) -> None:
    """Failed or suppressed messages try all their ways again. Consent, caps and quiet hours are asked as ever."""
    chosen = list(numbers)
    if journey:
        overview.number(session.app.store, journey)
        wanted = operators.Filter(state=MessageState.FAILED, journey=journey, limit=MOST)
        chosen += [row["id"] for row in operators.listed(session.app.store, wanted)]
    if not chosen:
        raise errors.UsageError("name the messages by number, or a --journey in which some failed")
    with session.app.store.write() as tx:
        count = operators.retry(tx, chosen, who, session.now)
    click.echo(f"{show.told(count, 'message', 'is', 'are')} tried again")


@group.command(
    epilog=options.example(
        "run.py messages resolve 12 13 --sent", "run.py messages resolve --all --reason restored --sent"
    )
)
@click.argument("numbers", type=options.NUMBER, nargs=-1, metavar="[NUMBER]...")
@click.option("--sent", is_flag=True, help="They arrived: nothing more is done.")
@click.option("--not-sent", is_flag=True, help="They did not: they are sent again.")
@click.option("--all", "everything", is_flag=True, help="All that are held.")
@click.option("--reason", help="With --all: whose reason begins so, such as 'restored'.")
@options.who
@click.pass_obj
def resolve(
    session: Session, /, numbers: tuple[int, ...], everything: bool, reason: str | None, who: str, **found: bool
) -> None:
    """End the doubt about messages of which nobody knows whether they left (state ambiguous).

    `run.py messages heal` asks the providers that can be asked. Look at the provider's own list else: --not-sent sends
    again, and who got it once then gets it twice.
    """
    if found["sent"] == found["not_sent"]:  # both at once is a slip, and one of the two sends again
        raise errors.UsageError("say what you found out: either --sent or --not-sent")
    if reason and not everything:
        raise errors.UsageError("--reason goes with --all")
    resolution = operators.Resolution.SENT if found["sent"] else operators.Resolution.NOT_SENT
    count = 0
    for chosen in _held(session, reason) if everything else [list(numbers)]:
        with session.app.store.write() as tx:
            count += operators.resolve(tx, chosen, resolution, who, session.now)
    if found["sent"]:
        click.echo(f"{show.told(count, 'message', 'counts', 'count')} as sent")
    else:
        click.echo(f"{show.told(count, 'message', 'is', 'are')} sent again")


@group.command(epilog=options.example("run.py messages heal", "run.py messages heal sms_main"))
@click.argument("names", nargs=-1, metavar="[CHANNEL]...")
@options.as_json
@click.pass_obj
def heal(session: Session, names: tuple[str, ...], as_json: bool) -> None:
    """Ask providers about messages in doubt, and for reports that never came. The engine does so every minute.

    What they know counts as sent, or awaits its employee. The rest stays held: that a provider knows nothing of a
    message does not prove that it did not leave. Exit code 3 where one cannot be asked.
    """
    healing = session.app.delivery.healing
    unknown = sorted(set(names) - set(healing.names))
    if unknown:
        raise errors.Refused(f"cannot be asked about single messages: {', '.join(unknown)}")
    rows, away = [], []
    for name in names or healing.names:
        try:
            found = healing.look(name, session.now)
        except errors.LuchengError as error:
            away.append(f"{name}: {error}")
        else:
            rows.append({"channel": name, "asked": found.asked, "found": found.found, "held": found.held,
                         "reports": found.reports})  # fmt: skip
    show.listing("channels", HEALED, rows, session.settings.shop.zone, as_json)
    for line in away:
        click.echo(line, err=True)
    if away:
        raise click.exceptions.Exit(3)


@group.command(
    epilog=options.example("run.py messages report", "run.py messages report --campaign campaign_20261125_hello --json")
)
@click.option("--journey", help="Of this journey only.")
@click.option("--campaign", help="Of this campaign only.")
@click.option("--since", help="Of messages planned from then on, such as 2026-11-01. Default: all.")
@options.as_json
@click.pass_obj
def report(session: Session, journey: str | None, campaign: str | None, since: str | None, as_json: bool) -> None:
    """Who was meant to get a message, who got it, who did not and why. The counts add up to what was planned."""
    if journey and campaign:
        raise errors.UsageError("either --journey or --campaign")
    if journey:
        overview.number(session.app.store, journey)
    if campaign:
        results.one(session.app.store, campaign)
    found = reconciling.reconcile(session.app.store, journey or campaign, _since(session, since))
    if as_json:
        show.document(reconciled(found))
    else:
        tell(found, session)


def reconciled(found: Reconciliation) -> dict[str, Any]:
    """The counts as one JSON object."""
    return {
        "planned": found.planned, "sent": found.sent, "delivered": found.delivered, "opened": found.opened,
        "clicked": found.clicked, "awaiting": found.awaiting, "ambiguous": found.ambiguous,
        "on_the_way": found.on_the_way, "missed": found.missed_total,
        "missed_by": {state: dict(words) for state, words in found.missed.items()}, "reasons": dict(found.reasons),
        "lanes": dict(found.lanes), "waiting_for": dict(found.waiting_for), "in_line": found.in_line,
        "control_group": found.control_group, "adds_up": found.adds_up,
    }  # fmt: skip


def tell(found: Reconciliation, session: Session) -> None:
    """The counts as a table: what is planned, and below it the parts it is the sum of."""
    rows = [("planned", found.planned), ("  sent", found.sent)]
    rows += [(f"    by {lane}", count) for lane, count in found.lanes.items()]
    rows += [(f"    of these {word}", count) for word, count in (
        ("delivered", found.delivered), ("opened", found.opened), ("clicked", found.clicked)) if count]  # fmt: skip
    rows += [("  awaiting an employee", found.awaiting), ("  unclear", found.ambiguous)]
    rows.append(("  on the way", found.on_the_way))
    rows += [(f"    waiting: {word}", count) for word, count in found.waiting_for.items()]
    rows.append(("  missed", found.missed_total))
    rows += [(f"    {state}: {word or 'no reason'}", count)
             for state, words in found.missed.items() for word, count in words.items()]  # fmt: skip
    outside = {"people in line to enter": found.in_line, "people in the control group": found.control_group}
    rows += [(word, count) for word, count in outside.items() if count]
    columns = (show.text("what", " "), show.number("count", "messages"))
    show.table(columns, [{"what": what, "count": count} for what, count in rows], session.settings.shop.zone)


def _held(session: Session, reason: str | None) -> Iterator[list[int]]:
    """In slices, each for one transaction, the newest first; one that is empty where there is none at all."""
    wanted = operators.Filter(state=MessageState.AMBIGUOUS, word=reason, limit=SLICE)
    while (found := [row["id"] for row in operators.listed(session.app.store, wanted)]) or wanted.before is None:
        yield found
        wanted = replace(wanted, before=min(found, default=0))


def _since(session: Session, text: str | None) -> int:
    if text is None:
        return 0
    try:
        return dates.moment(text, session.settings.shop.zone)
    except Unusable as wrong:
        raise errors.UsageError(f"--since: {wrong}") from None


def _filter(session: Session, words: dict[str, Any], limit: int) -> operators.Filter:
    state = MessageState[words["state"].upper()] if words["state"] else None
    person = who_is.one(session, words["customer"]) if words["customer"] else None
    if words["journey"]:
        overview.number(session.app.store, words["journey"])
    return operators.Filter(state=state, word=words["reason"], journey=words["journey"], person=person, limit=limit)
