"""What a channel can take now: its rate, its daily quota, its rest after failures. Who finds no room waits in line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from automation.store.database import Transaction

from .claimed import Door
from .verdicts import Verdict, Word


@dataclass(frozen=True, slots=True)
class Room:
    """`left`: messages it takes now, None for no limit. The others are asked again from `opens` (UTC seconds) on,
    `pace` of them a second. `why`: rests, quota, rate or busy."""

    left: int | None
    opens: int
    pace: float
    why: str


def keep_within(tx: Transaction, doors: Mapping[int, Door], rooms: Mapping[str, Room]) -> None:
    """Turns what goes beyond a channel's room from GO to POSTPONE, the last in line first."""
    by_channel: dict[str, list[int]] = {}
    for door in doors.values():
        room = rooms.get(door.channel)
        if room is not None and room.left is not None:
            by_channel.setdefault(door.channel, []).append(door.number)
    for channel, numbers in by_channel.items():
        _keep(tx, channel, numbers, rooms[channel])


def _keep(tx: Transaction, channel: str, doors: list[int], room: Room) -> None:
    here = f"verdict = {Verdict.GO} AND door IN ({', '.join(map(str, sorted(doors)))})"
    sql = f"SELECT n FROM claim WHERE {here} ORDER BY n LIMIT 1 OFFSET :room"
    first = tx.value(sql, room=room.left)
    if first is not None:
        tx.run(
            f"UPDATE claim SET verdict = {Verdict.POSTPONE}, reason = :reason,"
            f" until = :opens + CAST((n - :first) * 1000 / :pace AS BIGINT) WHERE {here} AND n >= :first",
            reason=f"{Word.CHANNEL} {channel} {room.why}", opens=room.opens, first=first,
            pace=max(1, int(room.pace * 1000)),
        )  # fmt: skip
