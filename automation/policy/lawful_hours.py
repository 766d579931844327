"""Rule SMS-04: marketing leaves between 08:00 and 22:00 where the recipient is, whatever a class or a send says.

Quiet hours are the shop's and are checked when its files are read; this holds also for a version that was read
before, and for a class that says none. Carriers and providers refuse promotional SMS outside these hours; it is kept
on every channel.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from automation.festivals import quiet

from .claimed import Asked, Branch, by_zone, listed
from .consent import MARKETING
from .quiet_hours import SPREAD, QuietHours
from .verdicts import Verdict, Word

RULE: Final = "SMS-04"
CLOSED: Final = quiet.parse("22:00-08:00")


class LawfulHours:
    """Shares what quiet hours remember of one minute."""

    def __init__(self, quiet_hours: QuietHours) -> None:
        self._quiet = quiet_hours

    def branches(self, asked: Asked) -> Iterator[Branch]:
        purposes = asked.of_kind(MARKETING)
        if RULE in asked.policy.overrides or not purposes:
            return
        opens = {zone: self._quiet.open_at(asked.now, CLOSED, zone, where) for zone, where in asked.zones.items()}
        closed = {zone: at for zone, at in opens.items() if at > asked.now}
        if closed:
            test = f"claim.purpose IN ({listed(purposes)}) AND claim.zone IN ({listed(sorted(closed))})"
            until = f"{by_zone(asked, closed)} + claim.seed % {SPREAD}"
            yield Branch(test, Verdict.POSTPONE, f"'{Word.QUIET} ({RULE})'", until)
