"""Quiet hours, in the person's zone. A message was queued for an open hour; this asks again when it leaves late."""

from __future__ import annotations

from collections.abc import Iterator
from zoneinfo import ZoneInfo

from automation.festivals import quiet
from automation.festivals.quiet import Window

from .claimed import Asked, Branch, by_zone, listed
from .verdicts import Verdict, Word

SPREAD = 900  # seconds after the reopening over which people are spread, by their seed
MINUTE = 60


class QuietHours:
    """Remembers one minute: within it no window opens or closes, and there may be hundreds of zones."""

    def __init__(self) -> None:
        self._minute = -1
        self._opens: dict[tuple[Window, int], int] = {}

    def branches(self, asked: Asked) -> Iterator[Branch]:
        loud = listed([number for number, route in sorted(asked.routes.items()) if route.ignore_quiet])
        for number, purpose in sorted(asked.purposes.items()):
            if purpose.quiet is None:
                continue
            opens = {zone: self.open_at(asked.now, purpose.quiet, zone, where) for zone, where in asked.zones.items()}
            closed = {zone: at for zone, at in opens.items() if at > asked.now}
            if closed:
                rows = f"claim.purpose = {number} AND claim.zone IN ({listed(sorted(closed))})"
                until = f"{by_zone(asked, closed)} + claim.seed % {SPREAD}"
                test = f"{rows} AND claim.route NOT IN ({loud})"
                yield Branch(test, Verdict.POSTPONE, f"'{Word.QUIET}'", until)

    def open_at(self, now: int, window: Window, zone: int, where: ZoneInfo) -> int:
        """When the window is over, UTC seconds; `now` or before where it is open."""
        if self._minute != now // MINUTE:
            self._minute, self._opens = now // MINUTE, {}
        found = self._opens.get((window, zone))
        if found is None:
            found = self._opens[window, zone] = quiet.open_at(window, now // MINUTE * MINUTE, where)
        return found
