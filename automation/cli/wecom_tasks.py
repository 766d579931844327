"""`wecom mass-group`, `wecom task`, `wecom remind`: tasks that employees confirm, made for groups, watched, stopped.

Messages of journeys to customers become tasks by themselves. A group is nobody's address, so journeys cannot write to
one; here an operator does.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any, Final

import click

from automation.inbound import friends
from automation.kernel import errors
from automation.policy import stop
from automation.store import audit

from . import accounts, options, show, wecom_account
from .session import Session

STATES: Final = (
    show.text("task"), show.text("state"), show.number("employees"), show.number("confirmed"), show.number("sent"),
    show.number("failed"), show.number("open"),
)  # fmt: skip
TEXT_BYTES: Final = 4000
AT_ONCE: Final = 2000  # groups of one task (document/path/92135)


@click.command("mass-group", epilog=options.example("run.py wecom mass-group --owner staff_01 --text 今晚八点会员日"))
@click.option("--group", "--chat-id", "chats", multiple=True, metavar="ID", help="A group; may be given many times.")
@click.option("--owner", "--employee", "owners", multiple=True, metavar="USERID", help="All groups of this owner.")
@click.option("--tag", "tag", metavar="TAG", help="Of these groups, or of all, those with a customer who has this tag.")
@click.option("--text", required=True, help="At most 4,000 bytes.")
@options.yes
@accounts.option
@options.as_json
@options.who
@click.pass_obj
def mass_group(session: Session, /, text: str, yes: bool, as_json: bool, who: str, **words: Any) -> None:
    """Ask the owners of customer groups to send a text to them.

    Nothing leaves before an owner confirms; `run.py wecom task show` tells who did. A group gets as many a month as it
    has days, or what `mass_limit` says: those that were asked so often from here are left out. WeCom knows no tags of
    groups: --tag looks at their members. Consent is asked of persons, and a group is none: mind what its members were
    promised.
    """
    if not words["chats"] and not words["owners"] and not words["tag"]:
        raise errors.UsageError("name the groups: --group, --owner or --tag")
    if not text.strip() or len(text.encode()) > TEXT_BYTES:
        raise errors.UsageError("--text has 1 to 4,000 bytes")
    if stop.is_on(session.app.store):
        raise errors.Refused("everything is stopped: `run.py resume-all` first")
    account = wecom_account.chosen(session, words["channel"])
    by_owner = _groups(session, account, words)
    full = set(account.tasks.full([chat for owned in by_owner.values() for chat in owned], session.now))
    by_owner = {owner: left for owner, owned in by_owner.items() if (left := [one for one in owned if one not in full])}
    if full:
        click.echo(f"left out, they had as many as WeCom allows: {', '.join(sorted(full))}", err=True)
    count = sum(map(len, by_owner.values()))
    if not count:
        raise errors.Refused("there is no such group that could be asked for")
    if not yes:
        click.confirm(
            f"Ask {show.counted(len(by_owner), 'owner')} to send to {show.counted(count, 'group')}?", abort=True
        )
    tasks: list[str] = []
    for owner, owned in _pieces(by_owner):
        try:
            made = account.tasks.to_groups(owned, owner, {"text": {"content": text}}, session.now)
        except errors.LuchengError as error:
            raise _half_done(error, by_owner, owner, tasks) from None
        with session.app.store.write() as tx:  # one by one: what was asked stays asked where a later one fails
            audit.record(
                tx, session.now, who, "wecom group task made", channel=account.name, owner=owner, groups=len(owned),
                tasks=made,
            )  # fmt: skip
        tasks += made
    _listing(session, account, tasks, as_json)


@click.group(epilog=options.example("run.py wecom task show TASK"))
def task() -> None:
    """Tasks that employees confirm."""


@task.command("show", epilog=options.example("run.py wecom task show TASK"))
@click.argument("tasks", nargs=-1, required=True, metavar="TASK...")
@accounts.option
@options.as_json
@click.pass_obj
def show_(session: Session, tasks: tuple[str, ...], channel: str | None, as_json: bool) -> None:
    """How far tasks are: created, awaiting_employee, partial, sent or expired.

    TASK is what stands before | in the provider's id of a message.
    """
    account = wecom_account.chosen(session, channel)
    _listing(session, account, [one.partition("|")[0] for one in tasks], as_json)


@task.command("stop", epilog=options.example("run.py wecom task stop TASK"))
@click.argument("task_id", metavar="TASK")
@accounts.option
@options.who
@click.pass_obj
def stop_(session: Session, task_id: str, channel: str | None, who: str) -> None:
    """Nobody can confirm it any more. What was sent stays sent."""
    account = wecom_account.chosen(session, channel)
    account.tasks.stop(task_id)
    with session.app.store.write() as tx:
        audit.record(tx, session.now, who, "wecom task stopped", channel=account.name, task=task_id)
    click.echo("stopped")


@click.command(epilog=options.example("run.py wecom remind TASK"))
@click.argument("task_id", metavar="TASK")
@accounts.option
@options.who
@click.pass_obj
def remind(session: Session, task_id: str, channel: str | None, who: str) -> None:
    """Remind the employees who have not confirmed, at most three times in 24 hours."""
    account = wecom_account.chosen(session, channel)
    left = account.tasks.remind(task_id, session.now)
    with session.app.store.write() as tx:
        audit.record(tx, session.now, who, "wecom task reminded", channel=account.name, task=task_id)
    click.echo(f"reminded; {left} more today" if left else "reminded; no more in the next 24 hours")


def _groups(session: Session, account: wecom_account.Account, words: Mapping[str, Any]) -> dict[str, list[str]]:
    """Owner -> the groups that are meant."""
    chats, owners, tag = words["chats"], words["owners"], words["tag"]
    listed = account.groups.ids(owners) if owners or not chats else ()
    tagged = friends.having(session.people, account.name, tag, session.now) if tag else None
    by_owner: dict[str, list[str]] = defaultdict(list)
    for chat in dict.fromkeys([*chats, *listed]):
        found = account.groups.read(chat)
        if tagged is None or any(member.id in tagged for member in found.members):
            by_owner[found.owner].append(chat)
    return by_owner


def _pieces(by_owner: Mapping[str, list[str]]) -> Iterator[tuple[str, list[str]]]:
    """What one task can hold of each owner's groups."""
    for owner, owned in by_owner.items():
        for start in range(0, len(owned), AT_ONCE):
            yield owner, owned[start : start + AT_ONCE]


def _half_done(
    error: errors.LuchengError, by_owner: Mapping[str, list[str]], owner: str, tasks: list[str]
) -> errors.LuchengError:
    """Said so that nobody asks again those who were asked: they would send the text twice."""
    refused = isinstance(error, errors.Refused)
    owners = list(by_owner)
    rest = owners[owners.index(owner) + (0 if refused else 1) :]
    said = [str(error)]
    if not refused:
        said.append(f"whether {owner} was asked is open: look in the admin console")
    if tasks:
        said.append(f"made already, do not ask again: {', '.join(tasks)}")
    if rest:
        said.append(f"not asked: {', '.join(rest)}")
    return (errors.Refused if refused else errors.ServiceAway)("; ".join(said))


def _listing(session: Session, account: wecom_account.Account, tasks: list[str], as_json: bool) -> None:
    rows = []
    for name in tasks:
        seen = account.tasks.look(name)
        sent = sum(result.status == 1 for result in seen.results)
        waiting = sum(result.status == 0 for result in seen.results)
        rows.append({
            "task": name, "state": str(seen.state), "employees": seen.employees, "confirmed": seen.confirmed,
            "sent": sent, "failed": len(seen.results) - sent - waiting, "open": waiting,
        })  # fmt: skip
    show.listing("tasks", STATES, rows, session.settings.shop.zone, as_json)
