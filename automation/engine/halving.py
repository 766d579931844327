"""One bad value stops a whole batch: it is made smaller until the bad row stands alone, and is set aside.

A value may be bad for a statement or for what Python works out of it; both are the row's, and both are treated alike.
"""

from __future__ import annotations

from collections.abc import Callable

from automation.store.faults import BadStatement, is_away

UNFORESEEN = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)


def is_of_data(error: Exception) -> bool:
    """Whether a row may be to blame: it never is for errors of the machine (disk, server) or a refusal."""
    if isinstance(error, BadStatement):
        return not is_away(error)
    return isinstance(error, UNFORESEEN) and not isinstance(error, OSError)


def shrinking(batch: int, work: Callable[[int], int], give_up: Callable[[Exception], int]) -> int:
    """`work` on the oldest `batch` rows of a queue, or on fewer of them; `give_up` on the oldest where that is bad.

    Returns what they return. Errors that no row is to blame for are raised.
    """
    while True:
        try:
            return work(batch)
        except Exception as error:
            if not is_of_data(error):
                raise
            if batch <= 1:
                return give_up(error)
            batch //= 2
