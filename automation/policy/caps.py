"""Frequency caps: how many messages of a purpose class one person gets, over all channels or one kind of channel.

Counted are messages with `counted_at`, set when they are claimed and cleared when they did not leave. The n-th newest
in the window decides, and says when the cap frees. Nothing is ranked inside a cap: a claim holds one message a person,
so the count is exact.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from zoneinfo import ZoneInfo

from automation.festivals import durations, walltime
from automation.festivals.durations import Duration
from automation.journey.policy_file import Cap, PurposeClass

from .claimed import Asked, Branch, Refusal, by_zone
from .verdicts import Verdict, Word

ALL = "all"


def overall(asked: Asked) -> Iterator[Branch]:
    """The caps over all channels: another channel would not help, so `next_channel` skips here."""
    for number, purpose in sorted(asked.purposes.items()):
        for cap in purpose.caps:
            if cap.channel == ALL:
                yield _branch(asked, number, purpose, cap)


def of_kind(asked: Asked, kind: str) -> Iterator[Branch | Refusal]:
    """The caps of one kind of channel: `next_channel` refuses the way, the others decide over the message."""
    for number, purpose in sorted(asked.purposes.items()):
        for cap in purpose.caps:
            if cap.channel == kind:
                branch = _branch(asked, number, purpose, cap)
                onward = purpose.on_cap == "next_channel"
                yield Refusal(branch.test, say(cap), "capped") if onward else branch


def say(cap: Cap) -> str:
    """`cap all 2 per 7d`."""
    return f"{Word.CAP} {cap.channel} {cap.count} per {cap.per}"


def _branch(asked: Asked, number: int, purpose: PurposeClass, cap: Cap) -> Branch:
    reason = asked.bind(say(cap))
    if cap.count == 0:
        return Branch(f"claim.purpose = {number}", Verdict.SUPPRESS, reason)
    since, frees = _window(asked, cap)
    names = asked.channels.get(cap.channel, ())
    kind = f" AND m.channel IN ({', '.join(asked.bind(name) for name in names) or 'NULL'})"
    deciding = (
        "(SELECT m.counted_at FROM message m WHERE m.person_id = claim.person_id"
        f" AND m.counted_at > {since} AND m.purpose = {number} AND m.id <> claim.id{'' if cap.channel == ALL else kind}"
        f" ORDER BY m.counted_at DESC LIMIT 1 OFFSET {cap.count - 1})"
    )
    test = f"claim.purpose = {number} AND {deciding} IS NOT NULL"
    if purpose.on_cap == "postpone":
        return Branch(test, Verdict.POSTPONE, reason, frees.replace("{deciding}", deciding))
    return Branch(test, Verdict.SUPPRESS, reason)


def _window(asked: Asked, cap: Cap) -> tuple[str, str]:
    """SQL of the second before the window begins, and of the moment the cap frees, `{deciding}` in it."""
    if isinstance(cap.per, Duration):
        since = _ago(asked, cap.per)
        return asked.bind(since), f"{{deciding}} + {asked.bind(asked.now - since)}"
    spans = {zone: period(cap.per, asked.now, where) for zone, where in asked.zones.items()}
    begins = by_zone(asked, {zone: first - 1 for zone, (first, _) in spans.items()})
    return begins, by_zone(asked, {zone: end for zone, (_, end) in spans.items()})


def _ago(asked: Asked, length: Duration) -> int:
    if not length.months:  # rolling days are whole 24 hours, so that a cap frees when it says
        return asked.now - length.seconds - length.days * 86_400
    return durations.add(asked.now, -length, asked.shop_zone, asked.calendar)


def period(word: str, now: int, zone: ZoneInfo) -> tuple[int, int]:
    """The local day, week (from Monday) or month that `now` lies in: its first second, and the first after it."""
    today = walltime.local(now, zone).date()
    if word == "day":
        first, after = today, today + timedelta(days=1)
    elif word == "week":
        first = today - timedelta(days=today.weekday())
        after = first + timedelta(days=7)
    else:
        first = today.replace(day=1)
        after = date(first.year + first.month // 12, first.month % 12 + 1, 1)
    return walltime.midnight(first, zone), walltime.midnight(after, zone)
