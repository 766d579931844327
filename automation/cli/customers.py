"""`customers`: finding one, and changing what is known: tags, consent, merging. Showing one is in customer.py."""

from __future__ import annotations

from typing import Any

import click

from automation.audience import computed
from automation.conditions.parse import CONSENTS
from automation.festivals import durations
from automation.journey import tag_names
from automation.kernel import errors
from automation.people import consents, identities, masking, merging, tags
from automation.rendering.texts import Kind
from automation.store import audit
from automation.store.database import Transaction

from . import customer, options, proving, show, who_is
from .session import Session

CHANNELS = ("*", *map(str, Kind))
COLUMNS = (
    show.number("id"), show.text("name"), show.text("stage"), show.number("points"), show.text("contacts"),
    show.time("created_at", "since"), show.unseen("uid"),
)  # fmt: skip


@click.group(epilog=options.example("run.py customers find 13800000001"))
def group() -> None:
    """Find customers, see why, tag, consent, merge.

    CUSTOMER is a phone, email, openid, member number, uid, #id or the last four digits of a phone.
    """


@group.command(epilog=options.example("run.py customers find 0001", "run.py customers find 王"))
@click.argument("text")
@options.as_json
@options.unmask
@options.who
@click.pass_obj
def find(session: Session, text: str, as_json: bool, unmask: str | None, who: str) -> None:
    """Find by phone, email, openid, member number, the last four digits, #id, uid, or the beginning of the name."""
    people = who_is.found(session, text)
    if unmask:
        customer.note_unmasking(session, people, who, unmask)
    rows = [_row(session, person, bool(unmask)) for person in people]
    show.listing("customers", COLUMNS, rows, session.settings.shop.zone, as_json)
    if not people and not as_json:
        click.echo(who_is.nobody(text))


group.add_command(customer.show_)


@group.command(
    epilog=options.example("run.py customers tag 13800000001 黑名单", "run.py customers tag '#12' 试用 --for 30d")
)
@click.argument("customer_", metavar="CUSTOMER")
@click.argument("tag")
@click.option("--for", "lasts", metavar="DURATION", help="Until when, such as 90d. Default: for ever.")
@click.option("--remove", is_flag=True, help="Take the tag away.")
@options.who
@click.pass_obj
def tag(session: Session, customer_: str, tag: str, lasts: str | None, remove: bool, who: str) -> None:
    """Give a customer a tag, or take it away."""
    person = who_is.one(session, customer_)
    name = _tag(tag)
    if remove:
        _untag(session, person, name, who)
    else:
        until = _until(session, lasts)
        number = session.app.names.ensure("tag", [name])[name]
        with session.app.store.write() as tx:
            tags.add(tx, session.now, tags.Tagging(number, f"staff:{who}", until), [person])
            audit.record(tx, session.now, who, "tag added", tag=name, person=person)
    click.echo(f"#{person} {'has no longer' if remove else 'has'} the tag {name}")


@group.command(epilog=options.example("run.py customers consent 13800000001 sms marketing no --evidence 电话退订"))
@click.argument("customer_", metavar="CUSTOMER")
@click.argument("channel", type=click.Choice(CHANNELS))
@click.argument("purpose", type=click.Choice(CONSENTS))
@click.argument("word", type=click.Choice(("yes", "no")))
@proving.options()
@options.who
@click.pass_obj
def consent(session: Session, /, customer_: str, channel: str, purpose: str, word: str, who: str, **proof: Any) -> None:
    """Write down what a customer agreed to, or took back: now, unless --at says when. CHANNEL * means all channels."""
    known = proving.proof(session, proof)
    if word == "yes" and not known.evidence:
        raise errors.UsageError("a consent needs --evidence: the law asks the shop to prove it")
    person = who_is.one(session, customer_)
    at, source = session.now if known.at is None else known.at, known.source or f"staff:{who}"
    said = consents.Consent(person, channel, purpose, word == "yes", source, at, known.text_version, known.evidence)
    with session.app.store.write() as tx:
        consents.put(tx, [said])
        holds, since = consents.holding(tx, person, channel, purpose)
        audit.record(tx, session.now, who, "consent", person=person, channel=channel, purpose=purpose, word=word)
    click.echo(f"#{person}: {purpose} by {'every channel' if channel == '*' else channel}: {word}")
    if (holds, since) != (said.granted, said.at):
        click.echo(f"kept in the history; what was said later holds: {'yes' if holds else 'no'}")


@group.command(epilog=options.example("run.py customers merge '#12' '#57' --reason 同一会员两个手机号"))
@click.argument("kept")
@click.argument("gone")
@click.option(
    "--reason", required=True, callback=options.reason,
    help="What proves that both are one. Kept in the audit: no personal data.",
)  # fmt: skip
@options.yes
@options.who
@click.pass_obj
def merge(session: Session, kept: str, gone: str, reason: str, yes: bool, who: str) -> None:
    """Merge two customers into one: everything of GONE goes to KEPT. `unmerge` takes it back."""
    first, second = who_is.one(session, kept), who_is.one(session, gone)
    values = session.app.computed  # before the transaction: it writes names
    asks = first != second and not yes  # one and the same is refused by the merge
    if asks and not click.confirm(f"Merge #{second} into #{first}?", err=True):
        raise errors.Refused("nothing was merged")
    with session.app.store.write() as tx:
        number = merging.merge(tx, session.now, first, second, reason)
        _recompute(values, tx, [first, second], session.now)
        audit.record(tx, session.now, who, "customers merged", merge=number, kept=first, gone=second, why=reason)
    click.echo(f"#{second} is now #{first} (merge {number}; `run.py customers unmerge {number}` takes it back)")


@group.command(epilog=options.example("run.py customers unmerge 3"))
@click.argument("number", type=options.NUMBER, metavar="MERGE")
@options.who
@click.pass_obj
def unmerge(session: Session, number: int, who: str) -> None:
    """Take a merge back, by its number (`customers show` lists them). What was refused since holds for both."""
    values = session.app.computed  # before the transaction: it writes names
    with session.app.store.write() as tx:
        kept, gone = merging.unmerge(tx, session.now, number)
        _recompute(values, tx, [kept, gone], session.now)
        audit.record(tx, session.now, who, "merge undone", merge=number, kept=kept, gone=gone)
    click.echo(f"#{gone} is apart from #{kept} again")


def _row(session: Session, person: int, clear: bool) -> dict[str, Any]:
    store = session.app.store
    row = store.row("SELECT id, uid, name, stage, points, created_at FROM person WHERE id = :id", id=person)
    found = dict(zip(("id", "uid", "name", "stage", "points", "created_at"), row or (), strict=True))
    if not clear:
        found["name"] = masking.name(found["name"] or "")
    found["contacts"] = [
        known.text if clear else masking.identity(known.kind, known.text)
        for known, _ in identities.opened(session.people, store, person)
    ]
    return found


def _tag(text: str) -> str:
    name = text.strip()
    if not name:
        raise errors.UsageError("TAG is empty: write the tag's name")
    if not tag_names.is_possible(name):
        raise errors.UsageError(
            f"a tag is one line of at most {tag_names.LONGEST} characters without commas: give several tags one after"
            " the other"
        )
    return name


def _untag(session: Session, person: int, name: str, who: str) -> None:
    number = session.app.names.find("tag", name)
    with session.app.store.write() as tx:
        if number is None or not tags.remove(tx, number, [person]):
            raise errors.Refused(f"#{person} does not have the tag {name}")
        audit.record(tx, session.now, who, "tag removed", tag=name, person=person)


def _until(session: Session, lasts: str | None) -> int | None:
    if lasts is None:
        return None
    try:
        length = durations.parse(lasts)
    except ValueError as mistake:
        raise errors.UsageError(f"--for: {mistake}") from None
    if length.negative or length == durations.Duration():
        raise errors.UsageError("--for: a tag lasts longer than nothing: write a length without a sign, such as 90d")
    return durations.add(session.now, length, session.settings.shop.zone, session.app.calendar)


def _recompute(values: computed.ComputedValues, tx: Transaction, people: list[int], now: int) -> None:
    computed.touch(tx, people)
    values.refresh(tx, now)
