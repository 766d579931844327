"""`points`: booked once for each run and visit; the balance stands on the person and moves in the same transaction."""

from __future__ import annotations

from typing import Any

from automation.audience.parameters import Parameters
from automation.engine.parts import Parts
from automation.engine.registry import Loaded
from automation.journey import graph
from automation.store.database import Transaction


def step(parts: Parts, loaded: Loaded, effect: graph.BookPoints, chosen: str, parameters: Parameters, now: int) -> Any:
    reason = parameters.add(effect.reason)
    number = loaded.steps[effect.key]
    new = (
        f"{chosen} AND NOT EXISTS (SELECT 1 FROM points o WHERE o.run_id = plan.run_id AND o.step = {number}"
        " AND o.visit = plan.visit)"
    )
    book = (
        "INSERT INTO points (person_id, delta, reason, run_id, step, visit, at)"
        f" SELECT plan.person_id, {effect.points}, {reason}, plan.run_id, {number}, plan.visit, :now"
        f" FROM plan WHERE {new}"
    )
    # A person with two runs in one plan earns twice: sums first, so that each person is updated once.
    earn = (
        f"INSERT INTO earned SELECT plan.person_id, {effect.points} * count(*) FROM plan WHERE {new}"
        " GROUP BY plan.person_id"
    )
    balance = "UPDATE person SET points = person.points + earned.delta FROM earned WHERE person.id = earned.person_id"

    def run(tx: Transaction, moment: int, bound: dict[str, Any]) -> None:
        tx.temporary("earned", "person_id BIGINT, delta BIGINT")
        tx.run(earn, **bound)  # before they are booked: afterwards nobody is new
        tx.run(book, **bound)
        tx.run(balance)

    return run
