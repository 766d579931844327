"""Living through a span of simulated time: the same engine, the same delivery, a clock that jumps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Final

from automation.engine import tick
from automation.festivals import walltime

from . import behaviour, clock
from .crowd import Crowd
from .reactions import Reactions
from .world import World

WEEK: Final = 7 * 86_400
ROUNDS: Final = 50  # of delivery at one moment; a queue that never empties would be a fault of the engine


@dataclass(slots=True)
class Lived:
    """What the span came to. `moments`: how often the clock stopped."""

    moments: int = 0
    acts: int = 0
    sent: int = 0


def live(world: World, members: int, span: tuple[date, date], progress: Callable[[int, int], None]) -> Lived:
    """From the beginning of one day to that of another, in the shop's zone; `progress` is told days done and in all.

    Whoever is inside a journey at the end stays there.
    """
    first, end = span
    zone = world.parts.zones.shop
    begins, ends = walltime.midnight(first, zone), walltime.midnight(end, zone)
    crowd = Crowd(world.people, members, span, _notices(world))
    reactions = Reactions(world, crowd)
    looks = clock.looks(world.parts)
    lived, now, kept_up = Lived(), begins, begins
    while now < ends:
        world.clock.set(now)
        if now >= kept_up:
            world.upkeep(now)
            kept_up = now + WEEK
        lived.moments += 1
        lived.acts += behaviour.act(world, crowd, now)
        tick.tick(world.parts, now)
        lived.sent += deliver(world, now)
        reactions.plan(now)
        progress((now - begins) // 86_400, (ends - begins) // 86_400)
        now = _next(world, crowd, looks, now) or ends
    world.clock.set(ends)
    progress((ends - begins) // 86_400, (ends - begins) // 86_400)
    return lived


def _notices(world: World) -> list[str]:
    """The subscription notices that the shop's texts are sent as."""
    texts = world.parts.project.texts.texts.values()
    return sorted({template.key_of("subscribe") for text in texts for template in text.channels.values()} - {""})


def deliver(world: World, now: int) -> int:
    """Sends what may leave now; how many messages left."""
    sent = 0
    for _ in range(ROUNDS):
        done = world.delivery.step(now)
        sent += done.sent
        if not done.anything:
            break
    return sent


def _next(world: World, crowd: Crowd, looks: list[clock.Look], now: int) -> int | None:
    moments = [at for at in (clock.next_due(world.parts, looks, now), crowd.next_at) if at is not None]
    return min(moments, default=None)
