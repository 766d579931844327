"""Whom chance deals where a test wants them: the person's seed is chosen, and the engine deals as always."""

from __future__ import annotations

from automation.audience import splits
from automation.journey import graph
from automation.kernel.errors import Problem
from automation.settings import Settings

from .case import Case

TRIES = 200_000


def find(case: Case, journey: graph.Journey, settings: Settings) -> int | Problem:
    """A seed that falls into the wanted paths, and into the control group or out of it."""
    everywhere = settings.control_group if journey.kind == "marketing" else 0
    if case.holdout and not (journey.holdout or everywhere):
        return case.document.problem(("holdout",), "K602", f"{journey.name} has no control group", "give it a holdout")
    wanted = [(point, journey.splits[point][path]) for point, path in case.paths.items()]
    for seed in range(1, TRIES):
        parked = splits.number(journey.name, "holdout", seed) < splits.share(journey.holdout)
        parked = parked or splits.number("", "control_group", seed) < splits.share(everywhere / 100)
        if parked == case.holdout and all(
            low <= splits.number(journey.name, point, seed) < high for point, (low, high) in wanted
        ):
            return seed
    return case.document.problem(("paths",), "K602", "nobody can be dealt these paths", "do they have a share?")
