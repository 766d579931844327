"""Reading the text of a moment: words to anchor, shifts and time, and a plain sentence for every slip.

Apart from `moment_tree` because spelling changes more often than meaning.
"""

from __future__ import annotations

import re
import unicodedata
from difflib import get_close_matches

from . import durations, walltime
from .moment_tree import Anchor, AnchorKind, Moment, Shift
from .schedules import WEEKDAYS

_PATH = re.compile(r"^[^\W\d]\w*(?:\.[^\W\d]\w*)*$")
_TIME = re.compile(r"^\d{1,2}:\d{2}$")
_DATE = re.compile(r"^\d{4}-\d{1,2}-\d{1,2}$")
_SIGN_APART = re.compile(r"(^|\s)([+-])\s+(?=\S)")
_WORKDAYS_APART = re.compile(r"([+-]\d+)\s+(workdays?|个?工作日)(?=\s|$)")
KEYWORDS = ("today", "tomorrow", "workday", "month_end", *WEEKDAYS)
"""The bare words that are days: no field may bear such a name."""
_SHORT = {day[:3]: day for day in WEEKDAYS} | {"weekday": "workday", "eom": "month_end"}
_SHORT |= {
    "今天": "today",
    "当天": "today",
    "明天": "tomorrow",
    "次日": "tomorrow",
    "工作日": "workday",
    "月底": "month_end",
}
_SHORT |= {
    f"{week}{digit}": day
    for week in ("周", "星期", "礼拜")
    for digit, day in (*zip("一二三四五六日", WEEKDAYS, strict=True), ("天", "sunday"))
}
_FORMS = "write [ANCHOR] [+3d or -3d] [TIME], such as 09:30, monday 10:00, entry.date -1d 19:30, 2026-11-10 20:00"


def parse(text: str) -> Moment:
    """A moment; ValueError with a plain sentence, naming the nearest known word where one is near."""
    plain = unicodedata.normalize("NFKC", text).strip().replace("−", "-")
    plain = _SIGN_APART.sub(r"\1\2", plain)
    words = _WORKDAYS_APART.sub(r"\1\2", plain).split()
    if not words:
        raise ValueError(f"a moment is missing: {_FORMS}")
    clock = walltime.parse_clock(words.pop()) if _TIME.match(words[-1]) else None
    anchor = _anchor(words.pop(0), text) if words and words[0][0] not in "+-" else Anchor(AnchorKind.NOW)
    moment = Moment(anchor, tuple(_shift(word, text) for word in words), clock)
    if clock and any(shift.duration and shift.duration.exact for shift in moment.shifts):
        raise ValueError(f"'{text}' moves by hours and then sets the time of day: keep one of them")
    return moment


def _anchor(word: str, text: str) -> Anchor:
    if word in WEEKDAYS:
        return Anchor(AnchorKind.WEEKDAY, weekday=WEEKDAYS.index(word))
    if word in KEYWORDS:
        return Anchor(AnchorKind(word))
    if _DATE.match(word):
        return Anchor(AnchorKind.DATE, day=walltime.parse_day(word))
    if _TIME.match(word):
        raise ValueError(f"'{text}': the time of day stands last, such as monday 10:00")
    if _PATH.match(word):
        _refuse_near_keyword(word, text)
        return Anchor(AnchorKind.PATH, path=word)
    raise ValueError(f"'{text}': {_anchor_hint(word)}")


def _refuse_near_keyword(word: str, text: str) -> None:
    lower = word.lower()
    close = [_SHORT[lower]] if lower in _SHORT else get_close_matches(lower, KEYWORDS, n=1, cutoff=0.8)
    if close and "." not in word:
        raise ValueError(f"'{text}': '{word}' is no known day: did you mean {close[0]}?")


def _anchor_hint(word: str) -> str:
    split = re.match(r"^([^\W\d][\w.]*)([+-].+)$", word)
    if split:
        return f"put a space before the shift: {split[1]} {split[2]}"
    if re.match(r"^\d{1,2}-\d{1,2}$", word):
        return f"'{word}' lacks the year: write 2026-{word}, or a field such as entry.date"
    if re.match(r"^\d+\D+$", word):
        return f"'{word}' lacks its sign: +{word} is after, -{word} before"
    return f"'{word}' is no day, field or time: {_FORMS}"


def _shift(word: str, text: str) -> Shift:
    sign, rest = word[0], word[1:]
    if sign not in "+-":
        hint = (
            "only one anchor, and the time of day last"
            if _PATH.match(word) or _TIME.match(word)
            else _anchor_hint(word)
        )
        raise ValueError(f"'{text}': '{word}' does not fit there: {hint}")
    if _PATH.match(rest):
        return Shift(path=rest, sign=1 if sign == "+" else -1)
    try:
        return Shift(duration=durations.parse(word))
    except ValueError as mistake:
        raise ValueError(f"'{text}': {mistake}") from None
