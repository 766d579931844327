"""One bad value stops a whole statement: the batch is made smaller until the bad row stands alone, and is set aside."""

from __future__ import annotations

from collections.abc import Callable

from automation.store.database import BadStatement, is_away


def shrinking(batch: int, work: Callable[[int], int], give_up: Callable[[Exception], int]) -> int:
    """`work` on the oldest `batch` rows of a queue, or on fewer of them; `give_up` on the oldest where that is bad.

    Returns what they return. Errors of the machine (disk, server) are raised: no row is to blame for them.
    """
    while True:
        try:
            return work(batch)
        except BadStatement as error:
            if is_away(error):
                raise
            if batch <= 1:
                return give_up(error)
            batch //= 2
