"""The steps of a journey as they stand in the file, checked and with every value parsed: what the compiler reads.

Apart from graph.py, which is what they are compiled to.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from automation.conditions.tree import Condition, Happened, Marked
from automation.festivals.durations import Duration
from automation.festivals.moments import Limit, Moment
from automation.journey.graph import Effect, GiveCoupon


@dataclass(frozen=True, slots=True)
class Do:
    """Something happens and the person goes on at once."""

    effect: Effect


@dataclass(frozen=True, slots=True)
class Give:
    """A coupon. `otherwise`: the steps where the pool is empty; None: go on without a code."""

    effect: GiveCoupon
    otherwise: Steps | None = None


@dataclass(frozen=True, slots=True)
class Wait:
    due: Duration | Moment


@dataclass(frozen=True, slots=True)
class WaitFor:
    happening: Happened | Marked
    up_to: Limit
    as_name: str | None = None
    then: Steps = ()
    otherwise: Steps = ()


@dataclass(frozen=True, slots=True)
class Choose:
    """`if` and `choose`: the first branch that holds, else `otherwise`."""

    branches: tuple[tuple[Condition, Steps], ...]
    otherwise: Steps = ()


@dataclass(frozen=True, slots=True)
class Path:
    """`share` in thousandths of a per cent."""

    name: str
    share: int
    then: Steps


@dataclass(frozen=True, slots=True)
class Split:
    point: str
    paths: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class Stop:
    reason: str


Act: TypeAlias = Do | Give | Wait | WaitFor | Choose | Split | Stop


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """`key`: the id, else made from what it does. `test`: the step's own `if`; it is skipped where that is false."""

    key: str
    act: Act
    test: Condition | None = None
    line: int = 0


Steps: TypeAlias = tuple[Step, ...]


def lists(act: Act) -> tuple[Steps, ...]:
    """The lists of steps inside one, in the order of the file."""
    if isinstance(act, Give):
        return (act.otherwise,) if act.otherwise is not None else ()
    if isinstance(act, WaitFor):
        return act.then, act.otherwise
    if isinstance(act, Choose):
        return (*(steps for _, steps in act.branches), act.otherwise)
    return tuple(path.then for path in act.paths) if isinstance(act, Split) else ()
