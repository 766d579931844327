from __future__ import annotations

from datetime import date

import pytest

from automation.festivals.workdays import Workdays

D = date.fromisoformat


@pytest.mark.parametrize(
    ("day", "works"),
    [
        ("2026-01-01", False),
        ("2026-01-04", True),  # a Sunday worked for the day off before
        ("2026-02-14", True),
        ("2026-02-16", False),
        ("2026-02-23", False),
        ("2026-02-24", True),
        ("2026-03-07", False),
        ("2026-03-09", True),
        ("2026-10-07", False),
        ("2026-10-10", True),
    ],
)
def test_published_days_follow_the_state_council(day: str, works: bool) -> None:
    assert Workdays().is_workday(D(day)) is works


@pytest.mark.parametrize(
    "day",
    [
        "2031-01-01",
        "2031-01-22",
        "2031-01-23",
        "2031-01-24",
        "2031-06-24",
        "2031-10-01",
        "2031-10-02",
        "2031-10-03",
        "2031-05-01",
    ],
)
def test_years_not_yet_published_are_free_on_the_statutory_feasts(day: str) -> None:
    assert not Workdays().is_workday(D(day))


@pytest.mark.parametrize(
    "day",
    [
        "2032-02-10",
        "2032-02-11",
        "2032-02-12",
        "2032-02-13",
        "2033-04-04",
        "2033-05-02",
        "2033-09-08",
    ],
)
def test_a_feast_on_a_weekday_is_free_by_its_own_rule(day: str) -> None:
    assert D(day).weekday() < 5
    assert not Workdays().is_workday(D(day))


def test_years_not_yet_published_work_on_all_other_weekdays() -> None:
    assert Workdays().is_workday(D("2031-01-27"))
    assert Workdays().is_workday(D("2031-10-06"))
    assert not Workdays().is_workday(D("2031-10-11"))


def test_the_shops_own_file_wins_and_counts_as_published_where_it_says_so() -> None:
    calendar = Workdays({D("2027-02-14"): True, D("2027-02-10"): False, D("2026-03-09"): False})
    assert calendar.is_workday(D("2027-02-14"))
    assert not calendar.is_workday(D("2027-02-10"))
    assert not calendar.is_workday(D("2026-03-09"))
    assert calendar.published_until == Workdays().published_until == D("2026-12-31")
    assert Workdays(calendar.overrides, 2027).published_until == D("2027-12-31")
    assert Workdays(complete=2025).published_until == D("2026-12-31")


@pytest.mark.parametrize(
    ("start", "count", "found"),
    [
        ("2026-03-06", 1, "2026-03-09"),
        ("2026-03-07", 1, "2026-03-09"),
        ("2026-03-07", 2, "2026-03-10"),
        ("2026-02-13", 2, "2026-02-24"),  # the 14th is a worked Saturday
        ("2026-09-30", 1, "2026-10-08"),
        ("2026-03-09", -1, "2026-03-06"),
        ("2026-03-08", -2, "2026-03-05"),
        ("2026-03-08", 0, "2026-03-08"),
        ("2026-12-31", 1, "2027-01-04"),
    ],
)
def test_workdays_are_counted_over_weekends_and_shifts(start: str, count: int, found: str) -> None:
    assert Workdays().add_workdays(D(start), count) == D(found)


def test_the_next_workday_may_be_today() -> None:
    assert Workdays().next_workday(D("2026-03-06")) == D("2026-03-06")
    assert Workdays().next_workday(D("2026-03-07")) == D("2026-03-09")


def test_years_outside_the_lunar_calendar_still_have_weekends() -> None:
    assert not Workdays().is_workday(D("2150-01-01"))
    assert Workdays().is_workday(D("2150-01-05"))
