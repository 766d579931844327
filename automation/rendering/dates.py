"""Filters for days and moments. A moment (UTC seconds) is shown in the customer's zone; a day (YYYY-MM-DD) has none."""

from __future__ import annotations

import datetime as dt
import functools
import re
import zoneinfo

from jinja2 import Undefined, pass_context
from jinja2.runtime import Context

from automation.rendering.faults import bad_value
from automation.rendering.sandbox import missing

DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
CLOCK = re.compile(r"(\d{2}):(\d{2})(?::\d{2})?")
PLACES = re.compile(r"%(-?.|)", re.DOTALL)
MAX_PATTERN = 40
LATEST = 253_402_300_799  # the last second of the year 9999
WEEKDAYS = "一二三四五六日"


def _places(moment: dt.datetime) -> dict[str, str]:
    """The only placeholders: the C library's own strftime differs between systems and takes widths such as %99999d."""
    return {
        "Y": f"{moment.year:04d}",
        "m": f"{moment.month:02d}",
        "-m": str(moment.month),
        "d": f"{moment.day:02d}",
        "-d": str(moment.day),
        "H": f"{moment.hour:02d}",
        "-H": str(moment.hour),
        "M": f"{moment.minute:02d}",
        "%": "%",
    }


def shown(moment: dt.datetime, pattern: object) -> str:
    if not isinstance(pattern, str) or len(pattern) > MAX_PATTERN:
        raise bad_value(f"a date pattern is a text of at most {MAX_PATTERN} characters")
    values = _places(moment)
    if any(place not in values for place in PLACES.findall(pattern)):
        raise bad_value("a date pattern knows %Y %m %-m %d %-d %H %-H %M")
    return PLACES.sub(lambda found: values[found[1]], pattern)


@functools.lru_cache(maxsize=512)
def zone(name: str) -> dt.tzinfo:
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise bad_value("the time zone of this customer is unknown") from None


def moment_of(context: Context, value: object) -> dt.datetime:
    """UTC seconds in the zone of this rendering, or YYYY-MM-DD[ HH:MM] as it stands."""
    if isinstance(value, Undefined):
        raise missing(value)
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= LATEST:
        try:
            return dt.datetime.fromtimestamp(value, zone(context.parent["_zone"]))
        except (OverflowError, ValueError):
            raise bad_value("this moment lies beyond the calendar") from None
    if isinstance(value, str) and DAY.match(value):
        try:
            return dt.datetime.fromisoformat(value)
        except ValueError:
            pass
    raise bad_value("a day is YYYY-MM-DD, a moment is UTC seconds")


@pass_context
def date(context: Context, value: object, pattern: str = "%-m月%-d日") -> str:
    """3月8日, or by a pattern: `date('%Y年%-m月%-d日')`."""
    if pattern == "%-m月%-d日":
        moment = moment_of(context, value)
        return f"{moment.month}月{moment.day}日"
    return shown(moment_of(context, value), pattern)


@pass_context
def time(context: Context, value: object, pattern: str = "%H:%M") -> str:
    """20:00, of a moment or of HH:MM."""
    if isinstance(value, str) and (found := CLOCK.fullmatch(value)):
        hour, minute = int(found[1]), int(found[2])
        if hour > 23 or minute > 59:
            raise bad_value("a time of day is HH:MM")
        return shown(dt.datetime(2000, 1, 1, hour, minute), pattern)  # noqa: DTZ001 - a time of day has no zone
    return shown(moment_of(context, value), pattern)


@pass_context
def weekday(context: Context, value: object) -> str:
    """星期六."""
    return f"星期{WEEKDAYS[moment_of(context, value).weekday()]}"


@pass_context
def lunar(context: Context, value: object) -> str:
    """The day in the Chinese calendar, as the calendar given to the renderer says it."""
    return str(context.parent["_lunar"](moment_of(context, value).date()))
