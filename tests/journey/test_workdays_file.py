from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from automation.journey import workdays_file
from automation.kernel.errors import SourceErrors


def write(folder: Path, text: str) -> Path:
    path = folder / "workdays.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_each_day_is_work_or_free(tmp_path: Path) -> None:
    path = write(tmp_path, "2027-01-02: free\n2027-02-14: work\n")
    found = workdays_file.load(path)
    assert found.overrides == {date(2027, 1, 2): False, date(2027, 2, 14): True}
    assert found.published_until == workdays_file.load(None).published_until, "two days are not the whole year"


def test_the_file_may_say_that_it_is_complete(tmp_path: Path) -> None:
    found = workdays_file.load(write(tmp_path, "published: 2027\n2027-01-02: free\n"))
    assert found.published_until == date(2027, 12, 31)
    assert not found.is_workday(date(2027, 1, 2))


@pytest.mark.parametrize(
    ("text", "code", "line"),
    [
        ("- 2027-01-02\n", "K501", 1),
        ("2027-01-02: free\n2027-02-30: work\n", "K502", 2),
        ("2027-01-02: holiday\n", "K503", 1),
        ("2027-01-02: [free]\n", "K503", 1),
        ("published: yes\n", "K504", 1),
        ("2027-01-02: true\n", "K503", 1),
    ],
)
def test_a_mistake_is_said_at_its_line(tmp_path: Path, text: str, code: str, line: int) -> None:
    with pytest.raises(SourceErrors) as wrong:
        workdays_file.load(write(tmp_path, text))
    assert [(one.code, one.line) for one in wrong.value.problems] == [(code, line)]
