"""The spool: what it tells after a kill, torn lines, segments, locks, pruning."""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path

import pytest

from automation.engine.delivery import spool
from automation.engine.delivery.spool import FileSpool
from automation.kernel.ports import Accepted, Denied, Reason, Unknown


def test_it_tells_how_far_each_message_came_and_what_was_answered(tmp_path: Path) -> None:
    own = FileSpool(tmp_path)
    refs = [(number, 7) for number in range(1, 7)]
    own.intended(refs)
    own.started(refs[1:])
    refused = Denied(Reason.RATE_LIMITED, "45009", False, 30)
    own.answered([(refs[2], Accepted("a b:c")), (refs[3], Unknown("reset")), (refs[4], refused)])
    told = spool.read(tmp_path)
    assert [told[ref].started for ref in refs] == [False, True, True, True, True, True]
    assert [told[ref].outcome for ref in refs] == [None, None, Accepted("a b:c"), Unknown("reset"), refused, None]
    assert all(trace.alive and trace.this_boot for trace in told.values())
    assert (1, 8) not in told  # another claim of the same message
    own.close()


def test_it_tells_what_reports_will_call_a_message(tmp_path: Path) -> None:
    own = FileSpool(tmp_path)
    own.intended([(1, 7), (2, 7)])
    own.started([(1, 7), (2, 7)], ["b-1|a: 名\n", ""])
    told = spool.read(tmp_path)
    assert [(told[number, 7].name, told[number, 7].started) for number in (1, 2)] == [("b-1|a: 名\n", True), ("", True)]
    own.close()


def test_a_torn_last_line_counts_for_nothing(tmp_path: Path) -> None:
    own = FileSpool(tmp_path)
    own.intended([(1, 1), (2, 1)])
    (path,) = tmp_path.glob("*.spool")
    with path.open("ab") as file:
        file.write(b'-[[1,1,"half')
    told = spool.read(tmp_path)
    assert (told[1, 1].outcome, told[1, 1].started) == (None, False)
    own.close()


def test_a_disk_that_was_full_in_the_middle_of_a_line_spoils_none_of_the_others(tmp_path: Path) -> None:
    own = FileSpool(tmp_path)
    own.intended([(1, 1), (22, 1)])
    (path,) = tmp_path.glob("*.spool")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 3, hard))
    try:
        with pytest.raises(OSError, match="bytes of the spool"):
            own.started([(22, 1)])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    own.started([(1, 1)])
    assert {ref: trace.started for ref, trace in spool.read(tmp_path).items()} == {(1, 1): True, (22, 1): False}
    own.answered([((1, 1), Accepted("a"))])
    told = spool.read(tmp_path)
    assert {ref: (trace.started, trace.outcome) for ref, trace in told.items()} == {
        (1, 1): (True, Accepted("a")), (22, 1): (False, None),
    }  # fmt: skip
    own.close()


def test_a_line_that_cannot_be_read_hides_none_of_the_others(tmp_path: Path) -> None:
    own = FileSpool(tmp_path)
    own.intended([(1, 1), (2, 1)])
    (path,) = tmp_path.glob("*.spool")
    with path.open("ab") as file:
        file.write(b'+1:1-[[2,1,"a"]]\n-[[1,1\n=\xff:1\n')
    own.started([(2, 1)])
    told = spool.read(tmp_path)
    assert {ref: trace.started for ref, trace in told.items()} == {(1, 1): False, (2, 1): True}
    own.close()


def test_a_full_segment_is_removed_when_all_in_it_is_recorded(tmp_path: Path, monkeypatch: object) -> None:
    own = FileSpool(tmp_path)
    own._current.size = spool.SEGMENT + 1
    first = own._current.path
    own._current.open.add((1, 1))
    own.intended([(2, 1)])
    assert len(list(tmp_path.glob("*.spool"))) == 2
    own.started([(1, 1)])
    assert "+1:1" in first.read_text()
    own.recorded([(1, 1)])
    assert not first.exists()
    own.recorded([(2, 1)])
    own.close()
    assert not list(tmp_path.glob("*.spool"))


def test_a_file_whose_process_was_killed_is_known_to_be_dead(tmp_path: Path) -> None:
    code = (
        "import os, signal, sys; from pathlib import Path; from automation.engine.delivery.spool import FileSpool;"
        " own = FileSpool(Path(sys.argv[1])); own.intended([(1, 1)]); own.started([(1, 1)]);"
        " os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False, cwd=Path(__file__).parents[2])
    (trace,) = spool.read(tmp_path).values()
    assert (trace.started, trace.alive, trace.this_boot) == (True, False, True)


def test_a_thread_left_behind_begins_nothing_after_the_spool_is_closed(tmp_path: Path) -> None:
    own = FileSpool(tmp_path / "spool")
    own.close()
    with (tmp_path / "database").open("wb") as other:  # it gets the number that the spool's file had
        with pytest.raises(OSError, match="Bad file descriptor"):
            own.started([(1, 1)])
        assert other.tell() == 0 and not (tmp_path / "database").stat().st_size
