"""`wecom`: what belongs to a WeCom account and to no message of a journey: contact ways, customers, tags, groups."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import click

from automation.inbound import friends
from automation.inbound.inbox import Inbox
from automation.inbound.values import Arrival
from automation.kernel import errors
from automation.people import identities
from automation.store import audit

from . import accounts, options, progress, show, wecom_account, wecom_tasks, who_is
from .session import Session

WAYS: Final = (show.text("name"), show.text("id"), show.text("employees"), show.text("qr_code"))
TAGS: Final = (show.text("group"), show.text("tag"), show.text("id"))
CHATS: Final = (
    show.text("id"), show.text("name"), show.text("owner"), show.number("customers"), show.time("since"),
)  # fmt: skip


@click.group(epilog=options.example("run.py wecom contact-way make 门店A --employee staff_01"))
def group() -> None:
    """Contact ways, customers, groups and tasks of a WeCom account."""


@group.group("contact-way", epilog=options.example("run.py wecom contact-way list"))
def contact_way() -> None:
    """QR codes that lead to employees and say where a customer came from."""


@contact_way.command(epilog=options.example("run.py wecom contact-way make 门店A --employee staff_01"))
@click.argument("name")
@click.option(
    "--employee", "employees", multiple=True, required=True, metavar="USERID", help="May be given many times."
)
@click.option("--verify", is_flag=True, help="The employee has to accept each customer first.")
@accounts.option
@options.as_json
@options.who
@click.pass_obj
def make(
    session: Session, /, name: str, employees: tuple[str, ...], verify: bool, channel: str | None, as_json: bool,
    who: str,
) -> None:  # fmt: skip
    """A QR code. Who comes through it has NAME as the `scene` of wecom.friend_added; 30 characters at most."""
    account = wecom_account.chosen(session, channel)
    way = account.directory.make_contact_way(name, employees, skip_verify=not verify)
    with session.app.store.write() as tx:
        audit.record(tx, session.now, who, "wecom contact way made", channel=account.name, way=way.id, name=name)
    row = {"name": way.state, "id": way.id, "employees": ", ".join(way.employees), "qr_code": way.qr_code}
    if as_json:
        show.document(row)
    else:
        click.echo(f"{way.state} is {way.id}\npicture  {way.qr_code}")


@contact_way.command("list", epilog=options.example("run.py wecom contact-way list"))
@accounts.option
@options.as_json
@click.pass_obj
def list_(session: Session, channel: str | None, as_json: bool) -> None:
    """Those made here; the admin console's own are not told."""
    rows = [
        {"name": way.state, "id": way.id, "employees": ", ".join(way.employees), "qr_code": way.qr_code}
        for way in wecom_account.chosen(session, channel).directory.contact_ways()
    ]
    show.listing("contact_ways", WAYS, rows, session.settings.shop.zone, as_json)


@contact_way.command(epilog=options.example("run.py wecom contact-way delete CONFIG_ID"))
@click.argument("config_id")
@accounts.option
@options.who
@click.pass_obj
def delete(session: Session, config_id: str, channel: str | None, who: str) -> None:
    """Nobody can use the QR code any more."""
    account = wecom_account.chosen(session, channel)
    account.directory.delete_contact_way(config_id)
    with session.app.store.write() as tx:
        audit.record(tx, session.now, who, "wecom contact way deleted", channel=account.name, way=config_id)
    click.echo("deleted")


@group.group(epilog=options.example("run.py wecom contacts pull"))
def contacts() -> None:
    """Friends of the employees as customers of the shop."""


@contacts.command(epilog=options.example("run.py wecom contacts pull"))
@accounts.option
@options.who
@click.pass_obj
def pull(session: Session, channel: str | None, who: str) -> None:
    """Add every friend of the employees to the customers, joined by unionid, with names and company tags.

    `contacts` in the channel's settings says which fields get the remark, the employee, the way they came by and its
    state. Only what is empty is filled, but for the remark and the employee. Company tags become tags here; one that
    came so and is gone there goes. A pull that is interrupted goes on where it stopped. No journey hears of it.
    """
    account, app = wecom_account.chosen(session, channel), session.app
    names = {tag.id: tag.name for tag in account.directory.tags()}
    numbers = app.names.ensure("tag", sorted(set(names.values()))) if names else {}
    pulled = friends.Pull(session.people, app.computed, account.name, account.contacts, numbers)
    pulled.check()
    begins = friends.place(app.store, account.name)
    count = 0
    with progress.bar("pulling friends") as bar:
        for page in account.directory.pages(begins):
            listed = [_friend(one, names) for one in page.customers]
            with app.store.write() as tx:
                pulled.take(tx, listed, page.after, session.now)
            count += len(listed)
            bar(count)
    if not begins:
        pulled.follow(session.now)
    found = len(pulled.people)
    with app.store.write() as tx:
        if not begins:
            pulled.untag(tx)
        audit.record(tx, session.now, who, "wecom contacts pulled", channel=account.name, customers=found)
    told = "is a customer" if found == 1 else "are customers"
    more = "; it went on where the last pull was interrupted" if begins else ""
    click.echo(f"{show.counted(found, 'friend')} of {account.name} {told} now{more}")


def _friend(one: wecom_account.Friend, names: Mapping[str, str]) -> friends.Friend:
    words = {"name": one.name, "remark": one.remark, "add_way": one.add_way, "state": one.state,
             "employee": one.employee}  # fmt: skip
    tagged = [names[tag] for tag in one.tags if tag in names]
    return friends.Friend(one.id, one.unionid or None, one.since, words, tagged)


@group.group(epilog=options.example("run.py wecom tags list"))
def tags() -> None:
    """Tags of the company (企业标签)."""


@tags.command("list", epilog=options.example("run.py wecom tags list"))
@accounts.option
@options.as_json
@click.pass_obj
def list_tags(session: Session, channel: str | None, as_json: bool) -> None:
    """The company's tags with their ids."""
    rows = [
        {"group": tag.group, "tag": tag.name, "id": tag.id}
        for tag in wecom_account.chosen(session, channel).directory.tags()
    ]
    show.listing("tags", TAGS, rows, session.settings.shop.zone, as_json)


@tags.command(
    epilog=options.example("run.py wecom tags mark 13800000001 老客", "run.py wecom tags mark 12 老客 --remove")
)
@click.argument("customer")
@click.argument("tag")
@click.option("--remove", is_flag=True, help="Take it off.")
@accounts.option
@options.who
@click.pass_obj
def mark(session: Session, /, customer: str, tag: str, remove: bool, channel: str | None, who: str) -> None:
    """Put a company tag on a customer, for every employee whose friend they are."""
    account = wecom_account.chosen(session, channel)
    known = {one.name: one.id for one in account.directory.tags()}
    if tag not in known:
        raise errors.Refused(f"the company has no tag {tag[:40]!r}; there are: {', '.join(sorted(known))}")
    person = who_is.one(session, customer)
    addresses = [
        one.text
        for one, _ in identities.opened(session.people, session.app.store, person)
        if one.kind == "wecom_id" and one.account in (account.name, "")
    ]
    if not addresses:
        raise errors.Refused(
            f"customer {person} has no friend at {account.name}: `run.py wecom contacts pull` asks again"
        )
    change = {"remove": [known[tag]]} if remove else {"add": [known[tag]]}
    count = 0
    for address in addresses:
        for employee in account.directory.advisers(address):
            account.directory.mark(employee, address, **change)
            count += 1
    with session.app.store.write() as tx:
        audit.record(
            tx, session.now, who, "wecom tag taken off" if remove else "wecom tag put on", channel=account.name,
            customer=person, tag=tag,
        )  # fmt: skip
    click.echo(f"done for {show.counted(count, 'employee')}")


@group.group(epilog=options.example("run.py wecom groups list"))
def groups() -> None:
    """Customer groups (客户群). What is said in them cannot be read or written by anybody's program."""


@groups.command("list", epilog=options.example("run.py wecom groups list --employee staff_01"))
@click.option("--employee", "owners", multiple=True, metavar="USERID", help="Whose groups; without it all.")
@accounts.option
@options.as_json
@click.pass_obj
def list_groups(session: Session, owners: tuple[str, ...], channel: str | None, as_json: bool) -> None:
    """The groups with their owners and how many customers are in them."""
    account = wecom_account.chosen(session, channel)
    rows = []
    for chat in account.groups.ids(owners):
        found = account.groups.read(chat)
        rows.append({
            "id": chat, "name": found.name, "owner": found.owner, "customers": len(found.members), "since": found.since,
        })  # fmt: skip
    show.listing("groups", CHATS, rows, session.settings.shop.zone, as_json)


@groups.command("pull", epilog=options.example("run.py wecom groups pull"))
@accounts.option
@click.pass_obj
def pull_groups(session: Session, channel: str | None) -> None:
    """Read every group's members: who came or went since the last reading has the event group.joined or group.left.

    The first reading of a group is where counting begins. Callbacks do the same at once; this catches what they missed.
    """
    account, app = wecom_account.chosen(session, channel), session.app
    inbox = Inbox(app.parts, session.vault, app.channels)
    count, changed = 0, 0
    for chat in account.groups.ids():
        happened = account.groups.changes(chat, session.now)
        if happened:
            inbox.record([Arrival(account.name, happened)], session.now)
        account.groups.recorded(chat)
        count, changed = count + 1, changed + len(happened)
    click.echo(f"{show.counted(count, 'group')} read, {show.counted(changed, 'change')} of members")


group.add_command(wecom_tasks.mass_group)
group.add_command(wecom_tasks.task)
group.add_command(wecom_tasks.remind)
