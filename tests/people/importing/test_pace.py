from __future__ import annotations

import os
import time

from automation.people.importing.pace import CALM, Pace


def test_chunks_are_small_while_somebody_waits_and_for_some_time_after() -> None:
    pace = Pace(1000)
    assert pace.rows() == 1000
    assert pace.slowed(True)
    for _ in range(CALM):
        assert pace.rows() == 250
        assert not pace.slowed(False)
    assert pace.rows() == 1000


def test_a_chunk_has_a_row_at_least() -> None:
    pace = Pace(2)
    pace.slowed(True)
    assert pace.rows() == 1


def test_the_process_that_reads_sees_what_the_one_that_writes_noticed() -> None:
    pace = Pace(1000)
    child = os.fork()
    if child == 0:
        until = time.monotonic() + 30
        while pace.rows() == 1000 and time.monotonic() < until:
            time.sleep(0.001)
        os._exit(int(pace.rows() == 1000))
    pace.slowed(True)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
