"""Handing people over to the engine in batches, and the cursors that remember how far a journey's clock was read."""

from __future__ import annotations

import json
import logging
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from automation.audience import splits
from automation.audience.compiler import Target
from automation.audience.parameters import Parameters
from automation.conditions import tree
from automation.engine import cross, enrol, halving, queue
from automation.engine.parts import Parts
from automation.engine.registry import Loaded
from automation.kernel import clock
from automation.store import audit
from automation.store.database import Transaction

log = logging.getLogger(__name__)

EVERYBODY = 8  # who cannot enter before anybody could: then the journey is to blame, and no value of theirs
CLOSED = -1  # stands in `cursor` in the place of a zone, for the last look at which the journey let nobody in


@dataclass(frozen=True, slots=True)
class Occasion:
    """Why people enter. `name` tells two entries of a person apart; `at`: the planned moment; `entry`: frozen data."""

    name: str
    at: int
    entry: Mapping[str, object] = field(default_factory=dict)

    @property
    def data(self) -> str | None:
        """The data that the runs of this occasion begin with."""
        entry = {"at": self.at, **self.entry}
        return json.dumps({"entry": entry}, ensure_ascii=False) if self.entry else None


def people(
    parts: Parts, loaded: Loaded, condition: tree.Condition, now: int, limit: int | None = None, zone: int | None = None
) -> array[int]:
    """Ids of those who meet a condition and may enter, in order; with a limit, the first in a stable random order.

    `zone`: only those who live in it. Read as a stream, eight bytes a person.
    """
    parameters = Parameters()
    test = parts.compiler.predicate(condition, Target.BASE, parameters, person="p", run="r")
    order = "p.id" if limit is None else splits.number_sql(loaded.name, "pace", "p.seed")
    top = "" if limit is None else f" LIMIT {limit}"
    home = "" if zone is None else f" AND coalesce(p.zone_id, 0) = {zone}"
    return parts.store.column(
        f"SELECT p.id FROM person p WHERE p.merged_into IS NULL AND {test}{home}{_may_enter(parts, loaded, now)}"
        f" ORDER BY {order}{top}",
        **parameters.values(now),
    )


def askable(parts: Parts, condition: tree.Condition) -> tree.Condition:
    """The condition where it can be asked of the base before anybody enters; Always where it asks about the entry."""
    sql = parts.compiler.predicate(condition, Target.BASE, Parameters(), person="p", run="entering_run")
    return tree.Always() if "entering_run" in sql else condition


def _may_enter(parts: Parts, loaded: Loaded, now: int) -> str:
    """SQL of who is kept out by nothing. Most are, as they are inside: that is asked first, and of an index alone."""
    tests = [enrol.blocking(loaded, person="p.id", at=str(now))]
    if not loaded.journey.restart_inside:
        tests.insert(0, enrol.inside(loaded, person="p.id"))
    if has_baseline(parts, loaded):
        tests.append(f"SELECT 1 FROM baseline b WHERE b.journey_id = {loaded.journey_id} AND b.person_id = p.id")
    return "".join(f" AND NOT EXISTS ({test})" for test in tests)


def has_baseline(parts: Parts, loaded: Loaded) -> bool:
    """Whether anybody stays out because they were in the segment when the journey went live."""
    sql = "SELECT 1 FROM baseline WHERE journey_id = :journey LIMIT 1"
    return parts.store.value(sql, journey=loaded.journey_id) is not None


def let_in(parts: Parts, loaded: Loaded, ids: Sequence[int], occasion: Occasion, now: int) -> int:
    """Enters these people, or lets them wait for their turn where the journey has a pace; returns how many entered."""
    if loaded.journey.pace is None:
        return enter(parts, loaded, ids, occasion, now)
    _line_up(parts, loaded, ids, occasion)
    return 0


def _line_up(parts: Parts, loaded: Loaded, ids: Sequence[int], occasion: Occasion) -> None:
    batch = parts.settings.engine.batch
    for start in range(0, len(ids), batch):
        with parts.write() as tx:
            tx.temporary("invited", "person_id BIGINT")
            tx.insert("invited", ["person_id"], zip(ids[start : start + batch], strict=True))
            tx.run(
                "INSERT INTO entrant (journey_id, person_id, key, episode, at, data)"
                f" SELECT :journey, person_id, '', {enrol.episode_sql(loaded, ':occasion', ':at')}, :at, :data"
                " FROM invited WHERE true ON CONFLICT DO NOTHING",
                journey=loaded.journey_id, occasion=occasion.name, at=occasion.at, data=occasion.data,
            )  # fmt: skip


def enter(parts: Parts, loaded: Loaded, ids: Sequence[int], occasion: Occasion, now: int) -> int:
    """Enters these people in batches, each a transaction of its own; returns how many runs began."""
    entered = start = 0
    while start < len(ids):
        chosen = ids[start : start + parts.batches.size(parts.settings.engine.batch)]
        entered += _enter_who_can(parts, loaded, chosen, occasion, now)
        start += len(chosen)
    return entered


def _enter_who_can(parts: Parts, loaded: Loaded, ids: Sequence[int], occasion: Occasion, now: int) -> int:
    """One bad value stops a whole batch: it is halved until whoever cannot enter stands alone, and is left out."""
    entered, through = 0, False
    left_out: list[tuple[int, str]] = []
    waiting = [ids]
    while waiting:
        some = waiting.pop()
        try:
            entered += _enter(parts, loaded, some, occasion, now)
            through = True
        except Exception as error:
            if not halving.is_of_data(error):
                raise
            if len(some) > 1:
                middle = len(some) // 2
                waiting += [some[middle:], some[:middle]]
                continue
            left_out.append((some[0], type(error).__name__))
            if len(left_out) == EVERYBODY and not through:
                raise
    for person, reason in left_out:
        _leave_out(parts, loaded, person, reason, now)
    return entered


def _enter(parts: Parts, loaded: Loaded, ids: Sequence[int], occasion: Occasion, now: int) -> int:
    with parts.write() as tx:
        began = clock.monotonic()
        _fill(parts, tx, loaded, ids, occasion, now)
        count = cross.enter(parts, tx, loaded, now)
        queue.use_today(parts, tx, loaded, count, now)
        parts.batches.learn(clock.monotonic() - began, parts.store.turnstile.wanted())
    return count


def _leave_out(parts: Parts, loaded: Loaded, person: int, reason: str, now: int) -> None:
    with parts.write() as tx:
        audit.record(tx, now, "engine", "entry set aside", journey=loaded.name, person=person,
                     error=reason)  # fmt: skip
    log.error("person %d cannot enter %s: %s", person, loaded.name, reason)


def _fill(parts: Parts, tx: Transaction, loaded: Loaded, ids: Sequence[int], occasion: Occasion, now: int) -> None:
    dialect = parts.store.dialect
    enrol.gather(
        tx,
        f"SELECT i.id, '', {enrol.episode_sql(loaded, ':occasion', ':at')}, :at, :clock,"
        f" :data, CAST(NULL AS BIGINT), 0, CAST(NULL AS BIGINT) FROM {dialect.ids('ids')} i",
        ids=dialect.array(ids),
        occasion=occasion.name,
        at=occasion.at,
        clock=occasion.at,
        data=occasion.data,
    )


def cursor(parts: Parts, loaded: Loaded, zone: int) -> int:
    """Up to which moment this journey's clock was read in a zone; at first, when it went live."""
    done = last_look(parts, loaded, zone)
    if done is None:
        done = parts.store.value("SELECT live_since FROM journey WHERE id = :journey", journey=loaded.journey_id)
    return int(done or 0)


def last_look(parts: Parts, loaded: Loaded, zone: int) -> int | None:
    """The planned moment of the last look for people, None where there was none."""
    done: int | None = parts.store.value(
        "SELECT done FROM cursor WHERE journey_id = :journey AND zone_id = :zone", journey=loaded.journey_id, zone=zone
    )
    return done


def passed(parts: Parts, loaded: Loaded) -> int:
    """Up to which moment nobody is let in late: when the journey went live, or the last look it was closed at."""
    done = parts.store.value(
        "SELECT max(at) FROM (SELECT live_since AS at FROM journey WHERE id = :journey"
        " UNION ALL SELECT done FROM cursor WHERE journey_id = :journey AND zone_id = :closed) t",
        journey=loaded.journey_id, closed=CLOSED,
    )  # fmt: skip
    return int(done or 0)


def pass_over(parts: Parts, loaded: Loaded, at: int) -> None:
    """Remembers that the journey was closed at this look: nobody enters for it later."""
    move_cursor(parts, loaded, CLOSED, max(at, last_look(parts, loaded, CLOSED) or 0))


def move_cursor(parts: Parts, loaded: Loaded, zone: int, done: int) -> None:
    """Remembers that everything up to `done` has entered."""
    with parts.store.write() as tx:
        tx.run(
            "INSERT INTO cursor (journey_id, zone_id, done) VALUES (:journey, :zone, :done)"
            " ON CONFLICT (journey_id, zone_id) DO UPDATE SET done = excluded.done",
            journey=loaded.journey_id,
            zone=zone,
            done=done,
        )
