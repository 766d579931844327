"""`tag` and `untag`: a tag with its source and, with `for`, its end."""

from __future__ import annotations

from typing import Any

from automation.audience.parameters import Parameters
from automation.engine.parts import Parts
from automation.engine.registry import Loaded
from automation.festivals import durations
from automation.journey import graph
from automation.people import tags


def add(parts: Parts, loaded: Loaded, effect: graph.AddTag, chosen: str, parameters: Parameters, now: int) -> Any:
    tag_id = parts.names.ensure("tag", [effect.tag])[effect.tag]
    until = "CAST(NULL AS BIGINT)"
    if effect.lasts is not None:
        lasts = effect.lasts
        until = parameters.add(lambda moment: durations.add(moment, lasts, parts.zones.shop, parts.calendar))
    source = parameters.add(f"journey {loaded.name}")
    sql = (
        "INSERT INTO person_tag (tag_id, person_id, source, since, until)"
        f" SELECT DISTINCT {tag_id}, plan.person_id, {source}, :now, {until} FROM plan WHERE {chosen}"
        f" {tags.AGAIN}"
    )
    return lambda tx, moment, bound: tx.run(sql, **bound)


def remove(parts: Parts, loaded: Loaded, effect: graph.RemoveTag, chosen: str, parameters: Parameters, now: int) -> Any:
    tag_id = parts.names.ensure("tag", [effect.tag])[effect.tag]
    sql = f"DELETE FROM person_tag WHERE tag_id = {tag_id} AND person_id IN (SELECT person_id FROM plan WHERE {chosen})"
    return lambda tx, moment, bound: tx.run(sql, **bound)
