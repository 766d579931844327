"""From somebody whom a platform vouches for to the page of their own choices, for half an hour.

Unlike a link in a message this one ends: whoever copies the page's address out of the app passes on an old door.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from automation.engine.parts import Parts
from automation.kernel.hooks import Who
from automation.people import identities
from automation.people.identities import Identity
from automation.people.normalise import Unusable
from automation.people.sealing import Vault

from .tokens import KINDS, Tokens, Use

LASTS: Final = 1800  # seconds


class Doors:
    """Makes addresses of pages. Serves many threads; must not be made inside a write transaction."""

    def __init__(self, parts: Parts, vault: Vault) -> None:
        self._store, self._vault, self._kinds = parts.store, vault, parts.project.shop.channels
        self._tokens = Tokens(parts.store, vault.link_key)

    def path(self, channel: str, who: Who, now: int) -> str | None:
        """Of the page of whoever it is, by the first of their identities that the shop knows; None for a stranger."""
        kind = self._kinds.get(channel, "")
        person = self._person(channel, who)
        if person is None or kind not in KINDS:
            return None
        return f"/{Use.VISIT}/{self._tokens.make(Use.VISIT, person, KINDS.index(kind), now + LASTS)}"

    def _person(self, channel: str, who: Who) -> int | None:
        for known in _known(channel, who):
            (lookup,) = identities.lookups(self._vault, [known])
            person = identities.owner(self._store, known.kind, known.account, lookup)
            if person is not None:
                return person
        return None


def _known(channel: str, who: Who) -> Iterator[Identity]:
    """As hooks record it, as lists imported without an account hold it, and what else the platform vouches for."""
    told = [
        (who.kind, who.value, channel),
        (who.kind, who.value, ""),
        *((kind, text, "") for kind, text in who.also.items()),
    ]
    for kind, text, account in told:
        try:
            yield identities.identity(kind, text, account)
        except Unusable:
            continue
