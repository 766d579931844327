from __future__ import annotations

from pathlib import Path

from bench import importing


def test_the_bench_imports_what_it_wrote(tmp_path: Path) -> None:
    report, expected, seconds, store = importing.measure(tmp_path, 2000)
    assert (report.rows, report.created, report.updated, report.rejected) == (2000, expected, 2000 - expected, 0)
    assert store.value("SELECT count(*) FROM identity") == 3 * expected
    assert seconds > 0  # of the processor, both processes
    store.close()
