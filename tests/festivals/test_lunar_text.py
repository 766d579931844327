from __future__ import annotations

import pytest

from automation.festivals import lunar, lunar_text
from automation.festivals.lunar_text import LunarDate


@pytest.mark.parametrize(
    ("text", "date"),
    [
        ("农历八月十五", (None, 8, 15, False)),
        ("闰四月初一", (None, 4, 1, True)),
        ("农历1990年八月十五", (1990, 8, 15, False)),
        ("一九九〇年八月十五", (1990, 8, 15, False)),
        ("八月廿三", (None, 8, 23, False)),
        ("八月二十三", (None, 8, 23, False)),
        ("腊月三十", (None, 12, 30, False)),
        ("十二月卅", (None, 12, 30, False)),
        ("正月初一", (None, 1, 1, False)),
        ("农历十一月初十", (None, 11, 10, False)),
        ("冬月二十", (None, 11, 20, False)),
        ("除夕", (None, 12, 30, False)),
        ("lunar 8-15", (None, 8, 15, False)),
        ("Lunar: 1990-08-15", (1990, 8, 15, False)),
        ("lunar leap 4-1", (None, 4, 1, True)),
        ("农历 2020年闰4月1日", (2020, 4, 1, True)),
        ("农历8月15日", (None, 8, 15, False)),
        ("农历八月十五日", (None, 8, 15, False)),
        ("農曆閏四月初一", (None, 4, 1, True)),
        (" 阴历８－１５ ", (None, 8, 15, False)),
        ("1990年农历八月十五", (1990, 8, 15, False)),
        ("1990年（农历）八月十五", (1990, 8, 15, False)),
        ("八月十五（农历）", (None, 8, 15, False)),
        ("1990-08-15 (阴历)", (1990, 8, 15, False)),
        ("八月十五日 lunar", (None, 8, 15, False)),
        ("农历正月初1", (None, 1, 1, False)),
        ("8月初10", (None, 8, 10, False)),
        ("腊月30", (None, 12, 30, False)),
        ("农历8月十五", (None, 8, 15, False)),
    ],
)
def test_lunar_dates_are_read_as_people_write_them(text: str, date: tuple[int | None, int, int, bool]) -> None:
    assert lunar_text.parse_lunar(text) == LunarDate(*date)


@pytest.mark.parametrize("text", ["8-15", "8月15日", "1990-08-15", "八月十五日", "8月十五", "八月15"])
def test_a_date_that_may_be_solar_is_refused_with_the_way_out(text: str) -> None:
    with pytest.raises(ValueError, match="does not say whether it is lunar"):
        lunar_text.parse_lunar(text)


@pytest.mark.parametrize(
    "text", ["", "生日", "农历", "农历十三月初一", "lunar 13-1", "lunar 8-31", "八月三十一", "八月初十一", "正月初15"]
)
def test_what_is_no_lunar_date_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a lunar date"):
        lunar_text.parse_lunar(text)


@pytest.mark.parametrize("text", ["农历2026年腊月三十", "lunar 2026-闰4-1", "农历1890年八月十五"])
def test_a_dated_lunar_day_must_exist_in_its_year(text: str) -> None:
    with pytest.raises(ValueError, match=r"has|not a lunar"):
        lunar_text.parse_lunar(text)


def test_everything_that_is_said_is_read_back() -> None:
    for month in range(1, 13):
        for day in range(1, 31):
            for leap in (False, True):
                said = lunar.say_lunar(month, day, leap)
                assert lunar_text.parse_lunar(said) == LunarDate(None, month, day, leap)


def test_a_festival_names_month_and_day_only() -> None:
    assert lunar_text.parse_month_day("1-15") == (1, 15)
    assert lunar_text.parse_month_day("正月十五") == (1, 15)
    with pytest.raises(ValueError, match="only month and day"):
        lunar_text.parse_month_day("闰4-1")
    with pytest.raises(ValueError, match="not a lunar month and day"):
        lunar_text.parse_month_day("1-45")
