"""The shop's corrections of the public calendar of workdays: `2027-01-02: free`, `2027-02-14: work`, a line a day."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Final

from automation.kernel import errors, source

MEANINGS: Final = {"work": True, "free": False}


def load(path: Path | None) -> dict[date, bool]:
    """Day -> whether it is a workday; nothing where no file is configured. Raises SourceErrors with every problem."""
    if path is None:
        return {}
    document = source.read(path)
    problems = list(_problems(document))
    if problems:
        raise errors.SourceErrors(problems)
    return {date.fromisoformat(str(day)): MEANINGS[meaning] for day, meaning in (document.data or {}).items()}


def _problems(document: source.Document) -> Iterator[errors.Problem]:
    if not isinstance(document.data or {}, dict):
        yield document.problem((), "K501", "days are due here", "a line a day, such as 2027-02-14: work")
        return
    for day, meaning in (document.data or {}).items():
        if not _is_day(str(day)):
            yield document.problem((day,), "K502", f"'{day}' is not a day", "write YYYY-MM-DD", key=True)
        elif not isinstance(meaning, str) or meaning not in MEANINGS:
            yield document.problem((day,), "K503", "work or free is due here", "work: a workday, free: a day off")


def _is_day(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False
