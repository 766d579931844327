"""What a channel or one of its lanes can take now: rate, quota of the day, rest after failures.

Who finds no room on a channel waits in line: the channel is slow or away. A lane that rests is passed by, as any way
that is closed; who has no other waits until it opens.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from .claimed import Asked, Door, Refusal, listed
from .consent import MARKETING
from .verdicts import Verdict, Word


@dataclass(frozen=True, slots=True)
class Room:
    """`left`: messages it takes now, None for no limit. The others are asked again from `opens` (UTC seconds) on,
    `pace` of them a second, which is an estimate. `why`: rests, quota, rate or busy. `marketing`: service need not
    keep to it."""

    left: int | None
    opens: int
    pace: float = field(compare=False)
    why: str
    marketing: bool = False


@dataclass(frozen=True, slots=True)
class Rooms:
    """By channel, and by (channel, lane). What is not there has no limit now."""

    channels: Mapping[str, Sequence[Room]] = field(default_factory=dict)
    lanes: Mapping[tuple[str, str], Room] = field(default_factory=dict)


def resting(asked: Asked, door: Door, rooms: Rooms) -> Refusal | None:
    """A lane that takes nothing at all now; None for one that works."""
    room = rooms.lanes.get((door.channel, door.lane))
    if room is None or room.left is None or room.left > 0:
        return None
    return Refusal("1 = 1", f"{door.kind} {door.lane} {room.why}", "", asked.bind(room.opens))


def keep_within(asked: Asked, doors: Mapping[int, Door], rooms: Rooms) -> None:
    """Turns what goes beyond the room of a lane or a channel from GO to POSTPONE, the last in line first."""
    if not rooms.channels and not rooms.lanes:
        return
    by_channel: dict[str, list[int]] = {}
    for door in doors.values():
        by_channel.setdefault(door.channel, []).append(door.number)
        room = rooms.lanes.get((door.channel, door.lane))
        if room is not None and room.left is not None:
            # Asked again at once: by then the lane is full, and they take their next way or wait for it.
            _keep(asked, f"{door.channel} lane {door.lane}", [door.number], room)
    for channel, numbers in by_channel.items():
        for room in rooms.channels.get(channel, ()):
            if room.left is not None:
                _keep(asked, channel, numbers, room)


def _keep(asked: Asked, name: str, doors: list[int], room: Room) -> None:
    here = f"verdict = {Verdict.GO} AND door IN ({listed(sorted(doors))})"
    if room.marketing:
        here += f" AND purpose IN ({listed(asked.of_kind(MARKETING))})"
    tx = asked.tx
    first = tx.value(f"SELECT n FROM claim WHERE {here} ORDER BY n LIMIT 1 OFFSET :room", room=room.left)
    if first is not None:
        tx.run(
            f"UPDATE claim SET verdict = {Verdict.POSTPONE}, reason = :reason,"
            f" until = :opens + CAST((n - :first) * 1000 / :pace AS BIGINT) WHERE {here} AND n >= :first",
            reason=f"{Word.CHANNEL} {name} {room.why}", opens=room.opens, first=first,
            pace=max(1, int(room.pace * 1000)),
        )  # fmt: skip
