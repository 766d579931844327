from __future__ import annotations

import re
from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from automation.festivals import durations, walltime
from automation.festivals.durations import Duration
from automation.festivals.workdays import Workdays

CALENDAR = Workdays()
NEW_YORK, BERLIN, SHANGHAI = "America/New_York", "Europe/Berlin", "Asia/Shanghai"


def at(text: str) -> int:
    """UTC seconds of an ISO time with its offset."""
    return int(datetime.fromisoformat(text).timestamp())


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("90s", Duration(seconds=90)),
        ("15m", Duration(seconds=900)),
        ("3h", Duration(seconds=10_800)),
        ("2d", Duration(days=2)),
        ("1w", Duration(days=7)),
        ("3mo", Duration(months=3)),
        ("1y", Duration(months=12)),
        ("2 workdays", Duration(workdays=2)),
        ("1 workday", Duration(workdays=1)),
        ("3天", Duration(days=3)),
        ("2小时", Duration(seconds=7200)),
        ("15分钟", Duration(seconds=900)),
        ("2周", Duration(days=14)),
        ("1个月", Duration(months=1)),
        ("1年", Duration(months=12)),
        ("2个工作日", Duration(workdays=2)),
        ("2 个工作日", Duration(workdays=2)),
        ("-7d", Duration(days=-7)),
        ("+1mo", Duration(months=1)),
        ("３天", Duration(days=3)),
        ("0d", Duration()),
    ],
)
def test_every_form_of_a_duration_is_read(text: str, length: Duration) -> None:
    assert durations.parse(text) == length


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "whole number and a unit"),
        ("soon", "whole number and a unit"),
        ("3", "unit is missing, such as 3d"),
        ("3 days", "did you mean 3d"),
        ("2 hours", "did you mean 2h"),
        ("2 minuts", "did you mean 2m"),
        ("2 worksdays", "did you mean 2 workdays"),
        ("2 business days", "did you mean 2 workdays"),
        ("3D", "did you mean 3d"),
        ("3M", "did you mean 3mo"),
        ("3月", "write a whole number"),
        ("1.5h", "90m"),
        ("三天", "3天"),
        ("半年", "digits"),
        ("1d 12h", "one unit"),
        ("999999d", "hundred years"),
        ("3x", "write a whole number"),
    ],
)
def test_a_slip_is_answered_with_what_to_write(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=re.escape(says)):
        durations.parse(text)


def test_only_hours_and_shorter_are_exact() -> None:
    assert [durations.parse(text).exact for text in ("90s", "15m", "3h")] == [True] * 3
    assert [durations.parse(text).exact for text in ("2d", "1w", "3mo", "1y", "2 workdays")] == [False] * 5


ROWS = [
    # New York springs forward 2026-03-08 02:00 -> 03:00 and falls back 2026-11-01 02:00 -> 01:00
    (NEW_YORK, "2026-03-07T12:00-05:00", "1d", "2026-03-08T12:00-04:00"),
    (NEW_YORK, "2026-03-07T12:00-05:00", "24h", "2026-03-08T13:00-04:00"),
    (NEW_YORK, "2026-03-07T02:30-05:00", "1d", "2026-03-08T03:30-04:00"),
    (NEW_YORK, "2026-03-07T02:30-05:00", "2d", "2026-03-09T02:30-04:00"),
    (NEW_YORK, "2026-03-09T02:30-04:00", "-1d", "2026-03-08T03:30-04:00"),
    (NEW_YORK, "2026-02-08T02:30-05:00", "1mo", "2026-03-08T03:30-04:00"),
    (NEW_YORK, "2026-03-08T01:59:59-05:00", "1s", "2026-03-08T03:00-04:00"),
    (NEW_YORK, "2026-10-31T01:30-04:00", "1d", "2026-11-01T01:30-04:00"),
    (NEW_YORK, "2026-10-31T01:30-04:00", "25h", "2026-11-01T01:30-05:00"),
    (NEW_YORK, "2026-11-01T01:30-05:00", "1d", "2026-11-02T01:30-05:00"),
    (NEW_YORK, "2026-11-01T01:30-05:00", "0d", "2026-11-01T01:30-05:00"),
    (NEW_YORK, "2026-11-02T01:30-05:00", "-1d", "2026-11-01T01:30-04:00"),
    (NEW_YORK, "2026-10-30T01:30-04:00", "1 workday", "2026-11-02T01:30-05:00"),
    # Berlin: 2026-03-29 02:00 -> 03:00, 2026-10-25 03:00 -> 02:00
    (BERLIN, "2026-03-28T09:00+01:00", "1d", "2026-03-29T09:00+02:00"),
    (BERLIN, "2026-03-22T02:15+01:00", "1w", "2026-03-29T03:15+02:00"),
    (BERLIN, "2026-03-29T01:30+01:00", "1h", "2026-03-29T03:30+02:00"),
    (BERLIN, "2026-10-24T02:30+02:00", "1d", "2026-10-25T02:30+02:00"),
    (BERLIN, "2026-10-24T12:00+02:00", "1d", "2026-10-25T12:00+01:00"),
    (BERLIN, "2025-10-25T02:30+02:00", "1y", "2026-10-25T02:30+02:00"),
    # month and year ends
    (SHANGHAI, "2026-01-31T10:00+08:00", "1mo", "2026-02-28T10:00+08:00"),
    (SHANGHAI, "2028-01-31T10:00+08:00", "1mo", "2028-02-29T10:00+08:00"),
    (SHANGHAI, "2026-03-31T10:00+08:00", "-1mo", "2026-02-28T10:00+08:00"),
    (SHANGHAI, "2026-10-31T10:00+08:00", "1mo", "2026-11-30T10:00+08:00"),
    (SHANGHAI, "2026-11-30T10:00+08:00", "3mo", "2027-02-28T10:00+08:00"),
    (SHANGHAI, "2026-12-31T23:59:59+08:00", "1mo", "2027-01-31T23:59:59+08:00"),
    (SHANGHAI, "2026-01-15T10:00+08:00", "-1mo", "2025-12-15T10:00+08:00"),
    (SHANGHAI, "2026-12-15T10:00+08:00", "12mo", "2027-12-15T10:00+08:00"),
    (SHANGHAI, "2028-02-29T10:00+08:00", "1y", "2029-02-28T10:00+08:00"),
    (SHANGHAI, "2028-02-29T10:00+08:00", "4y", "2032-02-29T10:00+08:00"),
    (SHANGHAI, "2026-12-31T10:00+08:00", "1d", "2027-01-01T10:00+08:00"),
    (SHANGHAI, "2028-02-28T10:00+08:00", "1d", "2028-02-29T10:00+08:00"),
    # workdays: the local day decides, not the UTC one
    (SHANGHAI, "2026-03-06T15:00+08:00", "2 workdays", "2026-03-10T15:00+08:00"),
    (SHANGHAI, "2026-03-07T02:00+08:00", "1 workday", "2026-03-09T02:00+08:00"),
    (SHANGHAI, "2026-09-30T10:00+08:00", "1 workday", "2026-10-08T10:00+08:00"),
    (SHANGHAI, "2026-03-09T10:00+08:00", "-1 workday", "2026-03-06T10:00+08:00"),
]


@pytest.mark.parametrize(("zone", "start", "length", "end"), ROWS)
def test_adding_follows_the_clock_on_the_wall(zone: str, start: str, length: str, end: str) -> None:
    assert durations.add(at(start), durations.parse(length), ZoneInfo(zone), CALENDAR) == at(end)


@pytest.mark.parametrize("text", ["1d", "1mo", "1y", "1 workday", "100y"])
def test_a_date_moves_no_further_than_the_calendar(text: str) -> None:
    length = durations.parse(text)
    assert durations.shift_day(date.max, length, CALENDAR) == date.max
    assert durations.shift_day(date.min, -length, CALENDAR) == date.min


@pytest.mark.parametrize("text", ["1s", "1d", "1mo", "100y", "1 workday"])
@pytest.mark.parametrize("zone", [NEW_YORK, SHANGHAI])
def test_an_instant_moves_no_further_than_what_can_be_planned(zone: str, text: str) -> None:
    length = durations.parse(text)
    for start in (walltime.NEVER, 253_402_300_799, 10**18):
        assert durations.add(start, length, ZoneInfo(zone), CALENDAR) == walltime.NEVER
    for start in (walltime.LONG_AGO, -62_135_596_800, -(10**18)):
        assert durations.add(start, -length, ZoneInfo(zone), CALENDAR) == walltime.LONG_AGO


def test_a_date_cannot_move_by_hours() -> None:
    with pytest.raises(ValueError, match="shorter than a day"):
        durations.shift_day(date(2026, 3, 8), Duration(seconds=3600), CALENDAR)


@pytest.mark.parametrize(
    ("text", "chinese", "english"),
    [
        ("3d", "3 天", "3 days"),
        ("1d", "1 天", "1 day"),
        ("2w", "14 天", "14 days"),
        ("90s", "90 秒", "90 seconds"),
        ("90m", "90 分钟", "90 minutes"),
        ("120m", "2 小时", "2 hours"),
        ("1mo", "1 个月", "1 month"),
        ("18mo", "18 个月", "18 months"),
        ("24mo", "2 年", "2 years"),
        ("2 workdays", "2 个工作日", "2 workdays"),
        ("-7d", "-7 天", "-7 days"),
    ],
)
def test_durations_are_said_in_both_languages(text: str, chinese: str, english: str) -> None:
    assert durations.say(durations.parse(text)) == chinese
    assert durations.say(durations.parse(text), "en") == english


@given(st.sampled_from(["s", "m", "h", "d", "w", "mo", "y", " workdays"]), st.integers(-99, 99))
def test_the_written_form_is_read_back_as_the_same_value(unit: str, number: int) -> None:
    length = durations.parse(f"{number}{unit}")
    assert durations.parse(str(length)) == length
    assert str(-length) == str(durations.parse(f"{-number}{unit}"))
    assert length.negative == (number < 0)


@pytest.mark.parametrize("text", ["90s", "3mo", "2 workdays", "2个工作日", "15分钟", "1y"])
def test_the_pattern_for_editors_takes_what_the_reader_takes(text: str) -> None:
    assert re.match(durations.PATTERN, text)
    assert re.match(durations.SIGNED_PATTERN, f"-{text}")


@pytest.mark.parametrize("text", ["-3d", "3 days", "3", "1d 12h", ""])
def test_the_pattern_for_editors_refuses_what_is_no_bare_duration(text: str) -> None:
    assert not re.match(durations.PATTERN, text)
