"""Records what arrives, each thing once: the verb that the web edge and the pullers share.

`prepare` works outside of any transaction and gives back what writes inside one, so that many requests can be committed
together, and a batch that cannot be written can be halved and written again.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple, TypeAlias

from automation.engine.delivery import marks, receipts
from automation.engine.parts import Parts
from automation.kernel.hooks import Did, Receipt, Reply
from automation.kernel.ports import Channel
from automation.people import happenings
from automation.people.sealing import Vault
from automation.store.database import Transaction

from . import effects, finding
from .making import UNUSABLE, Maker, context
from .values import Arrival, Greeting, Item, Settled, Taken

log = logging.getLogger(__name__)

Write: TypeAlias = Callable[[Transaction], Sequence[Taken]]
Key: TypeAlias = tuple[str, str]
DUE: Final = "due"  # a welcome that is to be sent, see welcome.py
KEPT: Final = 30 * 86_400  # seconds for which a repeat is known; events are known by their own key for ever
ARRIVED: Final = (
    "n BIGINT, channel TEXT, dedupe TEXT, at BIGINT, person_id BIGINT, kind TEXT, answer {blob}, welcome TEXT"
)
COLUMNS: Final = ("n", "channel", "dedupe", "at", "person_id", "kind", "answer", "welcome")
# What is a repeat is decided by the unique key and nothing else: two processes may be told the same at once.
ADD: Final = """
    INSERT INTO inbound (channel, dedupe, at, person_id, kind, answer, welcome)
    SELECT channel, dedupe, at, person_id, kind, answer, welcome FROM arrived_item WHERE 1 = 1 ORDER BY n
    ON CONFLICT (channel, dedupe) DO NOTHING RETURNING id, channel, dedupe"""
UNREAD: Final = (
    "INSERT INTO inbound (channel, dedupe, at, kind, answer) VALUES (:channel, :key, :at, 'unreadable', :sealed)"
    " ON CONFLICT (channel, dedupe) DO NOTHING"
)
KNOWN: Final = """
    SELECT a.n, i.answer, i.id, i.person_id, i.welcome
    FROM {given} AS a {then} inbound i ON i.channel = a.channel AND i.dedupe = a.dedupe"""


class _Known(NamedTuple):
    """A row that is there. `waits`: its greeting was not begun."""

    text: str
    row: int
    person: int
    waits: bool


class Inbox:
    """Of one process. Serves many threads."""

    def __init__(self, parts: Parts, vault: Vault, channels: Mapping[str, Channel]) -> None:
        """Must not be made inside a write transaction."""
        self._parts, self._vault = parts, vault
        self._maker = Maker(parts, vault, channels)
        self._kinds = {name: channel.kind for name, channel in channels.items()}
        marks.prepare(parts)

    def prepare(self, now: int, arrivals: Sequence[Arrival]) -> Write:
        """What writes these arrivals inside a transaction and returns one Taken for each, in order."""
        items = self._maker.items(arrivals, now)
        reports = [
            (arrival.channel, happening)
            for arrival in arrivals
            for happening in arrival.happened
            if isinstance(happening, Receipt)
        ]

        unread = self._maker.unread(arrivals)

        def write(tx: Transaction) -> Sequence[Taken]:
            if unread:
                tx.many(UNREAD, [{"channel": a, "key": b, "at": now, "sealed": c} for a, b, c in unread])
            if reports:
                receipts.record_many(self._parts, tx, reports, now)
            answers, greetings = self._write(tx, items, now) if items else ({}, {})
            return [_taken(number, answers, greetings) for number in range(len(arrivals))]

        return write

    def record(self, arrivals: Sequence[Arrival], now: int) -> Sequence[Taken]:
        """The same in a transaction of its own."""
        write = self.prepare(now, arrivals)
        with self._parts.store.write() as tx:
            return write(tx)

    def _write(
        self, tx: Transaction, items: Sequence[Item], now: int
    ) -> tuple[dict[int, Reply], dict[int, list[Greeting]]]:
        """Replies and greetings by the number of the arrival. A repeat is answered as the first time, and that is
        all; but a greeting that was not begun is handed out again: whoever had it may have died."""
        known = self._known(tx, items)
        first: dict[Key, Item] = {}
        for number, item in enumerate(items):
            if number not in known:
                first.setdefault((item.channel, item.key), item)
        settled = self._settle(tx, list(first.values()), now) if first else []
        self._follow(tx, settled, now)
        new = {(one.item.channel, one.item.key) for one in settled}
        answers: dict[int, Reply] = {}
        for number, item in enumerate(items):
            text = known[number].text if number in known else item.reply if (item.channel, item.key) in new else ""
            if text and item.arrival not in answers:
                answers[item.arrival] = Reply(item.happening.who, text)
        greetings: dict[int, list[Greeting]] = {}
        again = [(items[number], one.row, one.person) for number, one in known.items() if one.waits]
        for item, row, person in [*((one.item, one.row, one.person) for one in settled), *again]:
            if item.greets:
                greetings.setdefault(item.arrival, []).append(_greeting(item, row, person))
        return answers, greetings

    def _known(self, tx: Transaction, items: Sequence[Item]) -> dict[int, _Known]:
        """By the number of the item, what was recorded before."""
        given = tx.dialect.each("given", {"n": "BIGINT", "channel": "TEXT", "dedupe": "TEXT"})
        asked = json.dumps([[number, item.channel, item.key] for number, item in enumerate(items)])
        found = {}
        for row in tx.rows(KNOWN.format(given=given, then=tx.dialect.join_in_order), given=asked):
            number, answer, inbound_id, person, welcome = row
            text = self._vault.open(bytes(answer), context(items[number].key)) if answer is not None else ""
            found[number] = _Known(text, inbound_id, person, welcome == DUE)
        return found

    def _settle(self, tx: Transaction, items: Sequence[Item], now: int) -> list[Settled]:
        """Finds the people of new items and writes the rows; what another process wrote meanwhile is left out."""
        whole = [item for item in items if item.kind != UNUSABLE]
        owners = finding.owners(self._maker.registry(), self._parts.computed, tx, whole, now) if whole else {}
        rows = []
        for number, item in enumerate(items):
            owner = owners[item.lookups[0]].person if item.lookups else None
            at = min(item.happening.at, now)
            welcome = DUE if item.greets else None
            rows.append((number, item.channel, item.key, at, owner, item.kind, item.answer, welcome))
        tx.temporary("arrived_item", ARRIVED.format(blob=tx.dialect.blob))
        tx.insert("arrived_item", COLUMNS, rows)
        added = {(channel, key): row for row, channel, key in tx.rows(ADD)}
        return [
            Settled(item, added[item.channel, item.key], *owners[item.lookups[0]])
            for item in items
            if item.lookups and (item.channel, item.key) in added
        ]

    def _follow(self, tx: Transaction, settled: Sequence[Settled], now: int) -> None:
        if not settled:
            return
        effects.follow(tx, settled, self._kinds, now)
        events = [one.item.event._replace(person_id=one.person) for one in settled if one.item.event is not None]
        happenings.add_many(tx, now, events)


def prune(tx: Transaction, now: int, limit: int = 5000) -> int:
    """Forgets rows older than KEPT, at most `limit`; how many."""
    return tx.run(
        "DELETE FROM inbound WHERE id IN (SELECT id FROM inbound WHERE at < :before ORDER BY at LIMIT :limit)",
        before=now - KEPT, limit=limit,
    )  # fmt: skip


def _greeting(item: Item, row: int, person: int) -> Greeting:
    did = item.happening
    assert isinstance(did, Did)
    scene = did.props.get("scene")
    return Greeting(row, item.channel, person, did.welcome, did.at, scene if isinstance(scene, str) else "")


def _taken(number: int, answers: Mapping[int, Reply], greetings: Mapping[int, Sequence[Greeting]]) -> Taken:
    return Taken(answers.get(number), tuple(greetings.get(number, ())))
