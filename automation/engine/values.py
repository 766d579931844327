"""References in journeys, `{from: path}`, as SQL over the run `r` and the person `p`."""

from __future__ import annotations

import json
from collections.abc import Sequence

from automation.audience import references
from automation.audience.parameters import Parameters
from automation.conditions import tree

from .parts import Parts


def joined(parts: Parts, table: str) -> str:
    """FROM: a temporary table with `run_id`, its runs as `r` and their people as `p`."""
    then = parts.store.dialect.join_in_order
    return f"{table} {then} run r ON r.id = {table}.run_id {then} person p ON p.id = r.person_id"


def json_object(parts: Parts, values: Sequence[tuple[str, tree.Value]], parameters: Parameters) -> str:
    """SQL of a JSON object (text) from literals and references; a missing reference is null."""
    literals = {name: value for name, value in values if not isinstance(value, tree.Ref)}
    document = parameters.add(json.dumps(literals, ensure_ascii=False))
    for name, value in values:
        if isinstance(value, tree.Ref):
            member = references.json(parts.compiler, value.path, parameters)
            document = parts.store.dialect.json_put(document, name, f"coalesce({member}, 'null')")
    return document
