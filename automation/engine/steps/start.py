"""`start`: asks for another journey. The person enters it in the same tick; this run goes on at once."""

from __future__ import annotations

from typing import Any

from automation.audience.parameters import Parameters
from automation.engine import values
from automation.engine.parts import Parts
from automation.engine.registry import Loaded
from automation.journey import graph


def step(
    parts: Parts, loaded: Loaded, effect: graph.StartJourney, chosen: str, parameters: Parameters, now: int
) -> Any:
    target = parameters.add(effect.journey)
    entry = values.json_object(parts, effect.values, parameters)
    data = parts.store.dialect.json_put("'{}'", "entry", entry)
    number = loaded.steps[effect.key]
    sql = (
        "INSERT INTO entrant (journey_id, person_id, key, episode, at, data, depth, parent_run)"
        f" SELECT j.id, p.id, '', CAST(r.id AS TEXT) || '.{number}.' || CAST(plan.visit AS TEXT), :now, {data},"
        f" r.depth + 1, r.id FROM {values.joined(parts, 'plan')} {parts.store.dialect.join_in_order} journey j"
        f" ON j.name = {target} WHERE {chosen} ON CONFLICT DO NOTHING"
    )
    return lambda tx, moment, bound: tx.run(sql, **bound)
