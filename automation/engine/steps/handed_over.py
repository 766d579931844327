"""`notify` and `webhook`: work that leaves the database becomes a row of `effect`, done afterwards like a message."""

from __future__ import annotations

from typing import Any

from automation.audience.parameters import Parameters
from automation.conditions import tree
from automation.engine import timing, values
from automation.engine.parts import Parts
from automation.engine.registry import Loaded
from automation.festivals.durations import Duration
from automation.journey import graph

NOTIFY, WEBHOOK = "notify", "webhook"
ADVISER = "adviser"  # said only of a step's notice: it is about the customer, whose adviser may be told instead


def notify(parts: Parts, loaded: Loaded, effect: graph.Notify, chosen: str, parameters: Parameters, now: int) -> Any:
    payload: tuple[tuple[str, tree.Value], ...] = (
        ("text", effect.text), ("journey", loaded.name), (ADVISER, True),
    )  # fmt: skip
    return _step(parts, loaded, (NOTIFY, effect.role, effect.key, payload), chosen, parameters, effect.digest)


def webhook(
    parts: Parts, loaded: Loaded, effect: graph.CallWebhook, chosen: str, parameters: Parameters, now: int
) -> Any:
    payload = (*effect.values, ("journey", loaded.name))
    return _step(parts, loaded, (WEBHOOK, effect.name, effect.key, payload), chosen, parameters, Duration())


def _step(
    parts: Parts,
    loaded: Loaded,
    what: tuple[str, str, str, tuple[tuple[str, tree.Value], ...]],
    chosen: str,
    parameters: Parameters,
    later: Duration,
) -> Any:
    kind, ref, key, payload = what
    data = values.json_object(parts, payload, parameters)
    sql = (
        "INSERT INTO effect (kind, ref, run_id, step, visit, person_id, at, due, payload)"
        f" SELECT '{kind}', {parameters.add(ref)}, r.id, {loaded.steps[key]}, plan.visit, p.id, :now,"
        f" :now + {timing.span_seconds(later)}, {data} FROM {values.joined(parts, 'plan')} WHERE {chosen}"
        " ON CONFLICT (run_id, step, visit, kind) DO NOTHING"
    )
    return lambda tx, moment, bound: tx.run(sql, **bound)
