from __future__ import annotations

import re
from datetime import date, datetime
from itertools import chain
from zoneinfo import ZoneInfo

import pytest

from automation.festivals import schedules

NEW_YORK, SHANGHAI = ZoneInfo("America/New_York"), ZoneInfo("Asia/Shanghai")


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp())


def found(text: str, after: str, until: str, zone: ZoneInfo = SHANGHAI) -> list[str]:
    instants = schedules.occurrences_between(schedules.parse(text), at(after), at(until), zone)
    return [datetime.fromtimestamp(instant, zone).strftime("%m-%d %H:%M") for instant in instants]


@pytest.mark.parametrize(
    ("text", "after", "until", "days"),
    [
        ("2026-06-18 10:00", "2026-01-01T00:00+08:00", "2026-12-31T00:00+08:00", ["06-18 10:00"]),
        ("2026-06-18 10:00", "2026-06-18T10:00+08:00", "2026-12-31T00:00+08:00", []),
        ("2026-06-18 10:00", "2026-06-18T09:00+08:00", "2026-06-18T10:00+08:00", ["06-18 10:00"]),
        ("daily 09:00", "2026-12-30T09:00+08:00", "2027-01-01T09:00+08:00", ["12-31 09:00", "01-01 09:00"]),
        ("every monday 10:00", "2026-03-01T00:00+08:00", "2026-03-16T09:59+08:00", ["03-02 10:00", "03-09 10:00"]),
        ("every month on 1 10:00", "2026-01-01T10:00+08:00", "2026-03-01T10:00+08:00", ["02-01 10:00", "03-01 10:00"]),
        (
            "every month on 31 10:00",
            "2026-01-01T00:00+08:00",
            "2026-05-01T00:00+08:00",
            ["01-31 10:00", "02-28 10:00", "03-31 10:00", "04-30 10:00"],
        ),
        (
            "every 6h",
            "2026-03-01T00:00+08:00",
            "2026-03-02T00:00+08:00",
            ["03-01 06:00", "03-01 12:00", "03-01 18:00", "03-02 00:00"],
        ),
        ("daily 09:00", "2026-03-02T00:00+08:00", "2026-03-01T00:00+08:00", []),
    ],
)
def test_a_schedule_names_its_instants_after_one_up_to_another(
    text: str, after: str, until: str, days: list[str]
) -> None:
    assert found(text, after, until) == days


def test_a_cursor_that_moves_in_small_steps_sees_each_occurrence_once() -> None:
    for text in ("daily 02:30", "daily 01:30", "every 30m"):
        schedule = schedules.parse(text)
        for start in (at("2026-03-07T12:00-05:00"), at("2026-10-31T12:00-04:00")):
            steps = range(start, start + 2 * 86_400, 600)
            pieces = [schedules.occurrences_between(schedule, step, step + 600, NEW_YORK) for step in steps]
            whole = schedules.occurrences_between(schedule, start, start + 2 * 86_400, NEW_YORK)
            assert list(chain.from_iterable(pieces)) == whole
            assert whole == sorted(set(whole))


def test_a_skipped_time_comes_later_and_a_repeated_one_comes_once() -> None:
    assert found("daily 02:30", "2026-03-07T12:00-05:00", "2026-03-09T12:00-04:00", NEW_YORK) == [
        "03-08 03:30",
        "03-09 02:30",
    ]
    assert found("daily 01:30", "2026-10-31T12:00-04:00", "2026-11-02T00:00-05:00", NEW_YORK) == ["11-01 01:30"]


def test_the_next_occurrence_is_strictly_later() -> None:
    daily = schedules.parse("daily 09:00")
    nine = at("2026-03-08T09:00+08:00")
    assert schedules.next_after(daily, nine - 1, SHANGHAI) == nine
    assert schedules.next_after(daily, nine, SHANGHAI) == nine + 86_400
    once = schedules.parse("2030-06-18 10:00")
    assert schedules.next_after(once, nine, SHANGHAI) == at("2030-06-18T10:00+08:00")
    assert schedules.next_after(once, at("2030-06-18T10:00+08:00"), SHANGHAI) is None
    month = schedules.parse("every month on 31 10:00")
    assert schedules.next_after(month, at("2026-03-31T10:00+08:00"), SHANGHAI) == at("2026-04-30T10:00+08:00")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("daily", "lacks the time"),
        ("every monday", "lacks the time"),
        ("every mondy 10:00", "did you mean monday"),
        ("every month on 32 10:00", "1 to 31"),
        ("every 2d", "has no first day"),
        ("every 7h", "has no first day"),
        ("every 5 minutes", "not a weekday"),
        ("2026-02-30 10:00", "not a date"),
        ("daily 25:00", "not a time of day"),
        ("whenever", "not a schedule"),
        ("", "not a schedule"),
    ],
)
def test_a_wrong_schedule_is_refused_with_the_right_form(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=re.escape(says)):
        schedules.parse(text)


def test_an_active_range_is_its_first_and_last_day() -> None:
    assert schedules.parse_active("2026-10-20 to 2026-11-12") == (date(2026, 10, 20), date(2026, 11, 12))
    assert schedules.parse_active("2026-11-11 to 2026-11-11") == (date(2026, 11, 11), date(2026, 11, 11))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("2026-10-20", "not a range"),
        ("2026-10-20 - 2026-11-12", "not a range"),
        ("2026-11-12 to 2026-10-20", "ends before"),
        ("10-20 to 11-12", "not a date"),
    ],
)
def test_a_wrong_range_is_refused(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        schedules.parse_active(text)
