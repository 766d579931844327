"""What operators see of messages and may do to them. Every order and its audit row are one transaction."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from automation.kernel import errors
from automation.people.sealing import Vault
from automation.policy import stop, verdicts
from automation.store import audit
from automation.store.database import Statements, Transaction
from automation.store.states import AttemptState, MessageState

from .prepared import body_context

COLUMNS = (
    "id", "person", "journey", "step", "state", "reason", "channel", "due", "expires_at", "attempts", "sent_at",
    "delivered_at", "opened_at", "clicked_at", "done_at",
)  # fmt: skip
LIST = (
    "SELECT m.id, m.person_id, j.name, s.key, m.state, m.reason, m.channel, m.due, m.expires_at, m.attempts, m.sent_at,"
    " m.delivered_at, m.opened_at, m.clicked_at, m.done_at FROM message m JOIN step s ON s.id = m.step"
    " JOIN journey j ON j.id = s.journey_id"
)
REVIVE = (
    "UPDATE version SET retired_at = NULL WHERE retired_at IS NOT NULL AND id IN (SELECT m.version_id FROM ordered o"
    f" JOIN message m ON m.id = o.id WHERE m.state = {MessageState.QUEUED})"
)
TAKE_UP = 5  # seconds in which a running engine has taken up a version that was brought back
LATER = (
    "UPDATE message SET due = :later FROM ordered WHERE message.id = ordered.id"
    f" AND message.state = {MessageState.QUEUED}"
)
RETRIED = (MessageState.FAILED, MessageState.SUPPRESSED)


class Resolution(StrEnum):
    """What an operator found out about a message of which nobody knew whether it left."""

    SENT = "sent"
    NOT_SENT = "not_sent"


@dataclass(frozen=True, slots=True)
class Filter:
    """Which messages; None is all. `word`: of the reason. `before`: only smaller ids, to page through."""

    state: MessageState | None = None
    word: str | None = None
    journey: str | None = None
    person: int | None = None
    before: int | None = None
    limit: int = 50


def listed(statements: Statements, wanted: Filter) -> list[dict[str, Any]]:
    """The newest first, states by name. No text and no address is in it."""
    tests = ["1 = 1"]
    if wanted.state is not None:
        tests.append(f"m.state = {int(wanted.state)}")
    if wanted.word is not None:
        tests.append("m.reason LIKE :word")
    if wanted.journey is not None:
        tests.append("j.name = :journey")
    if wanted.person is not None:
        tests.append("m.run_id IN (SELECT r.id FROM run r WHERE r.person_id = :person)")
    if wanted.before is not None:
        tests.append("m.id < :before")
    rows = statements.rows(
        f"{LIST} WHERE {' AND '.join(tests)} ORDER BY m.id DESC LIMIT :limit",
        word=f"{wanted.word}%", journey=wanted.journey or "", person=wanted.person or 0, before=wanted.before or 0,
        limit=wanted.limit,
    )  # fmt: skip
    return [_said(row) for row in rows]


def show(statements: Statements, number: int, vault: Vault | None = None) -> dict[str, Any]:
    """One message with its tries. Bodies are opened only where a `vault` is given. Refused for an unknown one."""
    found = statements.row(f"{LIST} WHERE m.id = :id", id=number)
    if found is None:
        raise errors.Refused(f"there is no message {number}")
    attempts = statements.rows(
        "SELECT n, channel, lane, state, code, provider_id, at, done_at, idem_key, body FROM attempt"
        " WHERE message_id = :id ORDER BY n, id",
        id=number,
    )
    return _said(found) | {"tries": [_try(row, vault) for row in attempts]}


def retry(tx: Transaction, numbers: Sequence[int], who: str, now: int) -> int:
    """Lets failed or suppressed messages try all their ways again; policy is asked as for any other. Returns how many.

    Refused where none can: it was sent, still waits, or its time is over.
    """
    states = ", ".join(str(int(state)) for state in RETRIED)
    count = _change(
        tx, numbers, f"message.state IN ({states}) AND message.expires_at > :now",
        f"state = {MessageState.QUEUED}, due = :now, via_ix = 0, reason = NULL, done_at = NULL, counted_at = NULL", now,
    )  # fmt: skip
    if not count:
        raise errors.Refused("none of these messages failed and can still be sent before it expires")
    # A body that was refused is made anew, as its text may have been mended; one that may have left stays as it is.
    tx.run(
        f"UPDATE attempt SET body = NULL FROM ordered WHERE attempt.message_id = ordered.id"
        f" AND attempt.state = {AttemptState.DENIED}"
    )
    audit.record(tx, now, who, "messages retried", messages=list(numbers)[:100], count=count)
    return count


def resolve(tx: Transaction, numbers: Sequence[int], how: Resolution, who: str, now: int) -> int:
    """Ends the doubt about held messages: `sent` closes them, `not_sent` queues them again. Returns how many.

    Refused where none of them is held.
    """
    change = f"state = {MessageState.SENT}, sent_at = coalesce(message.sent_at, :now), reason = NULL, done_at = :now"
    if how is Resolution.NOT_SENT:
        change = (
            f"state = {MessageState.QUEUED}, due = :now, reason = NULL, done_at = NULL, counted_at = NULL, token = NULL"
            # What a restore held is planned anew, or it would be held again.
            f", scheduled_at = CASE message.reason WHEN '{verdicts.Word.RESTORED}' THEN :now ELSE scheduled_at END"
        )
    count = _change(tx, numbers, f"message.state = {MessageState.AMBIGUOUS}", change, now)
    if not count:
        raise errors.Refused("none of these messages is held")
    audit.record(tx, now, who, f"messages resolved: {how}", messages=list(numbers)[:100], count=count)
    return count


def stop_all(tx: Transaction, on: bool, who: str, now: int) -> None:
    """The stop switch: nothing leaves while it is on. Refused where it stands so already."""
    if stop.is_on(tx) == on:
        raise errors.Refused("everything is stopped already" if on else "nothing is stopped")
    stop.turn(tx, now, on, who)
    audit.record(tx, now, who, "stop all" if on else "resume all")


def _change(tx: Transaction, numbers: Sequence[int], rows: str, change: str, now: int) -> int:
    tx.temporary("ordered", "id BIGINT")
    tx.many("INSERT INTO ordered VALUES (:id)", [{"id": number} for number in dict.fromkeys(numbers)])
    count = tx.run(f"UPDATE message SET {change} FROM ordered WHERE message.id = ordered.id AND {rows}", now=now)
    # Nothing waited for its version any more, so it may have been put away.
    if tx.run(REVIVE):
        tx.run(LATER, later=now + TAKE_UP)
    return count


def _said(row: Sequence[Any]) -> dict[str, Any]:
    found = dict(zip(COLUMNS, row, strict=True))
    return found | {"state": _state(found["state"]), "word": verdicts.word(found["reason"])}


def _state(number: int) -> str:
    return MessageState(number).name.lower()


def _try(row: Sequence[Any], vault: Vault | None) -> dict[str, Any]:
    names = ("n", "channel", "lane", "state", "code", "provider_id", "at", "done_at", "key")
    found = dict(zip(names, row[:-1], strict=True))
    found["state"] = AttemptState(found["state"]).name.lower()
    if vault is not None and row[-1] is not None:
        found["body"] = json.loads(vault.open(bytes(row[-1]), body_context(found["key"])))
    return found
