"""Who is in a segment: how many, which ids, and a few to look at. Reads only."""

from __future__ import annotations

from array import array

from automation.conditions.tree import Condition
from automation.store.database import Statements

from .compiler import Compiler, Target
from .parameters import Parameters


def count(statements: Statements, compiler: Compiler, condition: Condition, now: int) -> int:
    """How many people the condition holds for."""
    test, parameters = _test(compiler, condition)
    return int(statements.value(f"SELECT count(*) FROM person p WHERE {test}", **parameters.values(now)))


def ids(statements: Statements, compiler: Compiler, condition: Condition, now: int) -> array[int]:
    """Their ids in ascending order: one read of everybody, as entry by segment does it."""
    test, parameters = _test(compiler, condition)
    return statements.column(f"SELECT p.id FROM person p WHERE {test} ORDER BY p.id", **parameters.values(now))


def sample(statements: Statements, compiler: Compiler, condition: Condition, now: int, size: int) -> list[int]:
    """The ids of up to `size` of them: a fair draw, and the same one every time."""
    test, parameters = _test(compiler, condition)
    sql = f"SELECT p.id FROM person p WHERE {test} ORDER BY p.seed, p.id LIMIT :size"
    return [row[0] for row in statements.rows(sql, size=size, **parameters.values(now))]


def _test(compiler: Compiler, condition: Condition) -> tuple[str, Parameters]:
    parameters = Parameters()
    return f"p.merged_into IS NULL AND {compiler.predicate(condition, Target.BASE, parameters)}", parameters
