"""Live journeys that nobody can enter any more: the only days they name have passed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from zoneinfo import ZoneInfo

from automation.festivals import schedules, walltime
from automation.journey import graph
from automation.kernel import source
from automation.kernel.document import Loc
from automation.kernel.errors import Problem
from automation.rendering import reading


def warnings(journeys: Mapping[str, graph.Journey], folder: Path, now: int, zone: ZoneInfo) -> Iterator[Problem]:
    """Seen from `now`, UTC seconds. `folder`: of the journeys' files; `zone`: the shop's."""
    for name, journey in journeys.items():
        place = _over(journey, now, zone) if journey.status is graph.Status.LIVE else None
        if place is not None:
            document = source.parse(journey.source, reading.shown(folder / f"{name}.yaml"))
            hint = "name days to come, or write status: closing"
            yield document.problem(place, "W505", "this is over, so nobody enters any more", hint)


def _over(journey: graph.Journey, now: int, zone: ZoneInfo) -> Loc | None:
    """The key whose days have passed."""
    if journey.active is not None and journey.active[1] < walltime.local(now, zone).date().isoformat():
        return ("active",)
    entry = journey.entry
    if (
        isinstance(entry, graph.ScheduleEntry)
        and schedules.next_after(schedules.parse(entry.schedule), now, zone) is None
    ):
        return ("enter", "schedule")
    return None
