"""Whether the message still belongs to anything: its run, its journey, its time, the messages before it."""

from __future__ import annotations

from collections.abc import Iterable

from automation.journey.graph import STILL, Status
from automation.store.database import Transaction
from automation.store.states import MessageState, RunState

from .claimed import Asked, Branch, listed
from .verdicts import Verdict, Word

HELD = 900  # seconds until a message of a paused journey is looked at again
HALTED = (
    f"SELECT v.id, j.status = '{Status.STOPPED}' FROM version v JOIN journey j ON j.id = v.journey_id"
    " WHERE v.id IN ({}) AND (j.paused = 1 OR j.status IN ("
    + ", ".join(f"'{status}'" for status in (Status.STOPPED, *STILL))
    + "))"
)


def halted(tx: Transaction, versions: Iterable[int]) -> dict[int, bool]:
    """Those of these versions whose journey lets no message leave -> whether for good: stopped, not only paused."""
    return {number: bool(stopped) for number, stopped in tx.rows(HALTED.format(listed(sorted(set(versions)))))}


def left(asked: Asked) -> Branch:
    """The run was taken out of its journey, or all were. One that ended by its own last step still sends what it
    queued, unless the journey is stopped."""
    ended = (
        f"EXISTS (SELECT 1 FROM run r WHERE r.id = claim.run_id AND r.state = {RunState.ENDED}"
        " AND (r.ended_at > r.node_at OR r.reason LIKE 'exit %'))"
    )
    stopped = listed(sorted(version for version, for_good in asked.halted.items() if for_good))
    return Branch(f"(claim.version_id IN ({stopped}) OR {ended})", Verdict.CANCEL, f"'{Word.LEFT}'")


def expired(asked: Asked) -> Branch:
    """Too late, by the message's own limit. What kept it until then stays readable behind the word."""
    reason = f"CASE WHEN claim.was IS NULL THEN '{Word.EXPIRED}' ELSE '{Word.EXPIRED}, ' || claim.was END"
    return Branch("claim.expires_at <= :now", Verdict.EXPIRE, reason)


def paused(asked: Asked) -> Branch:
    return Branch(f"claim.version_id IN ({listed(sorted(asked.halted))})", Verdict.POSTPONE, f"'{Word.PAUSED}'",
                  f":now + {HELD}")  # fmt: skip


def unreadable(asked: Asked) -> Branch:
    """Its version no longer compiles, so nobody knows its ways; it waits for the file to be mended."""
    routes = listed([number for number, route in sorted(asked.routes.items()) if not route.readable])
    return Branch(f"claim.route IN ({routes})", Verdict.POSTPONE, f"'{Word.UNREADABLE}'", f":now + {HELD}")


def in_order(asked: Asked) -> Branch:
    """Messages of one run never overtake one another."""
    waiting = f"{MessageState.QUEUED}, {MessageState.CLAIMED}, {MessageState.DISPATCHING}"
    earlier = f"FROM message e WHERE e.run_id = claim.run_id AND e.id < claim.id AND e.state IN ({waiting})"
    until = asked.tx.dialect.greatest(f"(SELECT coalesce(max(e.due), 0) {earlier})", ":now + 1")
    return Branch(f"EXISTS (SELECT 1 {earlier})", Verdict.POSTPONE, f"'{Word.ORDER}'", until)
