"""The intent to send, committed before the first byte: under the claim's token, consent and suppression asked again."""

from __future__ import annotations

from collections.abc import Sequence

from automation.policy import consent, reach, stop
from automation.store.database import Transaction
from automation.store.states import AttemptState, MessageState

from .prepared import Prepared

DISPATCH = "id BIGINT, token BIGINT, person_id BIGINT, identity_id BIGINT, marketing BIGINT"
ATTEMPT = (
    "INSERT INTO attempt (message_id, n, channel, lane, identity_id, idem_key, state, body, at)"
    f" VALUES (:id, :n, :channel, :lane, :identity, :key, {AttemptState.DISPATCHING}, :body, :now)"
    " ON CONFLICT (message_id, channel, lane) DO UPDATE SET state = excluded.state, code = NULL, done_at = NULL"
)
OURS = f"message.state IN ({MessageState.CLAIMED}, {MessageState.DISPATCHING})"
BACK = (
    f"UPDATE message SET state = CASE WHEN message.state = {MessageState.CLAIMED} THEN {MessageState.QUEUED}"
    f" ELSE {MessageState.AMBIGUOUS} END, due = CASE WHEN message.state = {MessageState.CLAIMED} THEN :now END,"
    f" counted_at = CASE WHEN message.state = {MessageState.DISPATCHING} THEN message.counted_at END, lease_until ="
    f" NULL"
    f" FROM turned WHERE message.id = turned.id AND message.token = turned.token AND {OURS}"
)


def commit(tx: Transaction, group: Sequence[Prepared], now: int, lease: int) -> list[Prepared]:
    """Marks messages of one channel as being dispatched; returns those that may be sent once this commits.

    Whose claim was lost is left out. Who has opted out since, or everybody when the stop switch is on, goes back to
    policy, which knows the reason to keep; of these, one that may have left already is held for the operator.
    """
    turned_away = _fill(tx, group)
    if stop.is_on(tx):
        turned_away = {one.id for one in group}
    if turned_away:
        give_back(tx, [one for one in group if one.id in turned_away], now)
        tx.run("DELETE FROM dispatch WHERE id IN (SELECT id FROM turned)")
        group = [one for one in group if one.id not in turned_away]
    count = tx.run(
        f"UPDATE message SET state = {MessageState.DISPATCHING}, lease_until = :lease, attempts = message.attempts + 1"
        " FROM dispatch WHERE message.id = dispatch.id AND message.token = dispatch.token"
        f" AND {OURS}",
        lease=now + lease,
    )
    admitted = list(group) if count == len(group) else _still_ours(tx, group)
    tx.many(
        ATTEMPT,
        [
            {"id": one.id, "n": one.attempts + 1, "channel": one.door.channel, "lane": one.door.lane,
             "identity": one.identity_id, "key": one.message.idem_key, "body": one.body, "now": now}
            for one in admitted
        ],
    )  # fmt: skip
    return admitted


def _fill(tx: Transaction, group: Sequence[Prepared]) -> set[int]:
    """The group into `dispatch`; returns who may not be written to any more."""
    tx.temporary("dispatch", DISPATCH)
    tx.many(
        "INSERT INTO dispatch VALUES (:id, :token, :person, :identity, :marketing)",
        [
            {"id": one.id, "token": one.token, "person": one.person_id, "identity": one.identity_id,
             "marketing": int(one.marketing)}
            for one in group
        ],
    )  # fmt: skip
    said_no = consent.refused("dispatch.person_id", ":kind", "dispatch.marketing = 1")
    gone = (
        "NOT EXISTS (SELECT 1 FROM identity i WHERE i.id = dispatch.identity_id AND i.person_id = dispatch.person_id"
        f" AND NOT EXISTS ({reach.SUPPRESSED}))"
    )
    return {row[0] for row in tx.rows(f"SELECT id FROM dispatch WHERE {said_no} OR {gone}", kind=group[0].door.kind)}


def give_back(tx: Transaction, group: Sequence[Prepared], now: int) -> None:
    """Claimed messages to the queue again; one that may have left already is held for the operator."""
    tx.temporary("turned", "id BIGINT, token BIGINT")
    tx.many("INSERT INTO turned VALUES (:id, :token)", [{"id": one.id, "token": one.token} for one in group])
    tx.run(BACK, now=now)


def _still_ours(tx: Transaction, group: Sequence[Prepared]) -> list[Prepared]:
    then = tx.dialect.join_in_order
    ours = tx.rows(
        f"SELECT m.id FROM dispatch d {then} message m ON m.id = d.id WHERE m.token = d.token"
        f" AND m.state = {MessageState.DISPATCHING}"
    )
    kept = {row[0] for row in ours}
    return [one for one in group if one.id in kept]
