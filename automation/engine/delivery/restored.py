"""A database that came out of a backup: what may have left since the backup was made is held and never sent again.

Nobody knows what left between the backup and the restore. Messages that stand in the copy may have left; journeys that
go on from the copy make others anew that left as well. All of them were planned for a moment before the restore, and
nothing that is planned later can have left. So that moment is kept, and whatever was planned up to it goes to the
operator instead of to the customer. Ids that were given in that time are never given again: links in mails, keys at
providers and web hooks still know them.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from typing import TypeAlias

from automation.kernel import errors
from automation.policy import stop
from automation.policy.verdicts import Word
from automation.store import audit
from automation.store.backup import MARK
from automation.store.database import Statements, Transaction
from automation.store.states import MessageState

RESTORED = "restored"  # a row of `control`: UTC seconds of the last restore
SKIPPED = 1_000_000_000  # ids; more than a shop gives between two backups, and room for nine thousand million restores
GIVEN_OUT = ("person", "identity", "event", "run", "message", "attempt", "effect", "link_target", "inbound")
HELD = (
    f"state = {MessageState.AMBIGUOUS}, reason = '{Word.RESTORED}', due = NULL, lease_until = NULL, token = NULL,"
    " done_at = :now, counted_at = coalesce(message.counted_at, message.scheduled_at)"
)
OPEN = f"{MessageState.QUEUED}, {MessageState.CLAIMED}, {MessageState.DISPATCHING}"
GATHERED = f"state = {MessageState.AWAITING} AND channel = :channel AND lane = :lane AND scheduled_at <= :now"
Lane: TypeAlias = tuple[str, str]
"""Channel and lane, by name."""


@dataclass(frozen=True, slots=True)
class Copy:
    """What a backup says of itself: when it was made (UTC seconds), and the fingerprint of the key it belongs to."""

    at: int
    key: str


def mark(tx: Transaction, copy: Copy) -> None:
    """Makes a database a backup: no engine starts on it before it was restored."""
    tx.run(
        "INSERT INTO control (name, value, at, who) VALUES (:name, :value, :at, 'backup') ON CONFLICT (name) DO UPDATE"
        " SET value = excluded.value, at = excluded.at",
        name=MARK, value=json.dumps({"key": copy.key}), at=copy.at,
    )  # fmt: skip


def marked(statements: Statements) -> Copy | None:
    """What the database says of itself where it is a backup that was not restored."""
    found = statements.row("SELECT at, value FROM control WHERE name = :name", name=MARK)
    return Copy(int(found[0]), json.loads(found[1])["key"]) if found else None


def refuse_copy(statements: Statements) -> None:
    """Refused where the database is a backup that somebody put in place by hand."""
    if marked(statements) is not None:
        raise errors.Refused(
            "this database is a backup: it does not know what left since it was made, and would send it again."
            " Move it elsewhere and use `run.py restore FILE`"
        )


def until(statements: Statements) -> int | None:
    """The moment of the last restore; None where there never was one."""
    found = statements.value("SELECT value FROM control WHERE name = :name", name=RESTORED)
    return None if found is None else int(found)


def settle(tx: Transaction, now: int, who: str, gathering: Collection[Lane], made: int | None = None) -> int:
    """Makes a restored database one that an engine may go on with; returns how many messages are held.

    `gathering`: where messages await an operator's word, which may have been given. `made`: when the backup was made,
    where that is known. Everything is stopped until the operator says otherwise.
    """
    for table in GIVEN_OUT:
        tx.skip_ids(table, SKIPPED)
    held = tx.run(f"UPDATE message SET {HELD} WHERE state IN ({OPEN}) AND scheduled_at <= :now", now=now)
    for channel, lane in sorted(gathering):
        held += tx.run(f"UPDATE message SET {HELD} WHERE {GATHERED}", channel=channel, lane=lane, now=now)
    stop.turn(tx, now, True, who)
    tx.run("DELETE FROM control WHERE name = :name", name=MARK)
    tx.run(
        "INSERT INTO control (name, value, at, who) VALUES (:name, :value, :now, :who) ON CONFLICT (name) DO UPDATE"
        " SET value = excluded.value, at = excluded.at, who = excluded.who",
        name=RESTORED, value=str(now), now=now, who=who,
    )  # fmt: skip
    audit.record(tx, now, who, "restored", backup_of=made, held=held)
    return held


def hold(tx: Transaction, moment: int, now: int) -> int:
    """Takes out of `picked` what was planned up to the restore, and holds it; returns how many."""
    held = tx.run(
        f"UPDATE message SET {HELD} FROM picked WHERE message.id = picked.id AND message.scheduled_at <= :moment",
        moment=moment, now=now,
    )  # fmt: skip
    if held:
        tx.run("DELETE FROM picked WHERE EXISTS (SELECT 1 FROM message m WHERE m.id = picked.id AND m.due IS NULL)")
    return held
