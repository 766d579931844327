from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from automation.festivals import quiet

NEW_YORK, BERLIN, SHANGHAI = "America/New_York", "Europe/Berlin", "Asia/Shanghai"


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp())


@pytest.mark.parametrize(
    ("window", "zone", "asked", "opens"),
    [
        ("21:00-09:00", SHANGHAI, "2026-03-08T20:59:59+08:00", "2026-03-08T20:59:59+08:00"),
        ("21:00-09:00", SHANGHAI, "2026-03-08T21:00+08:00", "2026-03-09T09:00+08:00"),
        ("21:00-09:00", SHANGHAI, "2026-03-08T23:59:59+08:00", "2026-03-09T09:00+08:00"),
        ("21:00-09:00", SHANGHAI, "2026-03-09T00:00+08:00", "2026-03-09T09:00+08:00"),
        ("21:00-09:00", SHANGHAI, "2026-03-09T08:59:59+08:00", "2026-03-09T09:00+08:00"),
        ("21:00-09:00", SHANGHAI, "2026-03-09T09:00+08:00", "2026-03-09T09:00+08:00"),
        ("21:00-09:00", SHANGHAI, "2026-12-31T22:00+08:00", "2027-01-01T09:00+08:00"),
        ("21:00-00:00", SHANGHAI, "2026-03-08T22:00+08:00", "2026-03-09T00:00+08:00"),
        ("12:00-14:00", SHANGHAI, "2026-03-08T11:59+08:00", "2026-03-08T11:59+08:00"),
        ("12:00-14:00", SHANGHAI, "2026-03-08T12:00+08:00", "2026-03-08T14:00+08:00"),
        ("12:00-14:00", SHANGHAI, "2026-03-08T14:00+08:00", "2026-03-08T14:00+08:00"),
        ("21:00-09:00", NEW_YORK, "2026-03-07T23:00-05:00", "2026-03-08T09:00-04:00"),
        ("21:00-09:00", NEW_YORK, "2026-11-01T01:30-05:00", "2026-11-01T09:00-05:00"),
        ("23:00-02:30", NEW_YORK, "2026-03-08T01:00-05:00", "2026-03-08T03:30-04:00"),  # 02:30 is skipped
        ("23:00-01:30", NEW_YORK, "2026-11-01T01:15-04:00", "2026-11-01T01:30-05:00"),  # ends at its second passing
        ("23:00-01:30", NEW_YORK, "2026-11-01T01:15-05:00", "2026-11-01T01:30-05:00"),
        ("01:30-06:00", NEW_YORK, "2026-11-01T01:15-05:00", "2026-11-01T06:00-05:00"),  # begins at its first
        ("02:30-06:00", BERLIN, "2026-03-29T03:15+02:00", "2026-03-29T03:15+02:00"),
        ("02:30-06:00", BERLIN, "2026-03-29T03:30+02:00", "2026-03-29T06:00+02:00"),
    ],
)
def test_the_window_opens_at_the_exact_second(window: str, zone: str, asked: str, opens: str) -> None:
    found = quiet.open_at(quiet.parse(window), at(asked), ZoneInfo(zone))
    assert found == at(opens)
    assert quiet.open_at(quiet.parse(window), found, ZoneInfo(zone)) == found


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("21:00", "from-to"),
        ("21-9", "not a time of day"),
        ("21:00-24:00", "not a time of day"),
        ("09:00-09:00", "same time"),
        ("09:20-09:00", "less than 30 minutes"),
        ("00:00-23:31", "less than 30 minutes"),
    ],
)
def test_a_wrong_window_is_refused_with_the_right_form(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        quiet.parse(text)


def test_a_window_is_written_as_it_was_read() -> None:
    assert str(quiet.parse("21:00 – 8:30")) == "21:00-08:30"
    assert str(quiet.parse("09:30-09:00")) == "09:30-09:00"
    assert quiet.parse("21：00-08：30") == quiet.parse("21:00-08:30")
