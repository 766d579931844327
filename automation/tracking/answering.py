"""What the web edge does with a link to unsubscribe: a page for whoever looks, an act for whoever sends the form."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from automation.engine.parts import Parts
from automation.kernel.ports import Channel
from automation.store.database import Transaction

from . import choices, pages
from .following import Subject
from .pages import Page

ONE_CLICK: Final = ("List-Unsubscribe", "One-Click")  # the one field that a mail program posts (RFC 8058 3.1)
Form = Mapping[str, Sequence[str]]


class Answers:
    """Serves many threads. `Follower.subject_of` says whom a token is about."""

    def __init__(self, parts: Parts, channels: Iterable[Channel]) -> None:
        self._parts = parts
        self._reached = choices.addresses(channels)

    def look(self, subject: Subject | None) -> Page:
        """GET: changes nothing, however often filters and previews fetch it."""
        shop = self._parts.settings.shop.name
        if subject is None:
            return pages.unknown(shop)
        return pages.ask(shop, subject.kind, choices.current(self._parts.store, subject, self._reached))

    def act(self, tx: Transaction, subject: Subject, form: Form, now: int) -> Page:
        """POST: the form of our page, or what a mail program sends by itself (RFC 8058). Repeats change nothing more.

        Never a redirect: RFC 8058 3.2 forbids one. A form without a word that we know changes nothing.
        """
        shop, kind = self._parts.settings.shop.name, subject.kind
        name, value = ONE_CLICK
        action = next(iter(form.get(pages.DO, ())), "")
        if value in form.get(name, ()):
            action = pages.STOP
            choices.leave(tx, subject, now, choices.ONE_CLICK)
        elif action == pages.STOP:
            choices.leave(tx, subject, now)
        elif action == pages.STOP_ALL:
            choices.leave_all(tx, subject, now)
        elif action == pages.SAVE:
            wanted = pages.wanted(form, choices.current(tx, subject, self._reached))
            choices.change(tx, subject, wanted, now)
        after = choices.current(tx, subject, self._reached)
        if action not in (pages.STOP, pages.STOP_ALL, pages.SAVE):
            return pages.ask(shop, kind, after)
        return pages.done(shop, pages.said(action, kind), after)
