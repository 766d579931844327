"""What is remembered against replays: long enough, and never in more memory than on the first day."""

from __future__ import annotations

import tracemalloc

import pytest

from automation.kernel.hooks import Forgery
from bots import replays
from bots.replays import Replays

NOW = 1_795_330_800
ALL = replays.ROWS * replays.PLACES


def refuses(known: Replays, signature: str, now: int) -> bool:
    try:
        known.check(signature, now)
    except Forgery as error:
        return error.code == "replayed"
    return False


def test_a_repeat_is_let_through_for_some_seconds_and_then_no_more() -> None:
    known = Replays()
    known.answered("s", NOW)
    known.answered("s", NOW + replays.AGAIN)  # the first time counts
    assert [refuses(known, "s", NOW + later) for later in (0, replays.AGAIN, replays.AGAIN + 1)] == [False, False, True]
    assert not refuses(known, "t", NOW + replays.AGAIN + 1)


def test_after_its_time_it_is_new_again() -> None:
    known = Replays()
    known.answered("s", NOW)
    later = NOW + replays.REMEMBERED
    assert not refuses(known, "s", later)
    known.answered("s", later)
    assert refuses(known, "s", later + replays.AGAIN + 1)


def test_the_newest_quarter_of_what_fits_is_known_whatever_came_before() -> None:
    known = Replays()
    for number in range(2 * ALL):
        known.answered(f"s{number}", NOW + number // 1000)
    last = range(2 * ALL - ALL // 4, 2 * ALL)
    forgotten = sum(not refuses(known, f"s{number}", NOW + 2 * ALL // 1000 + replays.AGAIN + 1) for number in last)
    assert forgotten < len(last) // 1000  # rows fill unevenly


@pytest.mark.parametrize("filled", [0, ALL])
def test_it_takes_no_more_memory_however_much_comes(filled: int) -> None:
    known = Replays()
    for number in range(filled):
        known.answered(f"a{number}", NOW)
    size = known.size
    tracemalloc.start()
    for number in range(20_000):
        known.answered(f"b{number}", NOW + 1)
    grown, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert grown < 20_000
    assert known.size == size == 16 * ALL
