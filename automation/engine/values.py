"""References in journeys, `{from: path}`, as SQL over the run `r` and the person `p`."""

from __future__ import annotations

from collections.abc import Sequence

from automation.audience.parameters import Parameters
from automation.conditions import tree

from .parts import Parts


def joined(parts: Parts, table: str) -> str:
    """FROM: a temporary table with `run_id`, its runs as `r` and their people as `p`."""
    then = parts.store.dialect.join_in_order
    return f"{table} {then} run r ON r.id = {table}.run_id {then} person p ON p.id = r.person_id"


def reference(parts: Parts, path: str) -> str:
    """SQL text of one value: the run's data by a dotted path, else a field of the person."""
    return parts.compiler.value_text(path, person="p", run="r")


def json_object(parts: Parts, values: Sequence[tuple[str, tree.Value]], parameters: Parameters) -> str:
    """SQL of a JSON object (text) from literals and references."""
    members = {}
    for name, value in values:
        if isinstance(value, tree.Ref):
            members[name.replace("'", "''")] = reference(parts, value.path)
        else:
            members[name.replace("'", "''")] = parameters.add(value)
    return parts.store.dialect.json_object(**members) if members else "'{}'"
