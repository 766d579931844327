"""Who opens a page of ours inside an app: asked of the platform by a round trip of the browser, as values.

Apart from hooks.py: here a customer's browser comes, not the platform, and it may lie.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from automation.kernel.hooks import Who


@dataclass(frozen=True, slots=True)
class Visitor:
    """Whoever opened the page. `where`: the word that the round trip was begun with."""

    who: Who
    where: str = ""


class Visits(Protocol):
    """What a channel offers as `visits` where its platform tells who opens a page. Serves many threads."""

    def address(self, redirect: str, where: str, browser: str, now: int) -> str:
        """Where the browser is sent first. It comes back to `redirect` with `code` and `state` in the query. `where`:
        at most 64 letters and digits that come back; `browser`: the value of its cookie."""
        ...

    def visitor(self, code: str, state: str, browser: str, now: int) -> Visitor:
        """Who came back with this code and state. Refused where they are not ours, another browser's, too old or used
        before; ServiceAway where the platform is."""
        ...
