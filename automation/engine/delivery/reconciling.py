"""Who was meant to get a message, who got it, who did not and why: counts that add up to what was planned.

Every message is in exactly one of `sent`, `awaiting`, `ambiguous`, `on_the_way` and `missed`; of those sent, some are
known to have been delivered, opened and clicked.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from automation.policy import verdicts
from automation.store.database import Statements
from automation.store.states import MessageState

ON_THE_WAY = {MessageState.QUEUED, MessageState.CLAIMED, MessageState.DISPATCHING}
COUNTS = """
    SELECT m.state, m.channel, m.lane, m.reason, count(*), count(m.delivered_at), count(m.opened_at),
        count(m.clicked_at)
    FROM {tables} WHERE m.scheduled_at >= :since{more} GROUP BY m.state, m.channel, m.lane, m.reason"""
IN_LINE = "SELECT count(*) FROM entrant e JOIN journey j ON j.id = e.journey_id WHERE e.at >= :since{more}"
HOLDOUT = """
    SELECT count(*) FROM run r JOIN journey j ON j.id = r.journey_id
    WHERE r.holdout = 1 AND r.entered_at >= :since{more}"""


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """`planned`: messages there are. `missed`: state -> word of the reason -> messages; `reasons`: in full. `lanes`:
    what was sent, by channel and lane. `waiting_for`: why those on the way have not left. `in_line`: people not yet
    entered; `control_group`: people who get nothing.
    """

    planned: int
    sent: int
    delivered: int
    opened: int
    clicked: int
    awaiting: int
    ambiguous: int
    on_the_way: int
    missed: Mapping[str, Mapping[str, int]]
    reasons: Mapping[str, int]
    lanes: Mapping[str, int]
    waiting_for: Mapping[str, int] = field(default_factory=dict)
    in_line: int = 0
    control_group: int = 0

    @property
    def missed_total(self) -> int:
        return sum(sum(words.values()) for words in self.missed.values())

    @property
    def adds_up(self) -> bool:
        accounted = self.sent + self.awaiting + self.ambiguous + self.on_the_way + self.missed_total
        return accounted == self.planned and sum(self.reasons.values()) == self.missed_total


def reconcile(statements: Statements, journey: str | None = None, since: int = 0) -> Reconciliation:
    """Of one journey or campaign, or of all; `since`: of messages planned from then on, UTC seconds."""
    more = " AND j.name = :journey" if journey else ""
    tables = "message m"
    if journey:
        tables = "journey j JOIN run r ON r.journey_id = j.id JOIN message m ON m.run_id = r.id"
    bound = {"since": since, "journey": journey or ""}
    states: Counter[MessageState] = Counter()
    marks: Counter[str] = Counter()
    missed: dict[str, Counter[str]] = {}
    reasons, lanes, waiting = Counter[str](), Counter[str](), Counter[str]()
    rows = statements.rows(COUNTS.format(tables=tables, more=more), **bound)
    for number, channel, lane, reason, count, delivered, opened, clicked in rows:
        state = MessageState(number)
        states[state] += count
        if state is MessageState.SENT:
            marks.update(delivered=delivered, opened=opened, clicked=clicked)
            lanes["/".join(filter(None, (channel, lane)))] += count
        elif state in ON_THE_WAY:
            waiting[verdicts.word(reason) or "its turn"] += count
        elif state not in (MessageState.AWAITING, MessageState.AMBIGUOUS):
            missed.setdefault(state.name.lower(), Counter())[verdicts.word(reason)] += count
            reasons[reason or ""] += count
    return Reconciliation(
        states.total(), states[MessageState.SENT], marks["delivered"], marks["opened"], marks["clicked"],
        states[MessageState.AWAITING], states[MessageState.AMBIGUOUS], sum(states[one] for one in ON_THE_WAY), missed,
        dict(reasons.most_common()), dict(lanes.most_common()), dict(waiting.most_common()),
        int(statements.value(IN_LINE.format(more=more), **bound)),
        int(statements.value(HOLDOUT.format(more=more), **bound)),
    )  # fmt: skip
