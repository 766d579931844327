"""What a platform allows one person on a lane: so many a minute, hour, day or month, over all journeys.

Counted as our caps are: messages with `counted_at` on the same channel and lane. A claim holds one message a person and
claims take turns, so the count is exact. What frees within the hour is waited for; else the next way is tried.
"""

from __future__ import annotations

from collections.abc import Iterator

from automation.kernel.ports import Limit

from . import periods
from .claimed import Asked, Branch, Door, Refusal
from .verdicts import Verdict, Word


def of_door(asked: Asked, door: Door) -> Iterator[Branch | Refusal]:
    for limit in door.limits:
        if limit.rule in asked.policy.overrides:
            continue
        yield _rule(asked, door, limit)


def say(limit: Limit, count: int) -> str:
    """`WX-03 4 per month`."""
    return f"{limit.rule} {count} per {limit.per}"


def count_of(limit: Limit, now: int) -> int:
    """How many it allows in the period of `now`."""
    return periods.days_of_month(now) if limit.count is None else limit.count


def _rule(asked: Asked, door: Door, limit: Limit) -> Branch | Refusal:
    count = count_of(limit, asked.now)
    first, after = periods.span(limit.per, asked.now)
    deciding = (
        "(SELECT m.counted_at FROM message m WHERE m.person_id = claim.person_id"
        f" AND m.counted_at > {asked.bind(first - 1)} AND m.channel = {asked.bind(door.channel)}"
        f" AND m.lane = {asked.bind(door.lane)} AND m.id <> claim.id"
        f" ORDER BY m.counted_at DESC LIMIT 1 OFFSET {max(0, count - 1)})"
    )
    test = f"{deciding} IS NOT NULL" if count else "1 = 1"
    if periods.is_short(limit.per) and count:
        return Branch(test, Verdict.POSTPONE, asked.bind(f"{Word.LIMIT} {say(limit, count)}"), asked.bind(after))
    return Refusal(test, f"{door.kind} {say(limit, count)}", "limited")
