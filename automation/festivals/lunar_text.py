"""Reading lunar dates as people write them in spreadsheets: `农历八月十五`, `闰四月初一`, `lunar 8-15`.

Apart from the calendar because it knows spelling only. A date that might as well be solar (`8-15`, `8月15日`) is
refused unless it says that it is lunar: guessing wrong would greet a customer on the wrong day.
"""

from __future__ import annotations

import re
import unicodedata
from typing import NamedTuple

from .lunar import DAYS, MONTHS, LunarDay, to_solar

_SAME = str.maketrans("農曆舊陰閏臘年○零", "农历旧阴闰腊年〇〇")
_DIGITS = {digit: number for number, digit in enumerate("〇一二三四五六七八九")}
_MONTHS = {name: number for number, name in enumerate(MONTHS, 1)} | {"一月": 1, "十一月": 11, "十二月": 12}
_DAYS = {name: number for number, name in enumerate(DAYS, 1)} | {"卅": 30, "廿": 20, "二〇": 20, "三〇": 30}
_DAYS |= {f"二十{digit}": 20 + number for digit, number in _DIGITS.items() if number}

_WORD = r"(?:农历|阴历|旧历|lunar)"
_MARK = re.compile(
    rf"(?:^|(?<=年)|(?<=年\s))(?:[(\[]{_WORD}[)\]]|{_WORD})[:\s]*|\s*(?:[(\[]{_WORD}[)\]]|{_WORD})$", re.I
)
_CHINESE = re.compile(
    r"^(?:(?P<year>\d{4}|[〇一二三四五六七八九]{4})年\s*)?(?P<leap>闰)?"
    r"(?P<month>正月|冬月|腊月|[一二三四五六七八九十]{1,2}月|\d{1,2}月)"
    r"(?P<day>[初一二三四五六七八九十廿卅〇]{1,3}|初?\d{1,2})(?P<suffix>[日号])?$"
)
_NUMERIC = re.compile(
    r"^(?:(?P<year>\d{4})\s*[-/.年]\s*)?(?P<leap>闰|leap\s*)?(?P<month>\d{1,2})\s*[-/.月]\s*(?P<day>\d{1,2})[日号]?$",
    re.IGNORECASE,
)
FORMS = "write 农历八月十五, 闰四月初一, 农历1990年八月十五 or lunar 8-15"


class Unread(ValueError):
    """The text is written as no lunar date is. `unclear`: it may as well be solar."""

    def __init__(self, text: str, unclear: bool = False) -> None:
        super().__init__(text)
        self.unclear = unclear


class LunarDate(NamedTuple):
    """A lunar date as somebody wrote it; `year` is None where only the day is known."""

    year: int | None
    month: int
    day: int
    leap: bool


def parse_lunar(text: str) -> LunarDate:
    """A lunar date from a text; ValueError in a plain sentence where there is none such, Unread where none is meant."""
    plain = unicodedata.normalize("NFKC", text).strip().translate(_SAME)
    body = _MARK.sub("", plain, count=1)
    says_lunar = body != plain
    if body == "除夕":
        return LunarDate(None, 12, 30, False)
    numeric = _NUMERIC.match(body)
    chinese = None if numeric else _CHINESE.match(body)
    if chinese and (says_lunar or _only_lunar(chinese)):
        return _checked(text, chinese, _month(chinese["month"]), _day(chinese["day"]))
    if numeric and (says_lunar or numeric["leap"]):
        return _checked(text, numeric, int(numeric["month"]), int(numeric["day"]))
    if chinese or numeric:
        raise Unread(
            f"'{text}' does not say whether it is lunar: put 农历 or lunar before it; a solar date is 2026-08-15", True
        )
    raise Unread(f"'{text}' is not a lunar date: {FORMS}")


def parse_month_day(text: str) -> tuple[int, int]:
    """`1-15` or `正月十五` where the place itself says that it is lunar: (month 1-12, day 1-30)."""
    try:
        found = parse_lunar(f"lunar {text}")
    except ValueError:
        raise ValueError(f"'{text}' is not a lunar month and day: write 8-15 or 八月十五") from None
    if found.year is not None or found.leap:
        raise ValueError(f"'{text}': write only month and day, such as 8-15; leap months are not kept as festivals")
    return found.month, found.day


def _only_lunar(chinese: re.Match[str]) -> bool:
    """No solar date is written like this."""
    if chinese["leap"] or chinese["month"] in ("正月", "冬月", "腊月") or chinese["day"][0] in "初廿卅":
        return True
    digits = chinese["month"][0].isdigit() or chinese["day"][0].isdigit()
    return not digits and not chinese["suffix"]


def _month(text: str) -> int | None:
    number = text.removesuffix("月")
    return int(number) if number.isdigit() else _MONTHS.get(text)


def _day(text: str) -> int | None:
    number = text.removeprefix("初")
    return int(number) if number.isdigit() and (number == text or int(number) <= 10) else _DAYS.get(text)


def _checked(text: str, match: re.Match[str], month: int | None, day: int | None) -> LunarDate:
    if month is None or day is None or not (1 <= month <= 12 and 1 <= day <= 30):
        raise ValueError(f"'{text}' is not a lunar date: months are 1 to 12, days 1 to 30")
    year = _year(match["year"]) if match["year"] else None
    leap = bool(match["leap"])
    if year is not None:
        to_solar(LunarDay(year, month, day, leap))
    return LunarDate(year, month, day, leap)


def _year(text: str) -> int:
    return int("".join(str(_DIGITS.get(character, character)) for character in text))
