from __future__ import annotations

import re
from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from automation.festivals import durations, moment_text, moments, walltime
from automation.festivals.moments import Value
from automation.festivals.workdays import Workdays

CALENDAR = Workdays()
NEW_YORK, BERLIN, SHANGHAI = "America/New_York", "Europe/Berlin", "Asia/Shanghai"


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp())


VALUES: dict[str, Value] = {
    "entry.date": "2026-03-08",
    "entry.at": at("2026-03-06T15:20+08:00"),
    "entry.cycle_days": 30,
    "coupon.expires": "2026-04-01",
    "visit": "2026-03-08 18:30",
    "event": "2026-03-08T18:30+00:00",
    "birthday": None,
    "wrong": "soon",
    "huge": 10**9,
    "forever": "9999-12-31",
    "eternity": 10**30,
    "dawn": "0001-01-01",
}


def resolve(text: str, base: str, zone: str = SHANGHAI) -> str | None:
    found = moments.resolve(moments.parse(text), at(base), ZoneInfo(zone), VALUES, CALENDAR)
    return None if found is None else datetime.fromtimestamp(found, ZoneInfo(zone)).isoformat(timespec="minutes")


NOON = "2026-03-06T12:00+08:00"  # a Friday
FAR, EARLY = "9000-01-01T08:00+08:00", "1000-01-01T08:05+08:05:43"
ROWS = [
    # time of day: the next one, now included
    ("09:30", NOON, "2026-03-07T09:30+08:00"),
    ("12:00", NOON, "2026-03-06T12:00+08:00"),
    ("12:01", NOON, "2026-03-06T12:01+08:00"),
    ("9:30", "2026-12-31T10:00+08:00", "2027-01-01T09:30+08:00"),
    # weekdays: from today on, never past
    ("friday 12:00", NOON, "2026-03-06T12:00+08:00"),
    ("friday 11:59", NOON, "2026-03-13T11:59+08:00"),
    ("monday 10:00", NOON, "2026-03-09T10:00+08:00"),
    ("friday", NOON, "2026-03-06T00:00+08:00"),
    ("saturday", NOON, "2026-03-07T00:00+08:00"),
    ("monday -1d 10:00", "2026-03-08T12:00+08:00", "2026-03-15T10:00+08:00"),
    ("monday +2d 10:00", NOON, "2026-03-11T10:00+08:00"),
    # workdays
    ("workday 12:00", NOON, "2026-03-06T12:00+08:00"),
    ("workday 10:00", NOON, "2026-03-09T10:00+08:00"),
    ("workday 10:00", "2026-02-13T12:00+08:00", "2026-02-14T10:00+08:00"),  # a worked Saturday
    ("workday 10:00", "2026-09-30T12:00+08:00", "2026-10-08T10:00+08:00"),
    ("workday", NOON, "2026-03-06T00:00+08:00"),
    ("workday", "2026-03-07T12:00+08:00", "2026-03-09T00:00+08:00"),
    # month ends
    ("month_end 20:00", NOON, "2026-03-31T20:00+08:00"),
    ("month_end", "2028-02-10T12:00+08:00", "2028-02-29T00:00+08:00"),
    ("month_end 10:00", "2026-12-31T12:00+08:00", "2027-01-31T10:00+08:00"),
    ("month_end -3d 10:00", "2026-03-30T12:00+08:00", "2026-04-27T10:00+08:00"),
    # fixed anchors may be past
    ("today 09:00", NOON, "2026-03-06T09:00+08:00"),
    ("tomorrow 10:00", NOON, "2026-03-07T10:00+08:00"),
    ("tomorrow", "2026-12-31T23:59+08:00", "2027-01-01T00:00+08:00"),
    ("2026-11-10 20:00", NOON, "2026-11-10T20:00+08:00"),
    ("2020-11-10 20:00", NOON, "2020-11-10T20:00+08:00"),
    ("2026-11-10", NOON, "2026-11-10T00:00+08:00"),
    ("2026-01-31 +1mo 10:00", NOON, "2026-02-28T10:00+08:00"),
    # fields
    ("entry.date 09:00", NOON, "2026-03-08T09:00+08:00"),
    ("entry.date", NOON, "2026-03-08T00:00+08:00"),
    ("entry.date -1d 19:30", NOON, "2026-03-07T19:30+08:00"),
    ("entry.date -3h", NOON, "2026-03-07T21:00+08:00"),
    ("entry.date +1 workday 10:00", NOON, "2026-03-09T10:00+08:00"),
    ("entry.at", NOON, "2026-03-06T15:20+08:00"),
    ("entry.at +2 workdays", NOON, "2026-03-10T15:20+08:00"),
    ("entry.at + 2个工作日 10:00", NOON, "2026-03-10T10:00+08:00"),
    ("entry.at +entry.cycle_days -5d 10:00", NOON, "2026-03-31T10:00+08:00"),
    ("entry.at +entry.cycle_days -5d", NOON, "2026-03-31T15:20+08:00"),
    ("entry.at -entry.cycle_days 10:00", NOON, "2026-02-04T10:00+08:00"),
    ("coupon.expires -3d 10:00", NOON, "2026-03-29T10:00+08:00"),
    ("visit -2h", NOON, "2026-03-08T16:30+08:00"),
    ("event", NOON, "2026-03-09T02:30+08:00"),
    ("+2 workdays 10:00", NOON, "2026-03-10T10:00+08:00"),
    ("+90m", NOON, "2026-03-06T13:30+08:00"),
    ("-1d 20:00", NOON, "2026-03-05T20:00+08:00"),
    # missing or unreadable values
    ("birthday 09:00", NOON, None),
    ("nowhere 09:00", NOON, None),
    ("wrong 09:00", NOON, None),
    ("entry.at +birthday", NOON, None),
    ("entry.at +coupon.expires", NOON, None),
    # too far away, or too early
    ("entry.date +huge", NOON, FAR),
    ("entry.date -huge", NOON, EARLY),
    ("workday +huge", NOON, FAR),
    ("9999-12-31", NOON, FAR),
    ("9999-12-31 23:59", NOON, FAR),
    ("9999-12-31 +1d", NOON, FAR),
    ("9999-12-31 +1mo 09:00", NOON, FAR),
    ("9999-12-31 +2 workdays", NOON, FAR),
    ("0001-01-01 -1y", NOON, EARLY),
    ("forever", NOON, FAR),
    ("forever +3h", NOON, FAR),
    ("eternity 09:00", NOON, FAR),
    ("dawn 09:00", NOON, EARLY),
]


@pytest.mark.parametrize(("text", "base", "found"), ROWS)
def test_a_moment_is_the_instant_people_mean(text: str, base: str, found: str | None) -> None:
    assert resolve(text, base) == found


@pytest.mark.parametrize(
    ("zone", "text", "base", "found"),
    [
        (NEW_YORK, "02:30", "2026-03-08T00:00-05:00", "2026-03-08T03:30-04:00"),
        (NEW_YORK, "02:30", "2026-03-08T03:15-04:00", "2026-03-08T03:30-04:00"),
        (NEW_YORK, "02:30", "2026-03-08T03:31-04:00", "2026-03-09T02:30-04:00"),
        (NEW_YORK, "01:30", "2026-11-01T01:15-04:00", "2026-11-01T01:30-04:00"),
        (NEW_YORK, "01:30", "2026-11-01T01:15-05:00", "2026-11-02T01:30-05:00"),
        (NEW_YORK, "09:00", "2026-10-31T12:00-04:00", "2026-11-01T09:00-05:00"),
        (NEW_YORK, "tomorrow 02:30", "2026-03-07T23:59-05:00", "2026-03-08T03:30-04:00"),
        (NEW_YORK, "sunday 09:00", "2026-03-07T23:59-05:00", "2026-03-08T09:00-04:00"),
        (NEW_YORK, "entry.date 09:00", "2026-03-01T00:00-05:00", "2026-03-08T09:00-04:00"),
        (NEW_YORK, "entry.at", "2026-03-01T00:00-05:00", "2026-03-06T02:20-05:00"),
        (NEW_YORK, "entry.at 20:00", "2026-03-01T00:00-05:00", "2026-03-06T20:00-05:00"),
        (BERLIN, "02:30", "2026-03-29T00:00+01:00", "2026-03-29T03:30+02:00"),
        (BERLIN, "02:30", "2026-10-25T02:29+02:00", "2026-10-25T02:30+02:00"),
        (BERLIN, "02:30", "2026-10-25T02:29+01:00", "2026-10-26T02:30+01:00"),
        (BERLIN, "month_end 09:00", "2026-03-28T12:00+01:00", "2026-03-31T09:00+02:00"),
        (BERLIN, "2026-03-29 02:00", "2026-01-01T12:00+01:00", "2026-03-29T03:00+02:00"),
    ],
)
def test_moments_follow_clocks_that_change(zone: str, text: str, base: str, found: str) -> None:
    assert resolve(text, base, zone) == found


@given(
    st.sampled_from(
        [
            "09:30",
            "02:30",
            "monday 01:30",
            "workday 10:00",
            "month_end 23:59",
            "monday -1d 10:00",
            "month_end -3d 08:00",
        ]
    ),
    st.integers(at("2026-01-01T00:00+00:00"), at("2028-12-31T00:00+00:00")),
    st.sampled_from([NEW_YORK, BERLIN, SHANGHAI]),
)
def test_a_recurring_moment_is_never_past_and_comes_no_later_when_asked_earlier(
    text: str, base: int, zone: str
) -> None:
    moment = moments.parse(text)
    found = moments.resolve(moment, base, ZoneInfo(zone), {}, CALENDAR)
    assert found is not None
    assert found >= base
    assert moments.resolve(moment, found, ZoneInfo(zone), {}, CALENDAR) == found
    earlier = moments.resolve(moment, base - 3600, ZoneInfo(zone), {}, CALENDAR)
    assert earlier is not None
    assert earlier <= found


@pytest.mark.parametrize(
    ("text", "paths"),
    [
        ("09:30", ()),
        ("entry.date 09:00", ("entry.date",)),
        ("entry.at +entry.cycle_days -5d 10:00", ("entry.at", "entry.cycle_days")),
        ("monday +rest", ("rest",)),
        ("生日 09:00", ("生日",)),
    ],
)
def test_the_fields_a_moment_reads_are_known(text: str, paths: tuple[str, ...]) -> None:
    assert moments.parse(text).paths == paths


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "a moment is missing"),
        ("mondya 10:00", "did you mean monday"),
        ("Monday 10:00", "did you mean monday"),
        ("mon 10:00", "did you mean monday"),
        ("tomorow 10:00", "did you mean tomorrow"),
        ("workdays 10:00", "did you mean workday"),
        ("明天 10:00", "did you mean tomorrow"),
        ("周一 10:00", "did you mean monday"),
        ("星期天 10:00", "did you mean sunday"),
        ("月底", "did you mean month_end"),
        ("10:00 monday", "time of day stands last"),
        ("25:00", "not a time of day"),
        ("2026-02-30 10:00", "not a date"),
        ("11-10 20:00", "lacks the year"),
        ("entry.date-1d 10:00", "put a space before the shift: entry.date -1d"),
        ("3d 10:00", "lacks its sign"),
        ("entry.date 3d 10:00", "lacks its sign"),
        ("entry.date tomorrow 10:00", "only one anchor"),
        ("entry.date -3 10:00", "unit is missing"),
        ("entry.date -3days 10:00", "did you mean 3d"),
        ("entry.at -2h 10:00", "moves by hours and then sets the time"),
        ("entry..date 10:00", "no day, field or time"),
    ],
)
def test_a_wrong_moment_is_answered_with_what_to_write(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=re.escape(says)):
        moments.parse(text)


def test_words_of_the_language_are_known_so_that_no_field_bears_them() -> None:
    assert {"today", "tomorrow", "workday", "month_end", "monday"} <= set(moment_text.KEYWORDS)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("1d", "2026-03-07T12:00+08:00"),
        ("90m", "2026-03-06T13:30+08:00"),
        ("2 workdays", "2026-03-10T12:00+08:00"),
        ("3天", "2026-03-09T12:00+08:00"),
        ("today", "2026-03-07T00:00+08:00"),
        ("month_end", "2026-04-01T00:00+08:00"),
        ("friday", "2026-03-07T00:00+08:00"),
        ("coupon.expires", "2026-04-02T00:00+08:00"),
        ("2026-11-10", "2026-11-11T00:00+08:00"),
        ("2026-11-10 20:00", "2026-11-10T20:00+08:00"),
        ("21:00", "2026-03-06T21:00+08:00"),
        ("entry.date 18:00", "2026-03-08T18:00+08:00"),
        ("entry.at", "2026-03-06T15:20+08:00"),
        ("today 09:00", "2026-03-06T09:00+08:00"),
        ("+2d 18:00", "2026-03-08T18:00+08:00"),
        ("birthday", None),
        ("9999-12-31", FAR),
        ("9999-12-31 23:59", FAR),
        ("forever", FAR),
        ("forever +1d", FAR),
        ("dawn -1d", "1000-01-01T00:00+00:00"),
    ],
)
def test_a_limit_that_names_a_day_lasts_to_its_end(text: str, found: str | None) -> None:
    until = moments.resolve_limit(moments.limit(text), at(NOON), ZoneInfo(SHANGHAI), VALUES, CALENDAR)
    assert until == (None if found is None else at(found))


def test_today_ends_with_the_local_day_even_when_that_has_23_hours() -> None:
    until = moments.resolve_limit(
        moments.limit("today"), at("2026-03-08T00:30-05:00"), ZoneInfo(NEW_YORK), {}, CALENDAR
    )
    assert until == at("2026-03-09T00:00-04:00")


@pytest.mark.parametrize(
    ("text", "says"),
    [("-3d", "nothing it counts from"), ("+3d", "such as 3d"), ("0d", "no time at all"), ("3 days", "did you mean 3d")],
)
def test_a_wrong_limit_is_refused(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=re.escape(says)):
        moments.limit(text)


@pytest.mark.parametrize("text", ["1d", "100y", "3h", "90 workdays", "today", "month_end", "09:00", "workday +2d"])
def test_what_is_counted_from_a_moment_too_far_away_can_still_be_shown(text: str) -> None:
    for zone in (NEW_YORK, SHANGHAI):
        until = moments.resolve_limit(moments.limit(text), walltime.NEVER, ZoneInfo(zone), {}, CALENDAR)
        assert until == walltime.NEVER


def test_the_last_day_of_a_limit_is_what_a_coupon_shows() -> None:
    zone = ZoneInfo(SHANGHAI)
    assert moments.last_day(walltime.NEVER, zone) == date(9999, 12, 31)
    assert moments.last_day(at("2026-04-01T00:00+08:00"), zone) == date(2026, 3, 31)
    assert moments.last_day(at("2026-04-01T00:01+08:00"), zone) == date(2026, 4, 1)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("09:30", "下一个 09:30"),
        ("monday 10:00", "下一个周一 10:00"),
        ("workday 10:00", "下一个工作日 10:00"),
        ("tomorrow 10:00", "次日 10:00"),
        ("coupon.expires -3d 10:00", "coupon.expires 前 3 天 10:00"),
        ("entry.at +entry.cycle_days -5d", "entry.at 后 entry.cycle_days 天 前 5 天"),
        ("2026-11-10 20:00", "2026-11-10 20:00"),
        ("+2 workdays 10:00", "后 2 个工作日 10:00"),
    ],
)
def test_moments_are_said_in_chinese(text: str, said: str) -> None:
    assert moments.say(moments.parse(text)) == said


def test_limits_are_said_in_chinese_with_the_titles_of_fields() -> None:
    assert moments.say_limit(durations.parse("3d")) == "3 天内"
    assert moments.say_limit(moments.limit("today")) == "当天内"
    assert moments.say_limit(moments.limit("entry.date 18:00")) == "entry.date 18:00 前"
    assert moments.say(moments.parse("entry.date 18:00"), {"entry.date": "生日"}.__getitem__) == "生日 18:00"
