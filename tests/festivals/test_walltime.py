from __future__ import annotations

from datetime import date, datetime, time
from zoneinfo import ZoneInfo

import pytest

from automation.festivals import walltime

NEW_YORK = ZoneInfo("America/New_York")


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp())


def test_a_repeated_hour_means_its_first_passing_unless_the_later_is_asked_for() -> None:
    assert walltime.instant(date(2026, 11, 1), time(1, 30), NEW_YORK) == at("2026-11-01T01:30-04:00")
    assert walltime.instant(date(2026, 11, 1), time(1, 30), NEW_YORK, later=True) == at("2026-11-01T01:30-05:00")


def test_a_day_that_lacks_midnight_begins_with_its_first_minute() -> None:
    santiago = ZoneInfo("America/Santiago")  # 2026-09-06 00:00 -> 01:00
    assert walltime.midnight(date(2026, 9, 6), santiago) == at("2026-09-06T01:00-03:00")


@pytest.mark.parametrize("text", ["24:00", "9", "09:5", "09:60", "ab:cd", "10:00:00", "-1:00"])
def test_what_is_no_time_of_day_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a time of day"):
        walltime.parse_clock(text)


@pytest.mark.parametrize("text", ["2026-1-1", "20260101", "2026-02-29", "2026-W01-1", ""])
def test_what_is_no_date_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a date"):
        walltime.parse_day(text)


@pytest.mark.parametrize(("at_utc", "found"), [(10**12, date.max), (10**30, date.max), (-(10**17), date.min)])
def test_an_instant_outside_of_the_calendar_is_shown_as_its_end(at_utc: int, found: date) -> None:
    assert walltime.local(at_utc, NEW_YORK).date() == found


def test_the_last_day_of_the_calendar_is_over_after_24_hours() -> None:
    assert walltime.day_after(date.max, NEW_YORK) == walltime.midnight(date.max, NEW_YORK) + 86_400
    assert walltime.day_after(date(2026, 3, 8), NEW_YORK) == at("2026-03-09T00:00-04:00")
