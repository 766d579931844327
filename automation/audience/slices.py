"""Work over everybody in slices of the id range, so that no transaction is long and other writers get their turn."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeAlias

from automation.store.database import Statements, Store

SIZE = 1000
"""People a slice: a few milliseconds of writing."""

Progress: TypeAlias = Callable[[int], None]
"""Called with the number of people done so far."""


def id_ranges(statements: Statements, size: int = SIZE) -> Iterator[tuple[int, int]]:
    """(low, high) with low < id <= high, each holding `size` people or the rest."""
    low = 0
    while True:
        high = statements.value(
            "SELECT max(id) FROM (SELECT id FROM person WHERE id > :low ORDER BY id LIMIT :size) AS next",
            low=low, size=size,
        )  # fmt: skip
        if high is None:
            return
        yield low, int(high)
        low = int(high)


def chunks(ids: Sequence[int], size: int = SIZE) -> Iterator[Sequence[int]]:
    for start in range(0, len(ids), size):
        yield ids[start : start + size]


def bound(ids: Sequence[int]) -> str:
    """Ids as the JSON text that `dialect.each(parameter, {"id": "BIGINT"})` reads."""
    return json.dumps([[number] for number in ids])


def update_people(store: Store, columns: dict[str, str], changed: Sequence[Sequence[Any]]) -> None:
    """Sets columns (name -> SQL type) of person from rows of (id, value...)."""
    if not changed:
        return
    kinds = {"id": "BIGINT", **columns}
    with store.write() as tx:
        table = "person_" + "_".join(columns)
        tx.temporary(table, ", ".join(f"{name} {kind}" for name, kind in kinds.items()))
        rows = store.dialect.each("rows", kinds)
        tx.run(f"INSERT INTO {table} SELECT * FROM {rows} AS fresh", rows=json.dumps([list(row) for row in changed]))
        setting = ", ".join(f"{name} = {table}.{name}" for name in columns)
        tx.run(f"UPDATE person SET {setting} FROM {table} WHERE person.id = {table}.id")
