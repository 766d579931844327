"""Reading days and times as offices write them: 2024-3-5, 2024年3月5日, 20240305, 3月8日, Excel's, 农历八月十五.

What could be read in two ways (05/03/2024, a year of two digits) is refused: a wrong guess greets somebody on the
wrong day.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from automation.festivals import keys, lunar, lunar_text, walltime

from .normalise import Unusable

FULL = re.compile(
    r"(\d{4})(?:-(\d{1,2})-(\d{1,2})|/(\d{1,2})/(\d{1,2})|\.(\d{1,2})\.(\d{1,2})|年(\d{1,2})月(\d{1,2})[日号]?|(\d\d)(\d\d))"
)
PARTIAL = re.compile(r"(?:--)?(\d{1,2})[-/.月](\d{1,2})[日号]?", re.ASCII)
CLOCK = re.compile(
    r"[ T]*(\d{1,2})(?:(?::(?=\d)|[时点])(?:(\d{1,2})(?:(?::(?=\d)|分)(?:(\d{1,2})秒?)?)?)?)?(?:\.\d{1,9})?"
    r"\s*(Z|[+-]\d\d:?\d\d)?$",
    re.ASCII,
)
COMPACT = re.compile(r"(\d{8})(\d\d)(\d\d)(\d\d)?", re.ASCII)
LUNAR = re.compile(r"[农农阴陰旧舊闰閏初廿卅正冬腊臘]|lunar|leap|[一二三四五六七八九十]+月|除夕", re.IGNORECASE)
SERIAL = re.compile(r"(\d{5})(\.\d+)?", re.ASCII)
EXCEL_EPOCH = date(1899, 12, 30)  # day numbers from 1 March 1900 on; Excel's 29 February 1900 never was
FIRST_SERIAL, LAST_SERIAL = 10_000, 80_000  # 1927 to 2119
EARLIEST, LATEST = -(10**10), 10**11  # UTC seconds, of 1653 and 5138: what lies beyond is a slip, and no clock holds it
TOO_FAR = "not a time: it lies too far away"
YEAR_DAYS = "write 2024-03-05, 2024年3月5日, 03-05, or 农历八月十五"
DAYS = "write 2024-03-05 or 2024年3月5日"
LUNAR_DAYS = "write 农历八月十五, 闰四月初一 or 农历1990年八月十五"
MOMENTS = "write 2024-03-05 12:30 or 2024年3月5日 12点30分"


class YearDay(NamedTuple):
    """A day of the year as person_date keeps it. `calendar`: 0 solar, 1 lunar. `year`: None where it is not known."""

    calendar: int
    month: int
    day: int
    leap: int
    year: int | None


@lru_cache(maxsize=65536)
def year_day(text: str) -> YearDay:
    """A birthday or anniversary; Unusable with the forms that are understood."""
    plain = _plain(text)
    if LUNAR.search(plain):
        return _lunar(plain)
    found = PARTIAL.fullmatch(plain)
    if found:
        month, day = int(found[1]), int(found[2])
        _date(2000, month, day)
        return YearDay(keys.SOLAR, month, day, 0, None)
    whole, rest = _day(plain, YEAR_DAYS)
    if rest and not CLOCK.fullmatch(rest):
        raise Unusable(f"not a date: {YEAR_DAYS}")
    return YearDay(keys.SOLAR, whole.month, whole.day, 0, whole.year)


def birthday(text: str, today: date) -> YearDay:
    """The same; Unusable where it is a day after `today`."""
    found = year_day(text)
    if found.year is not None and found.year >= today.year - 1 and _solar(found) > today:
        raise Unusable("a birthday that lies in the future")
    return found


def day(text: str) -> str:
    """A whole date as YYYY-MM-DD."""
    whole, rest = _day(_plain(text), DAYS)
    if rest and not CLOCK.fullmatch(rest):
        raise Unusable(f"not a date: {DAYS}")
    return whole.isoformat()


def moment(text: str, zone: ZoneInfo) -> int:
    """UTC seconds. Without a zone of its own the text means `zone`; a date alone means its first moment."""
    try:
        return possible(_moment(_plain(text), zone))
    except OverflowError:
        raise Unusable(TOO_FAR) from None


def planned(text: str, zone: ZoneInfo) -> int:
    """The same for something yet to be done: a date alone is refused, as nobody means midnight by it."""
    at, plain = moment(text, zone), _plain(text)
    serial = SERIAL.fullmatch(plain)
    if FULL.fullmatch(plain) or (serial and not serial[2]):
        raise Unusable("the time of day is missing: write 2024-03-05 12:30")
    return at


def possible(at: int) -> int:
    """The same UTC seconds; Unusable where nobody can mean them."""
    if not EARLIEST <= at <= LATEST:
        raise Unusable(TOO_FAR)
    return at


def _moment(plain: str, zone: ZoneInfo) -> int:
    if plain.isascii() and plain.isdigit() and len(plain) in (10, 13):
        return int(plain[:10])
    compact = COMPACT.fullmatch(plain)
    if compact:
        plain = f"{compact[1]} {compact[2]}:{compact[3]}:{compact[4] or '00'}"
    serial = SERIAL.fullmatch(plain)
    if serial and serial[2]:
        return _serial_moment(_day(serial[1], MOMENTS)[0], float(serial[2]), zone)
    whole, rest = _day(plain, MOMENTS)
    if not rest:
        return walltime.midnight(whole, zone)
    clock = CLOCK.fullmatch(rest)
    if not clock:
        raise Unusable(f"not a time: {MOMENTS}")
    return _at(whole, clock, zone)


def _at(whole: date, clock: re.Match[str], zone: ZoneInfo) -> int:
    try:
        time_of_day = time(int(clock[1]), int(clock[2] or 0), int(clock[3] or 0))
    except ValueError:
        raise Unusable("not a time of day") from None
    offset = clock[4]
    if not offset:
        return walltime.instant(whole, time_of_day, zone)
    away = timedelta()
    if offset != "Z":
        minutes = int(offset[1:3]) * 60 + int(offset[-2:])
        away = timedelta(minutes=-minutes if offset[0] == "-" else minutes)
    return int((datetime.combine(whole, time_of_day, UTC) - away).timestamp())


def _serial_moment(whole: date, fraction: float, zone: ZoneInfo) -> int:
    wall = datetime.combine(whole, time(), zone) + timedelta(
        seconds=round(fraction * 86400)
    )  # by the clock on the wall
    return int(wall.timestamp())


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", text).strip() if not text.isascii() else text.strip()


@lru_cache(maxsize=65536)
def _day(plain: str, forms: str) -> tuple[date, str]:
    """The date a text begins with, and what follows it. `forms`: what a refusal tells to write."""
    serial = SERIAL.fullmatch(plain)
    if serial:
        number = int(serial[1])
        if not FIRST_SERIAL <= number <= LAST_SERIAL:
            raise Unusable(f"not a date: {forms}")
        return EXCEL_EPOCH + timedelta(days=number), ""
    found = FULL.match(plain)
    if not found:
        raise Unusable(f"not a date: {forms}")
    year, month, number = (int(part) for part in found.groups() if part is not None)
    return _date(year, month, number), plain[found.end() :].strip()


def _date(year: int, month: int, number: int) -> date:
    try:
        return date(year, month, number)
    except ValueError:
        raise Unusable("a date that does not exist") from None


def _solar(day: YearDay) -> date:
    year, month, number = day.year or 0, day.month, day.day
    if day.calendar == keys.SOLAR:
        return date(year, month, number)
    return lunar.to_solar(lunar.LunarDay(year, month, number, bool(day.leap)))


def _lunar(plain: str) -> YearDay:
    try:
        found = lunar_text.parse_lunar(plain)
    except lunar_text.Unread as error:
        reason = "lunar or solar, it does not say which" if error.unclear else "not a lunar date"
        raise Unusable(f"{reason}: {LUNAR_DAYS}") from None
    except ValueError:
        raise Unusable("a lunar date that does not exist") from None
    return YearDay(keys.LUNAR, found.month, found.day, int(found.leap), found.year)
