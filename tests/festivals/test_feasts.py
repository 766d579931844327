from __future__ import annotations

from datetime import date, timedelta

import pytest

from automation.festivals import feasts, lunar

D = date.fromisoformat
IN_2026 = {
    "new_year_day": "2026-01-01",
    "laba": "2026-01-26",
    "xiaonian": "2026-02-10",
    "spring_festival_eve": "2026-02-16",
    "spring_festival": "2026-02-17",
    "lantern": "2026-03-03",
    "valentines": "2026-02-14",
    "womens_day": "2026-03-08",
    "qingming": "2026-04-05",
    "labour_day": "2026-05-01",
    "mothers_day": "2026-05-10",
    "childrens_day": "2026-06-01",
    "dragon_boat": "2026-06-19",
    "mid_year_618": "2026-06-18",
    "fathers_day": "2026-06-21",
    "qixi": "2026-08-19",
    "mid_autumn": "2026-09-25",
    "national_day": "2026-10-01",
    "chongyang": "2026-10-18",
    "double_11": "2026-11-11",
    "double_12": "2026-12-12",
    "winter_solstice": "2026-12-22",
    "christmas": "2026-12-25",
}


def test_every_built_in_festival_falls_on_its_day_in_2026() -> None:
    found = {
        name: [str(day) for day in feasts.occurrences(festival, D("2026-01-01"), D("2026-12-31"))]
        for name, festival in feasts.BUILT_IN.items()
    }
    assert found == {name: [day] for name, day in IN_2026.items()}


def test_new_years_eve_is_the_day_before_the_new_year_in_every_year() -> None:
    span = (D("1951-01-01"), D("2099-12-31"))
    eves = feasts.occurrences(feasts.BUILT_IN["spring_festival_eve"], *span)
    days = feasts.occurrences(feasts.BUILT_IN["spring_festival"], *span)
    assert [eve + timedelta(days=1) for eve in eves] == days
    assert len(days) == 149


def test_a_leap_month_does_not_repeat_a_festival() -> None:
    assert lunar.has_leap(2025, 6)
    qixi_of_leap_seventh = feasts.occurrences(feasts.BUILT_IN["qixi"], D("2006-01-01"), D("2006-12-31"))
    assert lunar.has_leap(2006, 7)
    assert qixi_of_leap_seventh == [D("2006-07-31")]


def test_both_ends_of_a_span_are_included() -> None:
    christmas = feasts.BUILT_IN["christmas"]
    assert feasts.occurrences(christmas, D("2026-12-25"), D("2027-12-25")) == [D("2026-12-25"), D("2027-12-25")]
    assert feasts.occurrences(christmas, D("2026-12-26"), D("2027-12-24")) == []


def test_laba_of_a_lunar_year_is_found_in_the_following_january() -> None:
    assert feasts.occurrences(feasts.BUILT_IN["laba"], D("2025-01-01"), D("2025-12-31")) == [D("2025-01-07")]


def test_beyond_the_lunar_calendar_a_lunar_festival_has_no_days() -> None:
    assert feasts.occurrences(feasts.BUILT_IN["mid_autumn"], D("2110-01-01"), D("2112-01-01")) == []


def test_a_shops_own_festivals_are_read_from_its_file() -> None:
    old = feasts.from_yaml_value("old_customers_day", {"title": "老客节", "solar": "09-09"})
    assert (old.title, old.rule) == ("老客节", feasts.SolarRule(9, 9))
    assert feasts.from_yaml_value("lantern", {"title": "元宵", "lunar": "1-15"}).rule == feasts.LunarRule(1, 15)
    assert feasts.from_yaml_value("x", {"lunar": "七月初七"}).rule == feasts.LunarRule(7, 7)
    brand = feasts.from_yaml_value("brand_day", {"title": "品牌日", "dates": ["2027-05-18", "2026-05-20"]})
    assert feasts.occurrences(brand, D("2026-01-01"), D("2027-12-31")) == [D("2026-05-20"), D("2027-05-18")]


def test_29_february_becomes_the_28th_in_ordinary_years() -> None:
    leap = feasts.from_yaml_value("leap", {"solar": "02-29"})
    assert feasts.occurrences(leap, D("2027-01-01"), D("2028-12-31")) == [D("2027-02-28"), D("2028-02-29")]


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ({"title": "空"}, "exactly one of"),
        ({"lunar": "1-15", "solar": "09-09"}, "found lunar, solar"),
        ({"lunr": "1-15"}, "did you mean lunar"),
        ({"colour": "red", "lunar": "1-1"}, "known are"),
        ({"lunar": "13-1"}, "not a lunar month and day"),
        ({"lunar": 115}, "must be a month and a day"),
        ({"solar": "02-30"}, "not a day of the year"),
        ({"solar": "9月9日"}, "not a day of the year"),
        ({"dates": []}, "list of days"),
        ({"dates": ["2026-02-30"]}, "not a date"),
        ({"dates": ["2026-05-20", "2026-05-20"]}, "twice"),
        ({"title": "", "solar": "09-09"}, "title must be a text"),
    ],
)
def test_a_mistake_in_a_festival_is_named_with_the_festival(value: dict[str, object], says: str) -> None:
    with pytest.raises(ValueError, match=says) as error:
        feasts.from_yaml_value("mine", value)
    assert str(error.value).startswith("festival mine: ")
