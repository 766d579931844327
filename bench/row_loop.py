"""Row by row through the ORM: what a journey engine written in an afternoon does. Models over the product's tables."""

from __future__ import annotations

from typing import Any

import peewee

from automation.audience import splits
from automation.engine.parts import Parts
from bench import rivals
from bench.world import DAY

GROUP = 500  # runs a transaction, where it does not commit every transition by itself


class _Person(peewee.Model):
    seed = peewee.BigIntegerField()

    class Meta:
        table_name = "person"


class _Value(peewee.Model):
    name_id = peewee.BigIntegerField()
    person_id = peewee.BigIntegerField()
    num = peewee.BigIntegerField(null=True)

    class Meta:
        table_name = "computed_value"
        primary_key = peewee.CompositeKey("name_id", "person_id")


class _Event(peewee.Model):
    person_id = peewee.BigIntegerField()
    name_id = peewee.BigIntegerField()
    at = peewee.BigIntegerField()

    class Meta:
        table_name = "event"


class _Run(peewee.Model):
    journey_id = peewee.BigIntegerField()
    version_id = peewee.BigIntegerField()
    node = peewee.BigIntegerField()
    person_id = peewee.BigIntegerField()
    key = peewee.TextField(default="")
    episode = peewee.TextField(default="")
    visit = peewee.IntegerField(default=0)
    due = peewee.BigIntegerField(null=True)
    clock = peewee.BigIntegerField()
    node_at = peewee.BigIntegerField()
    entered_at = peewee.BigIntegerField()
    state = peewee.SmallIntegerField(default=0)
    ended_at = peewee.BigIntegerField(null=True)
    reason = peewee.TextField(null=True)
    path = peewee.TextField(default="")

    class Meta:
        table_name = "run"


class _Message(peewee.Model):
    run_id = peewee.BigIntegerField()
    step = peewee.BigIntegerField()
    visit = peewee.IntegerField(default=0)
    person_id = peewee.BigIntegerField()
    version_id = peewee.BigIntegerField()
    purpose = peewee.BigIntegerField()
    priority = peewee.SmallIntegerField()
    due = peewee.BigIntegerField(null=True)
    scheduled_at = peewee.BigIntegerField()
    expires_at = peewee.BigIntegerField()

    class Meta:
        table_name = "message"


MODELS = (_Person, _Value, _Event, _Run, _Message)


class RowLoop:
    """`alone`: every person's move is a transaction of its own, as crash safety asks; else 500 share one."""

    def __init__(self, parts: Parts, alone: bool) -> None:
        self._database = parts.store.connections
        self._numbers = rivals.numbers(parts)
        self._alone = alone
        for model in MODELS:
            model.bind(self._database)

    def tick(self, now: int) -> None:
        self._in_groups(self._dormant(now), lambda person: self._enter(person, now))
        while due := list(_Run.select().where(_Run.due <= now).order_by(_Run.due).limit(GROUP)):
            self._in_groups(due, lambda run: self._advance(run, now))

    def _dormant(self, now: int) -> list[Any]:
        recent = _Run.select().where(
            (_Run.person_id == _Value.person_id)
            & (_Run.journey_id == self._numbers.journey)
            & ((_Run.state == 0) | (_Run.entered_at > now - 180 * DAY))
        )
        return list(
            _Value.select().where(
                (_Value.name_id == self._numbers.computed) & (_Value.num < now - 90 * DAY) & ~peewee.fn.EXISTS(recent)
            )
        )

    def _in_groups(self, rows: list[Any], move: Any) -> None:
        size = 1 if self._alone else GROUP
        for start in range(0, len(rows), size):
            with self._database.atomic():
                for row in rows[start : start + size]:
                    move(row)

    def _enter(self, value: Any, now: int) -> None:
        it = self._numbers
        run = _Run.create(
            journey_id=it.journey, version_id=it.version, node=it.first, person_id=value.person_id,
            episode=str(now), due=now + 3 * DAY, clock=now, node_at=now, entered_at=now,
            path=f"{it.start}.0@{now // 60};",
        )  # fmt: skip
        self._send(run, it.hello, now)

    def _advance(self, run: Any, now: int) -> None:
        it = self._numbers
        step = f"{run.node}.%d@{now // 60};"
        run.clock = run.node_at = now
        if run.node == it.second:
            self._end(run, "finished", step, now)
        elif self._ordered(run):
            self._end(run, "ordered", step, now)
        else:
            seed = _Person.get_by_id(run.person_id).seed
            leaf = 1 if (it.a * seed + it.b) % splits.SIZE < it.half else 2
            self._send(run, it.offer if leaf == 1 else it.story, now)
            run.node, run.due, run.path = it.second, now + 7 * DAY, run.path + step % leaf
        run.save()

    def _ordered(self, run: Any) -> bool:
        since = (_Event.person_id == run.person_id) & (_Event.name_id == self._numbers.event)
        return bool(_Event.select().where(since & (_Event.at >= run.entered_at)).exists())

    def _end(self, run: Any, reason: str, step: str, now: int) -> None:
        run.due, run.state, run.ended_at, run.reason, run.path = None, 1, now, reason, run.path + step % 0

    def _send(self, run: Any, step: int, now: int) -> None:
        it = self._numbers
        _Message.create(
            run_id=run.id, step=step, person_id=run.person_id, version_id=it.version, purpose=it.purpose,
            priority=it.priority, due=now, scheduled_at=now, expires_at=now + DAY,
        )  # fmt: skip
