"""What must hold on every database at every moment, each as one SQL statement that finds what offends it.

`run.py audit` runs them on a live database, the crash tests after every kill. A statement that finds nothing is good.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from automation.store import audit
from automation.store.database import Statements
from automation.store.states import AttemptState, MessageState, RunState

EXAMPLES: Final = 5


@dataclass(frozen=True, slots=True)
class Invariant:
    """`says`: what holds. `offends`: SQL of a column `id` (of `rows`) for everything that breaks it."""

    id: str
    says: str
    offends: str


@dataclass(frozen=True, slots=True)
class Finding:
    """One invariant, how many rows offend it, and the ids of a few."""

    invariant: Invariant
    count: int
    examples: tuple[int, ...]


ON_THE_WAY: Final = f"{MessageState.CLAIMED}, {MessageState.DISPATCHING}"
TOLD: Final = f"{AttemptState.ACCEPTED}, {AttemptState.UNKNOWN}"

INVARIANTS: Final[tuple[Invariant, ...]] = (
    Invariant(
        "I1.run", "everybody inside a journey has a moment at which the run goes on, or is held with it",
        f"SELECT id FROM run WHERE state = {RunState.INSIDE} AND due IS NULL AND held_due IS NULL",
    ),
    Invariant(
        "I1.queued", "every queued message has a moment at which it is looked at",
        f"SELECT id FROM message WHERE state = {MessageState.QUEUED} AND due IS NULL",
    ),
    Invariant(
        "I1.lease", "every message on its way has a lease, so that a dead worker's are taken back",
        f"SELECT id FROM message WHERE state IN ({ON_THE_WAY}) AND lease_until IS NULL",
    ),
    Invariant(
        "I1.awaiting", "what an employee has to confirm has a moment at which it is given up, and is not sent",
        f"SELECT id FROM message WHERE state = {MessageState.AWAITING}"
        " AND (lease_until IS NULL OR sent_at IS NOT NULL)",
    ),
    Invariant(
        "I1.over", "a message that is over is not looked at again",
        f"SELECT id FROM message WHERE state >= {MessageState.FAILED} AND due IS NOT NULL",
    ),
    Invariant(
        "I1.events", "every event in the queue exists",
        "SELECT q.id FROM event_queue q LEFT JOIN event e ON e.id = q.event_id WHERE e.id IS NULL",
    ),
    Invariant(
        "I2.once", "there is one message for a run, step and visit",
        "SELECT max(id) AS id FROM message GROUP BY run_id, step, visit HAVING count(*) > 1",
    ),
    Invariant(
        "I2.accepted", "no message was taken by providers twice",
        f"SELECT message_id AS id FROM attempt WHERE state = {AttemptState.ACCEPTED} GROUP BY message_id"
        " HAVING count(*) > 1",
    ),
    Invariant(
        "I2.key", "an idempotency key belongs to one attempt",
        "SELECT max(id) AS id FROM attempt GROUP BY idem_key HAVING count(*) > 1",
    ),
    Invariant(
        "I2.proof", "what counts as sent has an accepted attempt, a receipt, or the word of an operator",
        f"SELECT m.id FROM message m WHERE m.state = {MessageState.SENT} AND m.delivered_at IS NULL"
        f" AND NOT EXISTS (SELECT 1 FROM attempt a WHERE a.message_id = m.id AND a.state = {AttemptState.ACCEPTED})"
        " AND NOT EXISTS (SELECT 1 FROM audit a WHERE a.what LIKE 'messages resolved% sent' AND a.at = m.done_at)",
    ),
    Invariant(
        "I3.ambiguous", "what nobody knows about has an attempt that was begun, or was held by a restore",
        f"SELECT m.id FROM message m WHERE m.state = {MessageState.AMBIGUOUS} AND coalesce(m.reason, '') <> 'restored'"
        " AND NOT EXISTS (SELECT 1 FROM attempt a WHERE a.message_id = m.id"
        f" AND a.state IN ({AttemptState.DISPATCHING}, {TOLD}))",
    ),
    Invariant(
        "I3.task", "what awaits an employee was taken by its provider",
        f"SELECT m.id FROM message m WHERE m.state = {MessageState.AWAITING} AND NOT EXISTS (SELECT 1 FROM attempt a"
        f" WHERE a.message_id = m.id AND a.state = {AttemptState.ACCEPTED})",
    ),
    Invariant(
        "I5.windows", "no window and no permission is below nothing",
        "SELECT identity_id AS id FROM reply_window WHERE messages < 0 UNION ALL SELECT identity_id AS id FROM"
        " send_grant WHERE messages < 0",
    ),
    Invariant(
        "I4.place", "every run stands at a step of its own journey",
        "SELECT r.id FROM run r LEFT JOIN step s ON s.id = r.node AND s.journey_id = r.journey_id WHERE s.id IS NULL",
    ),
    Invariant(
        "I4.version", "every run walks a version of its own journey, and one that is kept while it is inside",
        "SELECT r.id FROM run r LEFT JOIN version v ON v.id = r.version_id AND v.journey_id = r.journey_id"
        f" WHERE v.id IS NULL OR (r.state = {RunState.INSIDE} AND v.retired_at IS NOT NULL)",
    ),
    Invariant(
        "I4.step", "every message belongs to a step of its run's journey, and to its run's person",
        "SELECT m.id FROM message m LEFT JOIN run r ON r.id = m.run_id LEFT JOIN step s ON s.id = m.step"
        " AND s.journey_id = r.journey_id WHERE r.id IS NULL OR s.id IS NULL OR r.person_id <> m.person_id",
    ),
    Invariant(
        "I4.one", "nobody is twice inside a journey with one key",
        f"SELECT max(id) AS id FROM run WHERE state = {RunState.INSIDE} GROUP BY journey_id, person_id, key"
        " HAVING count(*) > 1",
    ),
    Invariant(
        "I4.ended", "a run that ended is never moved again, and says why it ended",
        f"SELECT id FROM run WHERE state = {RunState.ENDED}"
        " AND (due IS NOT NULL OR ended_at IS NULL OR reason IS NULL)",
    ),
    Invariant(
        "I8.points", "everybody's points are the sum of their ledger",
        "SELECT p.id FROM person p LEFT JOIN (SELECT person_id, sum(delta) AS total FROM points GROUP BY person_id) l"
        " ON l.person_id = p.id WHERE p.points <> coalesce(l.total, 0)",
    ),
    Invariant(
        "I8.step", "a step gives one coupon a visit",
        "SELECT max(id) AS id FROM coupon WHERE run_id IS NOT NULL GROUP BY run_id, step, visit HAVING count(*) > 1",
    ),
    Invariant(
        "I8.code", "a code exists once in its pool",
        "SELECT max(id) AS id FROM coupon GROUP BY pool_id, code HAVING count(*) > 1",
    ),
    Invariant(
        "I8.given", "a coupon somebody has was given, and one that was redeemed too",
        "SELECT id FROM coupon WHERE given_at IS NULL AND (person_id IS NOT NULL OR redeemed_at IS NOT NULL)",
    ),
    Invariant(
        "I9.merged", "whoever was merged leads to a customer who was not",
        "SELECT p.id FROM person p JOIN person k ON k.id = p.merged_into WHERE k.merged_into IS NOT NULL",
    ),
    Invariant(
        "I10.paused", "every journey that stands still by order has that order in the audit",
        "SELECT j.id FROM journey j WHERE j.paused = 1 AND NOT EXISTS (SELECT 1 FROM audit a"
        " WHERE a.what = 'journey paused' AND a.detail LIKE '%' || j.name || '%')",
    ),
)  # fmt: skip
CHAIN: Final = Invariant("I10.chain", "every row of the audit follows from the rows before it", "")


def check(statements: Statements) -> Iterator[Finding]:
    """Every invariant in turn, whether it holds or not. Reads the whole of the tables: seconds on a large base."""
    for one in INVARIANTS:
        count = int(statements.value(f"SELECT count(*) FROM ({one.offends}) AS offending"))
        rows = statements.rows(f"{one.offends} LIMIT {EXAMPLES}") if count else []
        yield Finding(one, count, tuple(int(row[0]) for row in rows))
    broken = audit.first_broken(statements)
    yield Finding(CHAIN, 0 if broken is None else 1, () if broken is None else (broken,))
