"""What happened to people, taken in once: goals counted, runs ended, waits answered, journeys entered.

Events stand in a queue table until their effects are committed with them. A person's events are taken one after the
other, so that each one finds what the one before it left behind.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial

from automation.audience.parameters import Parameters
from automation.conditions import tree
from automation.journey import graph
from automation.rewards import redeeming
from automation.store import audit
from automation.store.database import Transaction
from automation.store.states import RunState

from . import decide, due, halving, leave, opening, program, queue, timing
from .entries import settling
from .parts import Parts
from .registry import Listens, Loaded, Rule

log = logging.getLogger(__name__)

BATCH = "id BIGINT, event_id BIGINT, person_id BIGINT, name_id BIGINT, at BIGINT, depth BIGINT"
QUEUED = "SELECT 1 FROM event_queue WHERE id <= :last LIMIT 1"
HIT = "run_id BIGINT, event_id BIGINT, at BIGINT, rank BIGINT, rule BIGINT"


def drain(parts: Parts, now: int, stop: Callable[[], bool] = lambda: False) -> int:
    """Takes the events that are queued now, in batches, or until asked to stop; returns how many. What comes meanwhile,
    also from them, waits for the next call: other work has its turn."""
    last, count = parts.store.value("SELECT max(id) FROM event_queue"), 0
    # Whoever only looks does not stand in the queue of the writers.
    while not stop() and parts.store.value(QUEUED, last=last) is not None:
        count += take(parts, now, last)
    return count


def take(parts: Parts, now: int, last: int) -> int:
    """Takes a batch of the events queued up to the number `last`, at most one a person, in one transaction; returns
    how many."""
    parts.zones.refresh(parts.store)
    batch = parts.settings.engine.batch
    return halving.shrinking(batch, partial(_take, parts, now, last), partial(_take_one, parts, now, last))


@dataclass(slots=True)
class _Hearing:
    """Who hears of `event`. `asked`: the version whose rule is worked on. `deaf`: those left out, journey and error."""

    event: int = 0
    asked: Loaded | None = None
    deaf: dict[int, tuple[str, str]] = field(default_factory=dict)

    def begin(self, event: int) -> None:
        self.asked = None
        if event != self.event:  # another thread took the one that failed
            self.event, self.deaf = event, {}

    def in_turn(self, rules: Iterable[Rule]) -> Iterator[Rule]:
        for rule in rules:
            self.asked = rule.loaded
            yield rule
        self.asked = None


def _take(parts: Parts, now: int, last: int, batch: int) -> int:
    with parts.write() as tx:
        count = _gather(tx, last, batch)
        if count:
            _hear(parts, tx, now, _Hearing())
    return count


def _take_one(parts: Parts, now: int, last: int, _: Exception) -> int:
    """The oldest event, without the versions whose rules fail on it: only they lose it."""
    hearing = _Hearing()
    while True:
        try:
            return _take_in(parts, now, last, hearing)
        except Exception as error:
            if not halving.is_of_data(error):
                raise
            if hearing.asked is None:
                return _set_aside(parts, now, hearing.event, error)
            hearing.deaf[hearing.asked.version_id] = hearing.asked.name, type(error).__name__


def _take_in(parts: Parts, now: int, last: int, hearing: _Hearing) -> int:
    with parts.write() as tx:
        if not _gather(tx, last, 1):
            return 0
        hearing.begin(tx.value("SELECT event_id FROM batch"))
        _hear(parts, tx, now, hearing)
        for journey, error in hearing.deaf.values():
            audit.record(tx, now, "engine", "event set aside", event=hearing.event, journey=journey, error=error)
    for journey, error in hearing.deaf.values():
        log.error("event %d cannot be taken in by %s, which will not hear of it: %s", hearing.event, journey, error)
    return 1


def _gather(tx: Transaction, last: int, batch: int) -> int:
    """Takes the oldest events out of the queue, into the temporary table `batch`."""
    tx.temporary("batch", BATCH)
    count = tx.run(
        "INSERT INTO batch SELECT id, event_id, person_id, name_id, at, depth FROM (SELECT q.*, row_number() OVER"
        " (PARTITION BY person_id ORDER BY id) AS turn FROM (SELECT * FROM event_queue WHERE id <= :last ORDER BY id"
        " LIMIT :batch) q) t WHERE turn = 1",
        last=last,
        batch=batch,
    )
    if count:
        tx.run("DELETE FROM event_queue WHERE id IN (SELECT id FROM batch)")
    return count


def _hear(parts: Parts, tx: Transaction, now: int, hearing: _Hearing) -> None:
    _recompute(parts, tx, now)
    rules = [rule for rule in _rules(parts, tx) if rule.loaded.version_id not in hearing.deaf]
    _count_goals(parts, tx, hearing, rules, now)
    _move_runs(parts, tx, hearing, rules, now)
    for rule in hearing.in_turn(rules):
        if rule.listens is Listens.ENTER:
            _enter(parts, tx, rule, now)


def _set_aside(parts: Parts, now: int, event: int, error: Exception) -> int:
    with parts.write() as tx:
        if tx.run("DELETE FROM event_queue WHERE event_id = :event", event=event):
            audit.record(tx, now, "engine", "event set aside", event=event, error=type(error).__name__)
    log.error("event %d cannot be taken in, journeys will not hear of it: %s", event, type(error).__name__)
    return 1


def _recompute(parts: Parts, tx: Transaction, now: int) -> None:
    tx.temporary("touched", "person_id BIGINT")
    tx.run("INSERT INTO touched SELECT person_id FROM batch")
    names = [parts.names.word(row[0]) for row in tx.rows("SELECT DISTINCT name_id FROM batch")]
    affected = parts.computed.affected(names)
    if affected:
        parts.computed.refresh(tx, now, affected)
    if redeeming.EVENT in names:
        redeeming.note(tx, "batch")


def _rules(parts: Parts, tx: Transaction) -> list[Rule]:
    found: dict[int, Rule] = {}
    for (name_id,) in tx.rows("SELECT DISTINCT name_id FROM batch ORDER BY name_id"):
        for rule in parts.registry.listening(name_id):
            found[id(rule)] = rule
    return sorted(found.values(), key=lambda rule: (rule.listens, rule.loaded.version_id, rule.index))


def _matches(parts: Parts, rule: Rule, parameters: Parameters) -> str:
    """SQL: whether event `e` of the batch is the one the rule speaks of, for run `r` and person `p`."""
    test = parts.compiler.event_predicate(rule.event, parameters, run="r", key=rule.loaded.journey.key)
    if rule.listens is Listens.EXIT and (rule.event.count is not None or rule.event.span is not tree.Span.ENTRY):
        test += f" AND {decide.condition_sql(parts, rule.loaded, rule.event, parameters)}"
    if rule.of_run:
        test += f" AND {parts.store.dialect.json_text('e.props', ['run'])} = CAST(r.id AS TEXT)"
    return f"b.name_id IN ({_name_ids(parts, rule)}) AND {test}"


def _name_ids(parts: Parts, rule: Rule) -> str:
    return ", ".join(str(number) for number in parts.names.ensure("event", rule.event.names).values())


def _runs(parts: Parts, rule: Rule, matches: str) -> str:
    """FROM and WHERE: open runs of the rule's version that the events of the batch speak of. The order is pinned."""
    then = parts.store.dialect.join_in_order
    return (
        f"FROM batch b {then} event e ON e.id = b.event_id {then} run r ON r.person_id = b.person_id"
        f" AND r.journey_id = {rule.loaded.journey_id} {then} person p ON p.id = r.person_id"
        f" WHERE r.version_id = {rule.loaded.version_id} AND {matches}"
        " AND b.at >= r.entered_at"
    )


def _count_goals(parts: Parts, tx: Transaction, hearing: _Hearing, rules: list[Rule], now: int) -> None:
    for rule in hearing.in_turn(rules):
        goal = rule.loaded.journey.goal
        if rule.listens is not Listens.GOAL or goal is None:
            continue
        parameters = Parameters()
        matches = _matches(parts, rule, parameters)
        value = "CAST(NULL AS BIGINT)"
        if goal.value:
            value = f"CAST({parts.store.dialect.json_number('e.props', [goal.value])} AS BIGINT)"
        tx.temporary("reached", "run_id BIGINT, at BIGINT, value BIGINT")
        tx.run(
            f"INSERT INTO reached SELECT r.id, b.at, {value} {_runs(parts, rule, matches)} AND b.at <= r.goal_until",
            **parameters.values(now),
        )
        tx.run(
            "UPDATE run SET goal_at = coalesce(run.goal_at, reached.at),"
            " goal_value = CASE WHEN reached.value IS NULL THEN run.goal_value"
            " ELSE coalesce(run.goal_value, 0) + reached.value END FROM reached WHERE run.id = reached.run_id"
        )
        if rule.loaded.journey.exit_on_goal:
            tx.temporary("leaving", leave.LEAVING)
            tx.run("INSERT INTO leaving SELECT run_id, 'goal' FROM reached")
            leave.leave(tx, now)


def _move_runs(parts: Parts, tx: Transaction, hearing: _Hearing, rules: list[Rule], now: int) -> None:
    """Exits before wakes; a run hit by several rules follows the first."""
    moving = [rule for rule in rules if rule.listens in (Listens.EXIT, Listens.WAKE)]
    if not moving:
        return
    tx.temporary("hit", HIT)
    for number, rule in enumerate(hearing.in_turn(moving)):
        parameters = Parameters()
        matches = _matches(parts, rule, parameters)
        tx.run(
            f"INSERT INTO hit SELECT r.id, b.event_id, b.at, {int(rule.listens)}, {number}"
            f" {_runs(parts, rule, matches)} AND {_whom(rule)}",
            **parameters.values(now),
        )
    hits = [number for number, _ in tx.rows("SELECT rule, count(*) FROM hit GROUP BY rule ORDER BY rule")]
    tx.temporary("first_hit", "run_id BIGINT, rule BIGINT")
    tx.run("INSERT INTO first_hit SELECT run_id, min(rule) FROM hit GROUP BY run_id")
    for number, rule in zip(hits, hearing.in_turn([moving[number] for number in hits]), strict=True):
        if rule.listens is Listens.EXIT:
            _exit(tx, number, rule, now)
        else:
            _wake(parts, tx, number, rule, now)


def _whom(rule: Rule) -> str:
    """SQL of the runs that an exit ends or a wait_for of this rule may wake."""
    if rule.node is not None:
        # What comes after the limit is no answer, however late the limit itself is looked at.
        return (
            f"r.state = {RunState.INSIDE} AND r.holdout = 0 AND r.node = {rule.loaded.steps[rule.node]}"
            " AND b.at <= coalesce(r.due, r.held_due, b.at)"
        )
    # A run may be at its end and its last message still wait for the morning, or come back to the queue: that is
    # withdrawn too.
    unsent = f"SELECT 1 FROM message m WHERE m.run_id = r.id AND m.state IN ({leave.OPEN})"
    return f"(r.state = {RunState.INSIDE} OR EXISTS ({unsent}))"


def _exit(tx: Transaction, number: int, rule: Rule, now: int) -> None:
    tx.temporary("leaving", leave.LEAVING)
    tx.run("INSERT INTO leaving SELECT run_id, :reason FROM first_hit WHERE rule = :rule", rule=number,
           reason=f"exit {rule.index + 1}")  # fmt: skip
    leave.leave(tx, now)


def _wake(parts: Parts, tx: Transaction, number: int, rule: Rule, now: int) -> None:
    loaded = rule.loaded
    assert rule.node is not None
    if loaded.stands_still:
        # Their wait is over: due.py looks for the event when the journey goes on.
        tx.temporary("answered", "run_id BIGINT, at BIGINT")
        tx.run(
            "INSERT INTO answered SELECT h.run_id, h.at FROM first_hit f JOIN hit h ON h.run_id = f.run_id"
            " AND h.rule = f.rule WHERE f.rule = :rule",
            rule=number,
        )
        tx.run("UPDATE run SET held_due = answered.at, due = NULL FROM answered WHERE run.id = answered.run_id")
        return
    tx.temporary("answering", program.MOVING)
    tx.run(
        f"INSERT INTO answering SELECT h.run_id, {loaded.version_id}, {loaded.steps[rule.node]},"
        " h.at, h.event_id"
        " FROM first_hit f JOIN hit h ON h.run_id = f.run_id AND h.rule = f.rule WHERE f.rule = :rule",
        rule=number,
    )  # fmt: skip
    due.answer(parts, tx, loaded, loaded.journey.nodes[rule.node], now)


def _enter(parts: Parts, tx: Transaction, rule: Rule, now: int) -> None:
    loaded = rule.loaded
    entry = loaded.journey.entry
    if not isinstance(entry, graph.EventEntry) or not opening.may_enter(parts, loaded, now):
        return
    parameters = Parameters()
    source = _entering(parts, tx, rule, parameters, now)
    if entry.settle is not None:
        settling.wait(parts, tx, loaded, source, parameters, now)
    else:
        queue.let_in(parts, tx, loaded, source, parameters.values(now), now)


def _entering(parts: Parts, tx: Transaction, rule: Rule, parameters: Parameters, now: int) -> str:
    """The events of the batch that let people enter, with the key and the frozen properties.

    Told late, an event still means the moment at which it happened: the journey must have been open then.
    """
    journey = rule.loaded.journey
    matches = _matches(parts, rule, parameters)
    begin, end = opening.active(parts, rule.loaded)
    oldest = max(begin, opening.open_since(tx, rule.loaded, now), now - timing.span_seconds(journey.catch_up))
    key, keyed = "''", ""
    if journey.key:
        # Without its key an event cannot say which run it means: it starts none.
        key = f"coalesce({parts.store.dialect.json_text('e.props', [journey.key])}, '')"
        keyed = f" AND {key} <> ''"
    then = parts.store.dialect.join_in_order
    return (
        f"SELECT b.person_id, {key} AS key, b.at, b.event_id, {settling.entry_data(parts, 'e')} AS data, b.depth"
        " FROM batch b"
        f" {then} event e ON e.id = b.event_id {then} person p ON p.id = b.person_id"
        f" WHERE {matches} AND b.at >= {parameters.add(oldest)} AND b.at < {parameters.add(end)}{keyed}"
    )
