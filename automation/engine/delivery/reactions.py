"""What a refusal means for those who come after: addresses that take nothing, windows, grants, lanes that must rest.

In sets, in the transaction that records the answers.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from automation.engine.parts import Parts
from automation.kernel.ports import Denied, Reason
from automation.people import consents, suppression
from automation.people.consents import Consent
from automation.policy import consent, grants, periods, windows
from automation.store.database import Transaction

from .prepared import Prepared

log = logging.getLogger(__name__)
SUPPRESSED: Final = {Reason.BAD_ADDRESS: suppression.BAD_ADDRESS, Reason.GONE: suppression.GONE}
OF_THE_LANE: Final = {Reason.QUOTA, Reason.NOT_ALLOWED}  # the next message would be refused for the same reason
ALARM: Final = 3600  # seconds until it is tried whether an operator has acted
SHORTEST: Final = 60
BLOCK = (
    "INSERT INTO suppression (kind, lookup, reason, at) SELECT DISTINCT i.kind, i.lookup, :reason, CAST(:now AS BIGINT)"
    f" FROM blocked b {{then}} identity i ON i.id = b.id WHERE 1 = 1 {suppression.KEEP_FIRST}"
)
REST = (
    "INSERT INTO lane_state (channel, lane, closed_until, why) VALUES (:channel, :lane, :until, :why)"
    " ON CONFLICT (channel, lane) DO UPDATE SET closed_until = excluded.closed_until, why = excluded.why"
)


def react(tx: Transaction, denied: Sequence[tuple[Prepared, Denied]], now: int) -> dict[tuple[str, str], int]:
    """After bookings were given back. Returns until when lanes rest, by (channel, lane)."""
    for reason, word in SUPPRESSED.items():
        people = [one.identity_id for one, answer in denied if answer.reason is reason and one.identity_id is not None]
        _suppress(tx, people, word, now)
    closed = [one for one, answer in denied if answer.reason is Reason.WINDOW_CLOSED]
    windows.close(tx, [(one.door.channel, one.identity_id) for one in closed if one.identity_id is not None])
    used_up = [one for one, answer in denied if answer.reason is Reason.NO_GRANT and one.grant]
    grants.use_up(
        tx, [(one.door.channel, one.identity_id, one.grant) for one in used_up if one.identity_id is not None]
    )
    return _rest(tx, denied, now)


def suppress_attempts(tx: Transaction, attempts: Sequence[int], reason: str, now: int) -> None:
    """Blocks the addresses that these attempts went to."""
    if attempts:
        tx.temporary("blocking", "id BIGINT")
        tx.many("INSERT INTO blocking VALUES (:id)", [{"id": number} for number in sorted(set(attempts))])
        then = tx.dialect.join_in_order
        rows = tx.rows(f"SELECT a.identity_id FROM blocking b {then} attempt a ON a.id = b.id")
        _suppress(tx, [row[0] for row in rows if row[0] is not None], reason, now)


def refuse(parts: Parts, tx: Transaction, complained: Sequence[tuple[int, int]]) -> None:
    """Takes back the consent of whoever called a message unwanted: attempt id, UTC seconds. The address is blocked
    besides; this holds for their other addresses of the kind too."""
    if not complained:
        return
    when = dict(complained)
    tx.temporary("blocking", "id BIGINT")
    tx.many("INSERT INTO blocking VALUES (:id)", [{"id": number} for number in sorted(when)])
    then = tx.dialect.join_in_order
    rows = tx.rows(
        f"SELECT a.id, a.channel, m.person_id FROM blocking b {then} attempt a ON a.id = b.id {then} message m"
        " ON m.id = a.message_id"
    )
    kinds = parts.project.shop.channels
    words = {
        (person, kinds.get(channel, channel)): Consent(
            person,
            kinds.get(channel, channel),
            consent.MARKETING,
            False,
            channel,
            when[number],
            evidence=suppression.COMPLAINT,
        )
        for number, channel, person in rows
    }
    consents.put(tx, list(words.values()))


def _suppress(tx: Transaction, identities: Iterable[int], reason: str, now: int) -> None:
    known = sorted(set(identities))
    if known:
        tx.temporary("blocked", "id BIGINT")
        tx.many("INSERT INTO blocked VALUES (:id)", [{"id": number} for number in known])
        tx.run(BLOCK.format(then=tx.dialect.join_in_order), reason=reason, now=now)


def _rest(tx: Transaction, denied: Sequence[tuple[Prepared, Denied]], now: int) -> dict[tuple[str, str], int]:
    rests: dict[tuple[str, str], int] = {}
    whys: dict[tuple[str, str], str] = {}
    for one, answer in denied:
        if answer.reason in OF_THE_LANE:
            key = (one.door.channel, one.door.lane)
            rests[key] = max(rests.get(key, 0), _until(answer, now))
            whys[key] = f"{answer.reason} {answer.code}".rstrip()
    for key, until in rests.items():
        tx.run(REST, channel=key[0], lane=key[1], until=until, why=whys[key])
    _alarm(whys)
    return rests


def _until(answer: Denied, now: int) -> int:
    """Providers' days end at midnight in China unless they say otherwise."""
    if answer.retry_after is not None:
        return now + max(SHORTEST, answer.retry_after)
    return periods.midnight(now) if answer.reason is Reason.QUOTA else now + ALARM


def _alarm(whys: Mapping[tuple[str, str], str]) -> None:
    for (channel, lane), why in whys.items():
        if why.startswith(Reason.NOT_ALLOWED):
            log.error("channel %s refuses our account on %s (%s): the lane rests, an operator must act; see"
                      " `run.py channels check`", channel, lane, why)  # fmt: skip
        else:
            log.warning("channel %s has nothing left on %s (%s): the lane rests", channel, lane, why)
