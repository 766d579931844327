from __future__ import annotations

from datetime import datetime

import pytest

from automation.policy import periods

AT = "2026-02-10 12:34:56"


def ts(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=periods.CHINA).timestamp())


@pytest.mark.parametrize(
    ("per", "first", "after"),
    [
        ("minute", "2026-02-10 12:34:00", "2026-02-10 12:35:00"),
        ("hour", "2026-02-10 12:00:00", "2026-02-10 13:00:00"),
        ("day", "2026-02-10 00:00:00", "2026-02-11 00:00:00"),
        ("month", "2026-02-01 00:00:00", "2026-03-01 00:00:00"),
        ("24h", "2026-02-09 12:34:57", AT),
        ("7d", "2026-02-03 12:34:57", AT),
        ("30d", "2026-01-11 12:34:57", AT),
    ],
)
def test_a_period_is_its_first_second_and_the_first_after_it(per: str, first: str, after: str) -> None:
    assert periods.span(per, ts(AT)) == (ts(first), ts(after))


def test_a_december_ends_with_its_year() -> None:
    assert periods.span("month", ts("2026-12-31 23:59:59")) == (ts("2026-12-01 00:00:00"), ts("2027-01-01 00:00:00"))


def test_a_platforms_day_is_one_of_china() -> None:
    assert periods.day(ts("2026-02-10 00:00:00")) == periods.day(ts("2026-02-10 23:59:59")) == 20260210
    assert periods.midnight(ts(AT)) == ts("2026-02-11 00:00:00")


def test_what_is_no_period_is_refused() -> None:
    with pytest.raises(ValueError, match="no period: week"):
        periods.span("week", ts(AT))
