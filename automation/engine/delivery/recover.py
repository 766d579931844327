"""Messages whose lease is over: their process died, was stopped, or asked to be asked again.

Claimed ones go back. Of those being dispatched, one on a lane with a key is asked again with the same key and bytes
while the provider still knows the key. On the others the spool tells: not started goes back, answered is recorded as it
was answered, started without an answer is held for the operator. Without the spool of this boot nobody knows.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from automation.engine.parts import Parts
from automation.kernel import errors
from automation.kernel.ports import Message, Unknown
from automation.people.sealing import Vault, identity_context
from automation.policy import stop
from automation.policy.verdicts import Word
from automation.store.database import Transaction
from automation.store.states import AttemptState, MessageState

from . import outcomes, receipts, spool
from .bookings import Bookings
from .claim import NEXT_TOKEN
from .prepared import Prepared, body_context
from .record import Recorder, Result
from .routes import Routes

SLICE = 500
COLUMNS = (
    "m.id, m.token, m.state, m.person_id, m.purpose, m.via_ix, m.attempts, m.expires_at, m.version_id, m.step,"
    " m.variant, a.channel, a.lane, a.identity_id, a.idem_key, a.state, a.body, a.at, i.lookup, i.sealed"
)
OVERDUE = (
    f"SELECT {COLUMNS} FROM message m"
    f" LEFT JOIN attempt a ON a.message_id = m.id AND a.state IN ({AttemptState.DISPATCHING}, {AttemptState.UNKNOWN})"
    " AND a.channel = m.channel LEFT JOIN identity i ON i.id = a.identity_id"
    f" WHERE m.lease_until <= :over AND m.state IN ({MessageState.CLAIMED}, {MessageState.DISPATCHING})"
    " ORDER BY m.lease_until, m.id, a.n DESC LIMIT :most"
)


class Overdue(NamedTuple):
    """A message whose lease is over, with its open attempt and the address it went to."""

    id: int
    token: int
    state: int
    person_id: int
    purpose: int
    option: int
    attempts: int
    expires_at: int
    version_id: int
    step: int
    variant: str | None
    channel: str | None
    lane: str | None
    identity_id: int | None
    key: str
    attempt: int
    body: bytes | None
    at: int
    lookup: bytes | None
    sealed: bytes | None


@dataclass(slots=True)
class Recovered:
    """`back`: queued again. `held`: nobody knows, a report or an operator decides; `names`: what reports will call
    them. `recorded`: answered before. `again`: to be sent once more with the same key."""

    back: list[Overdue] = field(default_factory=list)
    held: list[Overdue] = field(default_factory=list)
    recorded: list[Result] = field(default_factory=list)
    names: dict[int, str] = field(default_factory=dict)
    again: list[Prepared] = field(default_factory=list)


class Recovery:
    """For one process. `mine`: whether this process is working on the message right now."""

    def __init__(
        self, parts: Parts, routes: Routes, vault: Vault, books: tuple[Recorder, Bookings], folder: Path | None
    ) -> None:
        self._parts, self._routes, self._vault, self._folder = parts, routes, vault, folder
        self._recorder, self._bookings = books

    def run(self, now: int, mine: Callable[[int], bool] = lambda _: False, alone: bool = False) -> Recovered:
        """One slice in one transaction; what is in `again` has to be dispatched by the caller. `alone`: no other
        process delivers, so no lease but our own means anything."""
        over = now + self._parts.settings.engine.lease + outcomes.LONGEST_WAIT if alone else now
        rows = [Overdue(*row) for row in self._parts.store.rows(OVERDUE, over=over, most=SLICE)]
        first = {row.id: row for row in reversed(rows) if not mine(row.id)}
        if first and stop.is_on(self._parts.store):  # nothing may be asked again now: those stay as they are
            first = {number: row for number, row in first.items() if not self._keyed(row)}
        if not first:
            return Recovered()
        traces = spool.read(self._folder) if self._folder else {}
        found = Recovered()
        for row in first.values():
            self._judge(row, traces, found, now)
        with self._parts.store.write() as tx:
            self._write(tx, found, now)
        return found

    def prune(self, mine: Callable[[Path], bool]) -> int:
        """Removes the files of dead processes that tell of nothing open any more; returns how many."""
        removed = 0
        for path in sorted(self._folder.glob("*.spool")) if self._folder and self._folder.is_dir() else []:
            if mine(path) or spool.is_alive(path):
                continue
            refs = [ref for ref, trace in spool.read(path.parent).items() if trace.path == path]
            if not any(self._is_open(*ref) for ref in refs):
                path.unlink(missing_ok=True)
                removed += 1
        return removed

    def _is_open(self, number: int, token: int) -> bool:
        """Under another token the file can tell nothing of it any more."""
        sql = f"SELECT 1 FROM message WHERE id = :id AND token = :token AND state = {MessageState.DISPATCHING}"
        return self._parts.store.value(sql, id=number, token=token) is not None

    def _judge(self, row: Overdue, traces: Mapping[spool.Ref, spool.Trace], found: Recovered, now: int) -> None:
        if row.state == MessageState.CLAIMED:
            found.back.append(row)
            return
        trace = traces.get((row.id, row.token))
        again = self.again(row, now)
        heard = trace.outcome if trace is not None and trace.this_boot else None
        if heard is not None and again is not None and not (isinstance(heard, Unknown) and self._keyed(row)):
            found.recorded.append(Result(again, heard))
            return
        if again is not None and outcomes.may_ask_again(again, now):
            found.again.append(again)
        elif trace is not None and trace.this_boot and not trace.started and not trace.alive:
            found.back.append(row)
        else:
            found.held.append(row)
            if trace is not None and trace.name:
                found.names[row.id] = trace.name

    def _keyed(self, row: Overdue) -> bool:
        door = self._routes.door(row.channel or "", row.lane or "")
        return door is not None and self._routes.lanes[door.number].dedupe_window > 0

    def again(self, row: Overdue, now: int) -> Prepared | None:
        """The same request once more, None where its channel, address or body is gone."""
        door = self._routes.door(row.channel or "", row.lane or "")
        if door is None or row.body is None or (door.address and (row.sealed is None or row.lookup is None)):
            return None
        try:
            address = self._vault.open(row.sealed, identity_context(row.lookup)) if row.sealed and row.lookup else ""
            body: Any = json.loads(self._vault.open(bytes(row.body), body_context(row.key)))
        except errors.Refused:
            return None
        purpose = self._parts.project.policy.purposes.get(self._parts.names.word(row.purpose))
        return Prepared(
            row.id, row.token, row.version_id, row.person_id, row.identity_id,
            purpose is None or purpose.kind == "marketing", door, self._routes.lanes[door.number],
            row.option, row.attempts, row.expires_at, now, None, row.at, True,
            self._routes.is_last(row.version_id, row.step, row.variant, row.option), bytes(row.body),
            Message(row.key, door.lane, address, body),
            self._routes.grant((row.version_id, row.step, row.variant), door),
        )  # fmt: skip

    def _write(self, tx: Transaction, found: Recovered, now: int) -> None:
        if found.back:
            _fill(tx, [(row.id, row.token) for row in found.back])
            self._bookings.give_back(tx, "overdue")
            tx.run(
                f"UPDATE message SET state = {MessageState.QUEUED}, due = :now, counted_at = NULL, lease_until = NULL,"
                " token = NULL FROM overdue WHERE message.id = overdue.id AND message.token = overdue.token"
                f" AND message.state IN ({MessageState.CLAIMED}, {MessageState.DISPATCHING})",
                now=now,
            )
            tx.run(
                f"UPDATE attempt SET state = {AttemptState.PREPARED} FROM overdue WHERE attempt.message_id = overdue.id"
                f" AND attempt.state = {AttemptState.DISPATCHING}"
            )
        if found.held:
            # The token stays: should its process wake up after all, it may still say what became of it.
            _fill(tx, [(row.id, row.token) for row in found.held])
            tx.run(
                f"UPDATE message SET state = {MessageState.AMBIGUOUS}, reason = '{Word.UNKNOWN}, interrupted',"
                " done_at = :now, lease_until = NULL FROM overdue WHERE message.id = overdue.id"
                f" AND message.token = overdue.token AND message.state = {MessageState.DISPATCHING}",
                now=now,
            )
            self._name(tx, found, now)
        if found.recorded:
            self._recorder.write(tx, found.recorded, now)
        if found.again:
            found.again = _take_over(tx, found.again, now, self._parts.settings.engine.lease)

    def _name(self, tx: Transaction, found: Recovered, now: int) -> None:
        """A report may have come already: the web edge is up before this."""
        named = [(row, found.names[row.id]) for row in found.held if row.id in found.names]
        if not named:
            return
        tx.temporary("named", "id BIGINT, channel TEXT, lane TEXT, provider_id TEXT")
        tx.many(
            "INSERT INTO named VALUES (:id, :channel, :lane, :name)",
            [{"id": row.id, "channel": row.channel, "lane": row.lane, "name": name} for row, name in named],
        )
        tx.run(
            "UPDATE attempt SET provider_id = named.provider_id FROM named WHERE attempt.message_id = named.id"
            " AND attempt.channel = named.channel AND attempt.lane = named.lane AND attempt.provider_id IS NULL"
        )
        receipts.catch_up(self._parts, tx, "named", now)


def _take_over(tx: Transaction, again: list[Prepared], now: int, lease: int) -> list[Prepared]:
    """A token of our own, so that whoever had the message before can record nothing any more."""
    token = int(tx.value(NEXT_TOKEN, now=now))
    _fill(tx, [(one.id, one.token) for one in again])
    taken = {
        row[0]
        for row in tx.rows(
            "UPDATE message SET token = :token, lease_until = :lease FROM overdue WHERE message.id = overdue.id"
            f" AND message.token = overdue.token AND message.state = {MessageState.DISPATCHING} RETURNING message.id",
            token=token, lease=now + lease,
        )
    }  # fmt: skip
    return [one._replace(token=token) for one in again if one.id in taken]


def _fill(tx: Transaction, rows: list[tuple[int, int]]) -> None:
    tx.temporary("overdue", "id BIGINT, token BIGINT")
    tx.many("INSERT INTO overdue VALUES (:id, :token)", [{"id": number, "token": token} for number, token in rows])
