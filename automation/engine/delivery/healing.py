"""Ends doubts by asking the provider: of messages whose answer was lost, and of reports that never came.

Only for channels that can search (kernel/hooks.py). What a provider knows is taken for ours only where nothing else can
be: it belongs to no other message we know, and to none but this one of those asked about. All else stays held, for a
report or an operator; that a provider knows nothing proves nothing.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from automation.engine.parts import Parts
from automation.kernel import errors
from automation.kernel.hooks import Searching, Sighting, Sought
from automation.kernel.ports import Channel
from automation.store.database import Statements, Transaction
from automation.store.states import AttemptState, MessageState

from . import receipts
from .prepared import Prepared
from .record import Recorder, Result
from .recover import COLUMNS, Overdue, Recovery

log = logging.getLogger(__name__)
EVERY: Final = 60  # seconds between two looks of an engine
DAYS: Final = 7 * 86_400  # seconds after which nobody is asked any more: Tencent Cloud knows no more
MOST: Final = 1000  # doubts of one look
MISSED_AT_ONCE: Final = 200  # reports asked for in one look
LOOKED_AT: Final = 200_000  # of the newest attempts: a look never reads more
TOP: Final = 2**62
ASKED: Final = (
    f"SELECT {COLUMNS}, coalesce(m.done_at, a.done_at, a.at), coalesce(a.provider_id, ''), a.id FROM attempt a {{then}}"
    " message m ON m.id = a.message_id LEFT JOIN identity i ON i.id = a.identity_id WHERE a.id < :below"
    " AND a.id > :floor AND a.channel = :channel AND m.channel = a.channel AND m.lane = a.lane AND a.at >= :since"
    " AND {which} ORDER BY a.id DESC LIMIT :most"
)
IN_DOUBT: Final = (
    f"m.state = {MessageState.AMBIGUOUS} AND m.token IS NOT NULL"  # a restore takes it: then we know too little to tell
    f" AND a.state IN ({AttemptState.DISPATCHING}, {AttemptState.UNKNOWN})"
)
MISSED: Final = (
    f"m.state = {MessageState.SENT} AND m.delivered_at IS NULL AND a.state = {AttemptState.ACCEPTED}"
    " AND a.provider_id IS NOT NULL AND a.done_at <= :before"
)
OTHERS: Final = (
    "SELECT s.n FROM seen s {then} attempt a ON a.channel = :channel AND a.provider_id = s.provider_id"
    " WHERE a.message_id <> s.message"
)


def floor(statements: Statements) -> int:
    """The attempt below which a look reads nothing. By rows: a restore leaves out many ids."""
    return statements.value(f"SELECT id FROM attempt ORDER BY id DESC LIMIT 1 OFFSET {LOOKED_AT}") or 0


class Healed(NamedTuple):
    """`asked`: doubts; `found` of them; `reports`: those that were missed and are here now."""

    asked: int
    found: int
    reports: int

    @property
    def held(self) -> int:
        return self.asked - self.found


class _Doubt(NamedTuple):
    message: Prepared
    sought: Sought


class Healing:
    """For one process. Calls for one channel must not overlap."""

    def __init__(self, parts: Parts, channels: Mapping[str, Channel], recovery: Recovery, recorder: Recorder) -> None:
        self._parts, self._recovery, self._recorder = parts, recovery, recorder
        self._channels = {name: one for name, one in channels.items() if callable(getattr(one, "search", None))}
        self._below: dict[tuple[str, str], int] = {}

    @property
    def names(self) -> Sequence[str]:
        """The channels that can be asked."""
        return list(self._channels)

    def look(self, name: str, now: int) -> Healed:
        """Asks one channel. Raises ServiceAway or Refused where it cannot be asked."""
        channel: Any = self._channels[name]
        doubts = self._read(name, now, IN_DOUBT, MOST)
        missed = self._missed(name, channel, now)
        found, reports = 0, 0
        if doubts:
            found = self._take(name, doubts, _search(channel, doubts, now), now)
        if missed:
            reports = self._report(name, _search(channel, missed, now), now)
        if found or reports:
            log.info("channel %s: %d messages in doubt had left, %d reports had been missed", name, found, reports)
        return Healed(len(doubts), found, reports)

    def _missed(self, name: str, channel: Searching, now: int) -> list[_Doubt]:
        """Messages without a report."""
        if not channel.missed_after:
            return []
        return self._read(name, now, MISSED, MISSED_AT_ONCE, now - channel.missed_after)

    def _read(self, name: str, now: int, which: str, most: int, before: int = 0) -> list[_Doubt]:
        """All of them in turn, however many there are: the next look goes on where this one ended."""
        store, place = self._parts.store, (name, which)
        rows = store.rows(
            ASKED.format(then=store.dialect.join_in_order, which=which), channel=name, since=now - DAYS,
            below=self._below.get(place, TOP), floor=floor(store), most=most, before=before,
        )  # fmt: skip
        self._below[place] = rows[-1][-1] if len(rows) == most else TOP
        doubts = []
        for row in rows:
            overdue, (until, provider_id, _) = Overdue(*row[:-3]), row[-3:]
            again = self._recovery.again(overdue, now)
            if again is not None:
                sought = Sought(again.message, overdue.at, max(overdue.at, until), provider_id, which == MISSED)
                doubts.append(_Doubt(again, sought))
        return doubts

    def _take(self, name: str, doubts: Sequence[_Doubt], seen: Sequence[Sequence[Sighting]], now: int) -> int:
        """Records what can only be the message in doubt, as its answer would have been; then what became of it."""
        with self._parts.store.write() as tx:
            strangers = self._others(tx, name, doubts, seen)
            left = [
                [one for one in some if (number, one.accepted.provider_id) not in strangers]
                for number, some in enumerate(seen)
            ]
            offered = Counter(one.accepted.provider_id for some in left for one in some)
            sure = [
                (doubt.message, some[0])
                for doubt, some in zip(doubts, left, strict=True)
                if len(some) == 1 and offered[some[0].accepted.provider_id] == 1
            ]
            taken = self._recorder.found(tx, [Result(message, one.accepted) for message, one in sure], now)
            reports = [(name, one.report) for message, one in sure if message.id in taken and one.report is not None]
            if reports:
                receipts.record_many(self._parts, tx, reports, now)
        return len(taken)

    def _others(
        self, tx: Transaction, name: str, doubts: Sequence[_Doubt], seen: Sequence[Sequence[Sighting]]
    ) -> set[tuple[int, str]]:
        """What is known as another message's: (place, provider id)."""
        offers = [
            (place, doubts[place].message.id, one.accepted.provider_id)
            for place, some in enumerate(seen)
            for one in some
        ]
        if not offers:
            return set()
        tx.temporary("seen", "n BIGINT, message BIGINT, provider_id TEXT")
        tx.many(
            "INSERT INTO seen VALUES (:n, :message, :id)",
            [{"n": n, "message": message, "id": name} for n, (_, message, name) in enumerate(offers)],
        )
        rows = tx.rows(OTHERS.format(then=tx.dialect.join_in_order), channel=name)
        return {(offers[n][0], offers[n][2]) for (n,) in rows}

    def _report(self, name: str, seen: Sequence[Sequence[Sighting]], now: int) -> int:
        reports = [(name, one.report) for some in seen for one in some if one.report is not None]
        if reports:
            with self._parts.store.write() as tx:
                receipts.record_many(self._parts, tx, reports, now)
        return len(reports)


def _search(channel: Searching, doubts: Sequence[_Doubt], now: int) -> Sequence[Sequence[Sighting]]:
    seen = channel.search([one.sought for one in doubts], now)
    if len(seen) != len(doubts):
        raise errors.ServiceAway("the channel answered about other messages than it was asked about")
    return seen
