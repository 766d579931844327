"""Batches are long while nobody waits, and short while somebody does."""

from __future__ import annotations

import threading
import time
from pathlib import Path

from automation.engine.batches import ALONE, LEAST, LONG, Batches
from automation.store.turnstile import Turnstile


def test_nobody_waits_so_a_batch_stays_as_large_as_it_may_be() -> None:
    batches = Batches()
    batches.learn(100 * LONG, wanted=False)
    assert batches.size(2000) == 2000 * ALONE


def test_a_batch_that_kept_others_waiting_for_long_is_followed_by_a_shorter_one() -> None:
    batches = Batches()
    batches.learn(4 * LONG, wanted=True)
    assert batches.size(2000) == 2000 * ALONE / 4


def test_a_batch_that_was_short_enough_is_not_made_shorter() -> None:
    batches = Batches()
    batches.learn(LONG / 2, wanted=True)
    assert batches.size(2000) == 2000 * ALONE


def test_batches_grow_back_when_nobody_waits_any_more() -> None:
    batches = Batches()
    batches.learn(8 * LONG, wanted=True)
    for _ in range(200):
        batches.learn(LONG, wanted=False)
    assert batches.size(2000) == 2000 * ALONE


def test_batches_are_still_short_when_somebody_comes_again_soon() -> None:
    batches = Batches()
    batches.learn(4 * LONG, wanted=True)
    for _ in range(5):
        batches.learn(LONG, wanted=False)
    assert batches.size(2000) < 2000 * ALONE / 3


def test_however_slow_the_machine_a_batch_keeps_its_least_size() -> None:
    batches = Batches()
    for _ in range(50):
        batches.learn(60, wanted=True)
    assert batches.size(2000) == LEAST
    assert batches.size(7) == 7  # a small shop's setting is never undercut


def test_the_holder_sees_a_thread_that_waits(tmp_path: Path) -> None:
    turnstile = Turnstile(tmp_path / "db")

    def enter() -> None:
        with turnstile:
            pass

    waiting = threading.Thread(target=enter)
    with turnstile:
        assert not turnstile.wanted()
        waiting.start()
        until = time.monotonic() + 10
        while not turnstile.wanted() and time.monotonic() < until:
            time.sleep(0.001)
        assert turnstile.wanted()
    waiting.join()
    with turnstile:
        assert not turnstile.wanted()


def test_the_holder_sees_another_process_that_waits(tmp_path: Path) -> None:
    """Two turnstiles on one file have descriptors of their own, as two processes have."""
    here, there = Turnstile(tmp_path / "db"), Turnstile(tmp_path / "db")

    def enter() -> None:
        with there:
            pass

    waiting = threading.Thread(target=enter)
    with here:
        waiting.start()
        until = time.monotonic() + 10
        while not here.wanted() and time.monotonic() < until:
            time.sleep(0.001)
        assert here.wanted()
    waiting.join()
