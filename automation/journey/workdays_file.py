"""The shop's corrections of the public calendar of workdays: `2027-01-02: free`, `2027-02-14: work`, a line a day.

`published: 2027` says that they are all that was published up to the end of that year: one corrected day alone does
not make the others of its year certain.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Final

from automation.festivals.workdays import Workdays
from automation.kernel import errors, source

MEANINGS: Final = {"work": True, "free": False}
PUBLISHED: Final = "published"
_YEARS: Final = range(2000, 2200)


def load(path: Path | None) -> Workdays:
    """The calendar with the file's corrections, if one is configured. Raises SourceErrors with every problem."""
    if path is None:
        return Workdays()
    return source.read_as(path, _calendar)


def _calendar(document: source.Document) -> Workdays:
    problems = list(_problems(document))
    if problems:
        raise errors.SourceErrors(problems)
    days = dict(document.data or {})
    complete = days.pop(PUBLISHED, 0)
    return Workdays({date.fromisoformat(day): MEANINGS[meaning] for day, meaning in days.items()}, complete)


def _problems(document: source.Document) -> Iterator[errors.Problem]:
    if not isinstance(document.data or {}, dict):
        yield document.problem((), "K501", "days are due here", "a line a day, such as 2027-02-14: work")
        return
    for day, meaning in (document.data or {}).items():
        if day == PUBLISHED:
            if not isinstance(meaning, int) or isinstance(meaning, bool) or meaning not in _YEARS:
                yield document.problem((day,), "K504", "a year is due here", f"such as {PUBLISHED}: 2027")
        elif not _is_day(str(day)):
            hint = f"write YYYY-MM-DD; {PUBLISHED}: YEAR says that the file is complete up to then"
            yield document.problem((day,), "K502", f"'{day}' is not a day", hint, key=True)
        elif not isinstance(meaning, str) or meaning not in MEANINGS:
            yield document.problem((day,), "K503", "work or free is due here", "work: a workday, free: a day off")


def _is_day(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False
