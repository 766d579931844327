from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from automation.people import dates
from automation.people.dates import YearDay
from automation.people.normalise import Unusable

SHANGHAI = ZoneInfo("Asia/Shanghai")


@pytest.mark.parametrize(
    "text",
    [
        "1990-03-08", "1990-3-8", "1990/03/08", "1990/3/8", "1990.3.8", "1990年3月8日", "1990年03月08号", "19900308",
        "1990-03-08 00:00:00", "１９９０年３月８日", " 1990-03-08 ", "32940", "1990-03-08T00:00:00",
    ],
)  # fmt: skip
def test_a_whole_day_is_read_in_the_usual_forms(text: str) -> None:
    assert dates.year_day(text) == YearDay(0, 3, 8, 0, 1990)
    assert dates.day(text) == "1990-03-08"


@pytest.mark.parametrize("text", ["03-08", "3-8", "3月8日", "3月8号", "03/08", "--03-08", "3.8"])
def test_a_day_of_the_year_is_read_without_a_year(text: str) -> None:
    assert dates.year_day(text) == YearDay(0, 3, 8, 0, None)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("农历八月十五", YearDay(1, 8, 15, 0, None)),
        ("八月十五", YearDay(1, 8, 15, 0, None)),
        ("闰四月初一", YearDay(1, 4, 1, 1, None)),
        ("农历1990年八月十五", YearDay(1, 8, 15, 0, 1990)),
        ("正月初一", YearDay(1, 1, 1, 0, None)),
        ("腊月三十", YearDay(1, 12, 30, 0, None)),
        ("農曆八月十五", YearDay(1, 8, 15, 0, None)),
        ("农历8-15", YearDay(1, 8, 15, 0, None)),
        ("lunar 8-15", YearDay(1, 8, 15, 0, None)),
        ("除夕", YearDay(1, 12, 30, 0, None)),
    ],
)
def test_a_lunar_birthday_stays_lunar(text: str, expected: YearDay) -> None:
    assert dates.year_day(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "05/03/2024",
        "90-03-08",
        "1990-02-30",
        "13-08",
        "02-30",
        "abc",
        "123",
        "99999",
        "农历十三月初一",
        "2024-03-08 x",
        "农历",
    ],
)
def test_what_could_mean_two_days_or_none_is_refused(text: str) -> None:
    with pytest.raises(Unusable):
        dates.year_day(text)


@pytest.mark.parametrize(
    ("text", "reason"),
    [("农历某日", "not a lunar date"), ("农历2026年腊月三十", "does not exist"), ("八月15", "does not say which")],
)
def test_a_lunar_date_is_refused_for_what_is_wrong_with_it(text: str, reason: str) -> None:
    with pytest.raises(Unusable, match=reason):
        dates.year_day(text)


@pytest.mark.parametrize("text", ["2090-01-01", "2026-11-23", "农历2025年腊月二十八", "农历2026年十月十五"])
def test_nobody_is_born_in_the_future(text: str) -> None:
    with pytest.raises(Unusable, match="future"):
        dates.birthday(text, date(2026, 1, 5) if "2025" in text else date(2026, 11, 22))


@pytest.mark.parametrize("text", ["2026-11-22", "11-23", "农历八月十五", "农历2026年十月十四", "1990-03-08"])
def test_who_is_born_by_today_may_be(text: str) -> None:
    assert dates.birthday(text, date(2026, 11, 22)) == dates.year_day(text)


def test_the_leap_day_is_a_birthday() -> None:
    assert dates.year_day("02-29") == YearDay(0, 2, 29, 0, None)


@pytest.mark.parametrize(
    "text",
    [
        "2024-03-05 12:30:01", "2024/3/5 12:30:01", "2024年3月5日 12时30分01秒", "2024年3月5日12:30:01",
        "20240305123001",
        "2024-03-05T12:30:01",
        "2024-03-05T12:30:01.000", "2024-03-05T04:30:01Z", "2024-03-05T13:30:01+09:00", "2024-03-04T23:00:01-05:30",
        "1709613001",
        "1709613001000", "45356.520844907",
    ],
)  # fmt: skip
def test_a_moment_without_a_zone_is_by_the_shops_clock(text: str) -> None:
    assert dates.moment(text, SHANGHAI) == int(datetime(2024, 3, 5, 4, 30, 1, tzinfo=UTC).timestamp())


@pytest.mark.parametrize("text", ["2026年11月25日 10点", "2026年11月25日10时", "2026-11-25 10点00分", "20261125 10:00"])
def test_a_whole_hour_needs_no_minutes(text: str) -> None:
    assert dates.planned(text, SHANGHAI) == dates.moment("2026-11-25 10:00", SHANGHAI)


@pytest.mark.parametrize("text", ["2026-11-25", "2026年11月25日", "20261125", "46351"])
def test_what_is_planned_needs_a_time_of_day(text: str) -> None:
    with pytest.raises(Unusable, match="time of day is missing"):
        dates.planned(text, SHANGHAI)


@pytest.mark.parametrize("read", [dates.moment, dates.planned])
@pytest.mark.parametrize("text", ["tomorrow", "03-05", "2026-11-25 x", "9"])
def test_a_refused_moment_names_forms_that_are_moments(read: Callable[[str, ZoneInfo], int], text: str) -> None:
    with pytest.raises(Unusable) as refused:
        read(text, SHANGHAI)
    first, second = str(refused.value).partition("write ")[2].split(" or ")
    assert read(first, SHANGHAI) == read(second, SHANGHAI)


def test_a_date_alone_means_its_first_moment() -> None:
    first = int(datetime(2024, 3, 4, 16, 0, tzinfo=UTC).timestamp())
    assert dates.moment("2024-03-05", SHANGHAI) == dates.moment("2024年3月5日", SHANGHAI) == first
    assert dates.moment("2024-03-05 12:30", SHANGHAI) == first + 45_000


@pytest.mark.parametrize("text", ["2024-03-05 25:00", "2024-03-05 12:61", "12:30", "yesterday"])
def test_no_moment_is_made_up(text: str) -> None:
    with pytest.raises(Unusable):
        dates.moment(text, SHANGHAI)


@pytest.mark.parametrize(
    "text",
    ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00", "9999-12-31 23:59", "0001-01-01", "0001-01-01 00:00"],
)
def test_a_moment_beyond_all_clocks_is_refused(text: str) -> None:
    with pytest.raises(Unusable, match="too far"):
        dates.moment(text, SHANGHAI)
