"""`wechat`: what belongs to an official account and to no message: its menu, QR codes, followers and user tags."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, Protocol

import click

from automation.festivals import durations
from automation.inbound import followers as listed
from automation.kernel import errors
from automation.people import tags as tagging
from automation.store import audit

from . import accounts, options, show, wechat_mass, wechat_menu
from .session import Session

AT_ONCE: Final = 20  # followers a transaction
MENU: Final = (show.text("name"), show.text("does"), show.text("with"))
TAGS: Final = (
    show.text("tag"), show.number("here", "added here"), show.number("gone", "taken away here"),
    show.number("there", "added at WeChat"), show.number("refused"), show.number("strangers", "not among customers"),
)  # fmt: skip


class Follower(Protocol):
    """One follower as the channel lists them."""

    @property
    def openid(self) -> str: ...
    @property
    def unionid(self) -> str | None: ...
    @property
    def tags(self) -> Sequence[str]: ...


class Code(Protocol):
    @property
    def content(self) -> str: ...
    @property
    def picture(self) -> str: ...


class Directory(Protocol):
    """What an official account's channel offers beside sending."""

    @property
    def tag_names(self) -> Sequence[str]: ...
    @property
    def scenes(self) -> Mapping[str, str]: ...
    def followers(self) -> Iterator[Sequence[Follower]]: ...
    def tags(self) -> Mapping[str, int]: ...
    def make_tag(self, name: str) -> int: ...
    def tagged(self, number: int) -> set[str]: ...
    def tag(self, number: int, openids: Sequence[str]) -> int: ...
    def scene_code(self, scene: str, seconds: int | None = None) -> Code: ...
    def push_menu(self, buttons: Sequence[Mapping[str, Any]]) -> None: ...
    def menu(self) -> Sequence[Mapping[str, Any]]: ...


@click.group(epilog=options.example("run.py wechat menu push", "run.py wechat qr make store_1"))
def group() -> None:
    """Menu, QR codes, followers, tags and mass messages of an official account."""


group.add_command(wechat_mass.group, "mass")


@group.group(epilog=options.example("run.py wechat menu push"))
def menu() -> None:
    """The menu below the conversation, from wechat_menu.yaml."""


@menu.command(epilog=options.example("run.py wechat menu push"))
@accounts.option
@options.who
@click.pass_obj
def push(session: Session, channel: str | None, who: str) -> None:
    """Put the menu of wechat_menu.yaml into effect; followers see it within a day."""
    name, directory = _directory(session, channel)
    buttons = wechat_menu.read(session.config.parent).official()
    directory.push_menu(buttons)
    with session.app.store.write() as tx:
        audit.record(tx, session.now, who, "wechat menu pushed", channel=name, buttons=len(buttons))
    click.echo(f"the menu of {name} has {show.counted(len(buttons), 'button')}")


@menu.command("show", epilog=options.example("run.py wechat menu show"))
@accounts.option
@options.as_json
@click.pass_obj
def show_(session: Session, channel: str | None, as_json: bool) -> None:
    """The menu as it is at WeChat now."""
    _, directory = _directory(session, channel)
    rows = wechat_menu.rows(directory.menu())
    show.listing("buttons", MENU, rows, session.settings.shop.zone, as_json)


@group.group(epilog=options.example("run.py wechat qr make store_1"))
def qr() -> None:
    """QR codes that tell where a follower came from."""


@qr.command(epilog=options.example("run.py wechat qr make store_1", "run.py wechat qr make stand_7 --for 30d"))
@click.argument("name")
@click.option("--for", "lasts", metavar="DURATION", help="Until when, at most 30d. Default: for ever.")
@accounts.option
@options.as_json
@click.pass_obj
def make(session: Session, name: str, lasts: str | None, channel: str | None, as_json: bool) -> None:
    """A QR code for a scene of the channel's settings: its address, and WeChat's picture of it."""
    _, directory = _directory(session, channel)
    if name not in directory.scenes:
        there = ", ".join(sorted(directory.scenes)) or "none"
        raise errors.Refused(f"there is no scene {name[:40]!r} in the channel's settings; there are: {there}")
    code = directory.scene_code(name, _seconds(session, lasts))
    if as_json:
        show.document({"scene": name, "content": code.content, "picture": code.picture})
        return
    click.echo(f"{name} {directory.scenes[name]}\ncontent  {code.content}\npicture  {code.picture}")


@group.group(epilog=options.example("run.py wechat followers pull"))
def followers() -> None:
    """Followers of the account as customers of the shop."""


@followers.command(epilog=options.example("run.py wechat followers pull"))
@accounts.option
@options.who
@click.pass_obj
def pull(session: Session, channel: str | None, who: str) -> None:
    """Add every follower to the customers, joined by unionid, with the tags that are kept the same."""
    name, directory = _directory(session, channel)
    registry, computed = session.people, session.app.computed
    numbers = session.app.names.ensure("tag", list(directory.tag_names)) if directory.tag_names else {}
    count = 0
    for page in directory.followers():
        for start in range(0, len(page), AT_ONCE):
            piece = page[start : start + AT_ONCE]
            known = [listed.Known(one.openid, one.unionid) for one in piece]
            with session.app.store.write() as tx:
                people = listed.take(registry, computed, tx, name, known, session.now)
                rows = [
                    {"tag": numbers[tag], "person": people[one.openid], "source": listed.source_of(name),
                     "until": None, "now": session.now}
                    for one in piece if one.openid in people for tag in one.tags if tag in numbers
                ]  # fmt: skip
                tagging.add_rows(tx, rows)
            count += len(people)
    with session.app.store.write() as tx:
        audit.record(tx, session.now, who, "wechat followers pulled", channel=name, followers=count)
    click.echo(f"{show.counted(count, 'follower')} of {name} {'is a customer' if count == 1 else 'are customers'} now")


@group.group(epilog=options.example("run.py wechat tags sync"))
def tags() -> None:
    """User tags of the account."""


@tags.command(epilog=options.example("run.py wechat tags sync"))
@accounts.option
@options.as_json
@options.who
@click.pass_obj
def sync(session: Session, channel: str | None, as_json: bool, who: str) -> None:
    """Make the tags that the channel's settings name the same here and at WeChat.

    Who has one on one side gets it on the other. A tag that came from WeChat and is gone there is taken away here too.
    """
    name, directory = _directory(session, channel)
    if not directory.tag_names:
        raise errors.Refused(f"{name} names no tags to keep the same: list them under `tags` in its settings")
    there, here = dict(directory.tags()), session.app.names.ensure("tag", list(directory.tag_names))
    rows = []
    for tag in directory.tag_names:
        number = there.get(tag) or directory.make_tag(tag)
        openids = directory.tagged(number)
        found = listed.difference(session.people, here[tag], name, openids, session.now)
        listed.apply(session.app.store, here[tag], name, found, session.now)
        refused = directory.tag(number, found.there)
        rows.append({
            "tag": tag, "here": len(found.here), "gone": len(found.not_here), "there": len(found.there) - refused,
            "refused": refused, "strangers": found.strangers,
        })  # fmt: skip
    with session.app.store.write() as tx:
        audit.record(tx, session.now, who, "wechat tags synchronised", channel=name, tags=len(rows))
    show.listing("tags", TAGS, rows, session.settings.shop.zone, as_json)


def _directory(session: Session, name: str | None) -> tuple[str, Directory]:
    """The account that is meant, by its channel's name."""
    meant, channel = accounts.chosen(session, name, "wechat", "official account")
    directory: Directory = channel.directory
    return meant, directory


def _seconds(session: Session, lasts: str | None) -> int | None:
    if lasts is None:
        return None
    try:
        length = durations.parse(lasts)
    except ValueError as mistake:
        raise errors.UsageError(f"--for: {mistake}") from None
    seconds = durations.add(session.now, length, session.settings.shop.zone, session.app.calendar) - session.now
    if not 60 <= seconds <= 30 * 86_400:
        raise errors.UsageError("--for: between one minute and 30 days; without it the code is for ever")
    return seconds
