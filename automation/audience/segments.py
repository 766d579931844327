"""Who is in a segment: how many, which ids, and a few to look at. Reads only; long ones page by id."""

from __future__ import annotations

from collections.abc import Iterator

from automation.conditions.tree import Condition
from automation.store.database import Statements

from . import slices
from .compiler import Compiler, Target
from .parameters import Parameters

PAGE = 5000


def count(statements: Statements, compiler: Compiler, condition: Condition, now: int) -> int:
    """How many people the condition holds for."""
    test, parameters = _test(compiler, condition, Target.BASE)
    return int(statements.value(f"SELECT count(*) FROM person p WHERE {test}", **parameters.values(now)))


def ids(statements: Statements, compiler: Compiler, condition: Condition, now: int) -> Iterator[int]:
    """Their ids in ascending order, read in pages of the id range so that no read stays open for long."""
    test, parameters = _test(compiler, condition, Target.BATCH)
    sql = f"SELECT p.id FROM person p WHERE p.id > :low AND p.id <= :high AND {test} ORDER BY p.id"
    values = parameters.values(now)
    for low, high in slices.id_ranges(statements, PAGE):
        for (number,) in statements.rows(sql, low=low, high=high, **values):
            yield number


def sample(statements: Statements, compiler: Compiler, condition: Condition, now: int, size: int) -> list[int]:
    """The ids of up to `size` of them: a fair draw, and the same one every time."""
    test, parameters = _test(compiler, condition, Target.BASE)
    sql = f"SELECT p.id FROM person p WHERE {test} ORDER BY p.seed, p.id LIMIT :size"
    return [row[0] for row in statements.rows(sql, size=size, **parameters.values(now))]


def _test(compiler: Compiler, condition: Condition, target: Target) -> tuple[str, Parameters]:
    parameters = Parameters()
    return f"p.merged_into IS NULL AND {compiler.predicate(condition, target, parameters)}", parameters
