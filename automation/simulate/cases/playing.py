"""A test played through: the same engine and the same delivery, a clock that jumps to whatever is due next."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from automation.engine import install, tick
from automation.festivals import walltime
from automation.journey import graph
from automation.kernel.errors import SourceErrors
from automation.rewards import pools
from automation.simulate import clock
from automation.simulate.world import World
from automation.simulate.year import deliver
from automation.store.states import AttemptState, MessageState, RunState

from .case import Case, Sort
from .customer import SOURCE, Actor
from .pretend import Pretend, text_of

LONGEST: Final = 400 * 86_400  # seconds that a run is followed after the last moment the file speaks of
MOMENTS: Final = 20_000
TOO_LONG: Final = "K608"
CODES: Final = 20  # of each imported pool
OVER: Final = f"""
    SELECT EXISTS (SELECT 1 FROM run) AND NOT EXISTS (SELECT 1 FROM run WHERE state = {RunState.INSIDE})
    AND NOT EXISTS (SELECT 1 FROM message WHERE due IS NOT NULL)"""
MESSAGES: Final = f"""
    SELECT j.name, s.key, m.state, m.reason, m.sent_at, m.done_at, m.channel, a.idem_key FROM message m
    JOIN step s ON s.id = m.step JOIN journey j ON j.id = s.journey_id
    LEFT JOIN attempt a ON a.message_id = m.id AND a.state = {AttemptState.ACCEPTED} ORDER BY m.id"""
OTHERS: Final = f"""
    SELECT 'coupon', p.name, c.given_at, c.code FROM coupon c JOIN coupon_pool p ON p.id = c.pool_id
    WHERE c.given_at IS NOT NULL
    UNION ALL SELECT 'tag', n.name, t.since, '' FROM person_tag t JOIN name n ON n.id = t.tag_id
    WHERE t.source <> '{SOURCE}'
    UNION ALL SELECT 'points', delta, at, reason FROM points
    UNION ALL SELECT kind, ref, at, '' FROM effect WHERE kind IN ('notify', 'webhook')"""
RUNS: Final = """
    SELECT j.name, r.entered_at, r.ended_at, r.reason, r.holdout FROM run r JOIN journey j ON j.id = r.journey_id
    ORDER BY r.id"""
SKIPPED: Final = (MessageState.FAILED, MessageState.SUPPRESSED, MessageState.EXPIRED, MessageState.CANCELLED)


@dataclass(frozen=True, slots=True)
class Came:
    """Something that came of it. `word` as in Expected, of a message its step; `text`: what that sends. `at` None: the
    message still waits. `said`: its texts; `reason`: why it did not leave."""

    sort: Sort
    word: str
    at: int | None
    text: str = ""
    via: str = ""
    said: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Went:
    """One run. `ended` None: it is still inside."""

    journey: str
    entered: int
    ended: int | None
    reason: str | None
    parked: bool


@dataclass(frozen=True, slots=True)
class Played:
    """All that happened, in the order in which it began."""

    came: list[Came]
    runs: list[Went]


def play(world: World, case: Case, seed: int) -> Played:
    """Raises SourceErrors where something that is to happen cannot. The world's database is empty."""
    parts, actor = world.parts, Actor(world, case)
    install.install(parts, case.at)  # before anybody is there: nobody counts as having been in a segment already
    actor.enter_the_shop(seed)
    for name, pool in parts.project.coupons.items():
        if pool.imported and name not in case.empty:
            pools.add(parts.store, name, [f"{name.upper()}-{number:04d}" for number in range(CODES)])
    waiting = list(case.happens)
    while waiting and waiting[0].at < case.at:
        actor.do(waiting.pop(0), queue=False)
    parts.computed.rebuild(parts.store, case.at)
    if isinstance(parts.project.journeys[case.journey].entry, graph.ManualEntry):
        _ask_to_enter(world, case, actor.person)
    looks, now = clock.looks(parts), case.at
    for _ in range(MOMENTS):
        while waiting and waiting[0].at <= now:
            actor.do(waiting.pop(0))
        world.clock.set(now)
        if not any(begins <= now < ends for begins, ends in case.downs):
            parts.computed.refresh_windows(parts.store, now)
            tick.tick(parts, now)
            deliver(world, now)
        later = _next(world, case, looks, now)
        if waiting:
            later = min(later or waiting[0].at, waiting[0].at)
        if later is None or later > case.until + LONGEST or (later > case.until and parts.store.value(OVER)):
            return _played(world)
        now = later
    said = (
        f"more than {MOMENTS:,} moments are due until {walltime.local(now, case.zone):%Y-%m-%d}: this test is too long"
    )
    raise SourceErrors([case.document.problem(("at",), TOO_LONG, said, "let it begin later, or expect less far ahead")])


def _next(world: World, case: Case, looks: list[clock.Look], now: int) -> int | None:
    """When the engine has something to do; not while it is down, and at once when it is up again."""
    at = clock.next_at(world.parts, looks, now)
    for begins, ends in case.downs:
        if begins <= now < ends or (at is not None and begins <= at < ends):
            at = ends
    return at


def _ask_to_enter(world: World, case: Case, person: int) -> None:
    with world.parts.store.write() as tx:
        tx.run(
            "INSERT INTO entrant (journey_id, person_id, key, episode, at) SELECT id, :person, '', 'test', :now"
            " FROM journey WHERE name = :journey",
            person=person, now=case.at, journey=case.journey,
        )  # fmt: skip


def _played(world: World) -> Played:
    store, journeys = world.parts.store, world.parts.project.journeys
    channels = world.delivery.channels
    came = [Came(Sort(sort), str(word), at, said=said or "") for sort, word, at, said in store.rows(OTHERS)]
    for journey, step, state, reason, sent_at, done_at, channel, key in store.rows(MESSAGES):
        text = journeys[journey].sends[step].text
        if state == MessageState.SENT:
            by = channels[channel]
            said = text_of(by.sent.get(key, {})) if isinstance(by, Pretend) else ""
            came.append(Came(Sort.SEND, step, sent_at, text, by.kind, said))
        else:
            came.append(Came(Sort.SKIPPED, step, done_at if state in SKIPPED else None, text, reason=reason or ""))
    runs = [Went(name, entered, ended, why, bool(parked)) for name, entered, ended, why, parked in store.rows(RUNS)]
    return Played(came, runs)
