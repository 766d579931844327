"""The intent to send, committed before the first byte: under the claim's token, consent and suppression asked again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from automation.policy import consent, reach, standing, stop
from automation.policy.verdicts import Word
from automation.store.database import Transaction
from automation.store.states import AttemptState, MessageState

from . import outcomes
from .bookings import Bookings
from .gates import Gates
from .prepared import Prepared, Ref

HOLDS = 60  # seconds that what policy said about a message holds
DISPATCH = {
    "id": "BIGINT", "token": "BIGINT", "person_id": "BIGINT", "identity_id": "BIGINT", "marketing": "BIGINT",
    "n": "BIGINT", "channel": "TEXT", "lane": "TEXT", "idem_key": "TEXT", "body": "{blob}",
}  # fmt: skip
ATTEMPT = (
    "INSERT INTO attempt (message_id, n, channel, lane, identity_id, idem_key, state, body, at)"
    f" SELECT id, n, channel, lane, identity_id, idem_key, {AttemptState.DISPATCHING}, body, CAST(:now AS BIGINT)"
    " FROM dispatch WHERE 1 = 1"
    " ON CONFLICT (message_id, channel, lane) DO UPDATE SET state = excluded.state, identity_id = excluded.identity_id,"
    " body = excluded.body, code = NULL, done_at = NULL"
)
OURS = f"message.state IN ({MessageState.CLAIMED}, {MessageState.DISPATCHING})"
BACK = (
    f"UPDATE message SET state = CASE WHEN message.state = {MessageState.CLAIMED} THEN {MessageState.QUEUED}"
    f" ELSE {MessageState.AMBIGUOUS} END, due = CASE WHEN message.state = {MessageState.CLAIMED} THEN :now END,"
    f" counted_at = CASE WHEN message.state = {MessageState.DISPATCHING} THEN message.counted_at END,"
    " lease_until = NULL,"
    f" reason = CASE WHEN message.state = {MessageState.DISPATCHING} THEN '{Word.UNKNOWN}, interrupted'"
    " ELSE message.reason END"
    f" FROM turned WHERE message.id = turned.id AND message.token = turned.token AND {OURS} RETURNING message.id"
)


class Dispatcher:
    """Commits intents for one process."""

    def __init__(self, gates: Gates, bookings: Bookings, lease: int) -> None:
        self._gates, self._bookings, self._lease = gates, bookings, lease

    def commit(self, tx: Transaction, group: Sequence[Prepared], now: int) -> list[Prepared]:
        """Marks messages of one channel as being dispatched; returns those that may be sent once this commits.

        Whose claim was lost is left out. Who has opted out since, or everybody when the stop switch is on, the journey
        was halted or the channel rests, and what stood in line for a minute or until it expired, goes back to policy,
        which knows the reason to keep; of these, one that may have left already is held for the operator, or asked
        again when journey or channel are back.
        """
        for sieve in (self._askable, self._without_late, self._without_halted, self._without_resting, self._trusted):
            group = sieve(tx, group, now)
        if not group:
            return []
        turned_away = _fill(tx, group)
        if stop.is_on(tx):
            turned_away = {one.id for one in group}
        if turned_away:
            self.give_back(tx, [one for one in group if one.id in turned_away], now)
            tx.run("DELETE FROM dispatch WHERE id IN (SELECT id FROM turned)")
            group = [one for one in group if one.id not in turned_away]
        count = tx.run(
            f"UPDATE message SET state = {MessageState.DISPATCHING}, lease_until = :lease, attempts = message.attempts"
            f" + 1 FROM dispatch WHERE message.id = dispatch.id AND message.token = dispatch.token AND {OURS}",
            lease=now + self._lease,
        )
        admitted = list(group) if count == len(group) else self._still_ours(tx, group, now)
        tx.run(ATTEMPT, now=now)
        return admitted

    def give_back(self, tx: Transaction, group: Sequence[Prepared | Ref], now: int) -> set[int]:
        """Claimed messages to the queue again; one that may have left already is held for the operator. Returns which
        were still ours."""
        tx.temporary("turned", "id BIGINT, token BIGINT")
        tx.many("INSERT INTO turned VALUES (:id, :token)", [{"id": one.id, "token": one.token} for one in group])
        self._bookings.give_back(tx, "turned", states=str(int(MessageState.CLAIMED)))
        return {row[0] for row in tx.rows(BACK, now=now)}

    def _askable(self, tx: Transaction, group: Sequence[Prepared], now: int) -> Sequence[Prepared]:
        """A repeat may have waited in the line until its provider no longer knows the key: it is held."""
        late = {one.id for one in group if one.resend and not outcomes.may_ask_again(one, now)}
        if not late:
            return group
        self.give_back(tx, [one for one in group if one.id in late], now)
        return [one for one in group if one.id not in late]

    def _without_late(self, tx: Transaction, group: Sequence[Prepared], now: int) -> Sequence[Prepared]:
        """By now it may be night, or nobody wants to read it any more."""
        late = {one.id for one in group if not one.resend and (now >= one.expires_at or now >= one.asked_at + HOLDS)}
        if not late:
            return group
        self.give_back(tx, [one for one in group if one.id in late], now)
        return [one for one in group if one.id not in late]

    def _without_halted(self, tx: Transaction, group: Sequence[Prepared], now: int) -> Sequence[Prepared]:
        """Of a journey that was paused or stopped while these waited nothing leaves any more."""
        halted = standing.halted(tx, (one.version_id for one in group))
        return self._without(tx, group, {one.id: now + standing.HELD for one in group if one.version_id in halted}, now)

    def _without_resting(self, tx: Transaction, group: Sequence[Prepared], now: int) -> Sequence[Prepared]:
        """A channel that failed while these waited gets nothing more: the breaker would be of no use otherwise."""
        doors = {one.door.number: one.door for one in group}
        rests = {number: self._gates.rests_until(door, now) for number, door in doors.items()}
        resting = {one.id: until for one in group if (until := rests[one.door.number]) is not None}
        return self._without(tx, group, resting, now)

    def _without(
        self, tx: Transaction, group: Sequence[Prepared], waits: Mapping[int, int], now: int
    ) -> Sequence[Prepared]:
        """`waits`: message id -> until when (UTC seconds). Policy says how long a claimed one waits; a repeat stays
        as it is until then. Those whose claim was lost stay in the group, where their bookings are given back."""
        if not waits:
            return group
        waiting = [one for one in group if one.id in waits]
        gone = self.give_back(tx, [one for one in waiting if not one.resend], now)
        repeats = [one for one in waiting if one.resend]
        tx.many(
            f"UPDATE message SET lease_until = :until WHERE id = :id AND token = :token"
            f" AND state = {MessageState.DISPATCHING}",
            [{"id": one.id, "token": one.token, "until": waits[one.id]} for one in repeats],
        )
        gone.update(one.id for one in repeats)
        return [one for one in group if one.id not in gone]

    def _trusted(self, tx: Transaction, group: Sequence[Prepared], now: int) -> Sequence[Prepared]:
        """While the channel fails, no more than the breaker has failures left; the others are claimed again."""
        most = self._gates.trust(group[0].door.channel) if group else 0
        if len(group) <= most:
            return group
        self.give_back(tx, [one for one in group[most:] if not one.resend], now)
        return [one for place, one in enumerate(group) if place < most or one.resend]

    def _still_ours(self, tx: Transaction, group: Sequence[Prepared], now: int) -> list[Prepared]:
        then = tx.dialect.join_in_order
        rows = tx.rows(f"SELECT m.id, m.token, m.state, d.token FROM dispatch d {then} message m ON m.id = d.id")
        ours = {row[0] for row in rows if row[1] == row[3] and row[2] == MessageState.DISPATCHING}
        withdrawn = {row[0] for row in rows if row[1] in (None, row[3]) and row[2] == MessageState.CANCELLED}
        tx.run(
            "DELETE FROM dispatch WHERE NOT EXISTS (SELECT 1 FROM message m WHERE m.id = dispatch.id"
            f" AND m.token = dispatch.token AND m.state = {MessageState.DISPATCHING})"
        )
        self._bookings.give_back_lost(tx, [one for one in group if one.id in withdrawn], now)
        return [one for one in group if one.id in ours]


def _fill(tx: Transaction, group: Sequence[Prepared]) -> set[int]:
    """The group with its attempts into `dispatch`; returns who may not be written to any more. Where the channel is
    the recipient nobody is asked."""
    tx.temporary(
        "dispatch", ", ".join(f"{name} {kind.format(blob=tx.dialect.blob)}" for name, kind in DISPATCH.items())
    )
    tx.insert(
        "dispatch", list(DISPATCH),
        [
            (one.id, one.token, one.person_id, one.identity_id, int(one.marketing), one.attempts + 1, one.door.channel,
             one.door.lane, one.message.idem_key, one.body)
            for one in group
        ],
    )  # fmt: skip
    said_no = consent.refused("dispatch.person_id", ":kind", "dispatch.marketing = 1")
    gone = (
        "NOT EXISTS (SELECT 1 FROM identity i WHERE i.id = dispatch.identity_id AND i.person_id = dispatch.person_id"
        f" AND NOT EXISTS ({reach.suppressed('dispatch.marketing = 1')}))"
    )
    sql = f"SELECT id FROM dispatch WHERE identity_id IS NOT NULL AND ({said_no} OR {gone})"
    return {row[0] for row in tx.rows(sql, kind=group[0].door.kind)}
