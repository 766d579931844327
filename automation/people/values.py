"""Values as they arrive (JSON of an event, text of a table, an argument) become values as they are stored.

Money becomes whole fen, times UTC seconds, dates YYYY-MM-DD. A refusal never repeats the value.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any, TypeAlias
from zoneinfo import ZoneInfo

from automation.conditions.tree import FieldType
from automation.journey.catalog import Field, Property
from automation.kernel.document import nearest

from . import dates
from .normalise import Unusable

Stored: TypeAlias = Any  # what json.dumps takes
MAX_TEXT = 2000
MAX_ITEMS = 1000
MOST_NAMED = 20  # known words that an error names
MOST_DIGITS = 18  # of a number, before its point
CONTROL = re.compile(r"[\x00-\x1f\x7f\u2028\u2029]+")
WHOLE_FEN = "whole fen are due, such as 29900 for 299 yuan"
MONEY_SIGNS = str.maketrans("", "", "¥￥,， 元圆")
TRUE = frozenset(("true", "1", "1.0", "yes", "y", "t", "是", "有", "真", "同意", "已同意", "已授权", "√", "✓", "on"))
FALSE = frozenset(
    ("false", "0", "0.0", "no", "n", "f", "否", "无", "没有", "假", "不同意", "拒绝", "未授权", "×", "✗", "off")
)


def stored(known: Field | Property, raw: Any, zone: ZoneInfo) -> Stored:
    """`raw` as the catalog's type says it is stored; Unusable with the reason. Never None: leave empty values out."""
    kind = known.kind
    if kind is FieldType.TEXT:
        return text(raw)
    if kind is FieldType.CHOICE:
        return choice(known, raw)
    if kind is FieldType.MONEY:
        return money(raw, getattr(known, "unit", None))
    if kind is FieldType.TIME:
        return moment(raw, zone)
    if kind is FieldType.LIST:
        return items(raw, getattr(known, "of", None), zone)
    return _SIMPLE[kind](raw)


def text(raw: Any) -> str:
    """One line: control characters and line breaks become one space."""
    if type(raw) is str and len(raw) <= MAX_TEXT and raw.isprintable():
        return raw.strip()
    if isinstance(raw, bool) or not isinstance(raw, str | int | float):
        raise Unusable("a text is due")
    plain = raw if isinstance(raw, str) else repr(raw)
    if not plain.isprintable():
        plain = CONTROL.sub(" ", plain)
    plain = plain.strip()
    if len(plain) > MAX_TEXT:
        raise Unusable(f"a text of at most {MAX_TEXT} characters is due")
    return plain


def number(raw: Any) -> int | float:
    if type(raw) is int and abs(raw) < 10**MOST_DIGITS:  # most numbers of events; bool is another type
        return raw
    found = _decimal(raw, "a number is due")
    return int(found) if found == found.to_integral_value() else float(found)


def money(raw: Any, unit: str | None) -> int:
    """Fen. `unit` says how it arrives: yuan unless it is "fen"."""
    if type(raw) is int and abs(raw) <= 10**13:
        return raw if unit == "fen" else raw * 100
    if isinstance(raw, str):
        raw = unicodedata.normalize("NFKC", raw).translate(MONEY_SIGNS)
        if unit == "fen" and "." in raw:  # 299.00 was meant as yuan
            raise Unusable(f"{WHOLE_FEN}, without a point")
    found = _decimal(raw, WHOLE_FEN if unit == "fen" else "an amount of money is due, such as 299.00")
    fen = found if unit == "fen" else found * 100
    if fen != fen.to_integral_value() or abs(fen) > 10**15:
        raise Unusable("an amount of money has at most two decimals" if unit != "fen" else WHOLE_FEN)
    return int(fen)


def yes(raw: Any) -> bool:
    if isinstance(raw, bool):
        return raw
    word = unicodedata.normalize("NFKC", str(raw)).strip().lower()
    if word in TRUE:
        return True
    if word in FALSE:
        return False
    raise Unusable("yes or no is due: 是 or 否")


def choice(known: Field | Property, raw: Any) -> str:
    plain = text(raw)
    allowed = known.choices or known.order
    if allowed and plain not in allowed:
        raise Unusable(f"one of these is due: {', '.join(allowed)}")
    return plain


def moment(raw: Any, zone: ZoneInfo) -> int:
    if isinstance(raw, int) and not isinstance(raw, bool):
        return dates.possible(raw)
    return dates.moment(text(raw), zone)


def day(raw: Any) -> str:
    return raw.isoformat()[:10] if isinstance(raw, date) else dates.day(text(raw))


def items(raw: Any, of: Mapping[str, Property] | None, zone: ZoneInfo) -> list[Stored]:
    if not isinstance(raw, list | tuple):
        raise Unusable("a list is due")
    if len(raw) > MAX_ITEMS:
        raise Unusable(f"a list of at most {MAX_ITEMS} items is due")
    return [members(of, item, zone) if of else scalar(item) for item in raw]


def scalar(raw: Any) -> Stored:
    if raw is None or isinstance(raw, bool | int | float):
        return raw
    return text(raw)


def members(known: Mapping[str, Property], raw: Any, zone: ZoneInfo) -> dict[str, Stored]:
    """A mapping of properties; what is empty is left out. Unusable names the property."""
    if not isinstance(raw, Mapping):
        raise Unusable("name: value pairs are due")
    found = {}
    for name, value in raw.items():
        if name not in known:
            raise Unusable(f"{str(name)[:40]!r} is not in the catalog ({meant(str(name), known)})")
        if value is None or value == "":
            continue
        try:
            kept = stored(known[name], value, zone)
        except Unusable as error:
            raise Unusable(f"{name}: {error}") from None
        if kept != "":  # of spaces and control characters nothing is left
            found[name] = kept
    return found


def meant(word: str, known: Iterable[str]) -> str:
    """What whoever wrote a word nobody knows may do: the nearest known one, or else those there are."""
    words = list(known)
    near = nearest(word, words)
    if near is not None:
        return f"did you mean {near}?"
    if not words:
        return "it has none"
    return f"there are {', '.join(words[:MOST_NAMED])}" + (" and others" if len(words) > MOST_NAMED else "")


def _decimal(raw: Any, due: str) -> Decimal:
    if isinstance(raw, bool) or not isinstance(raw, str | int | float | Decimal):
        raise Unusable(due)
    try:
        found = Decimal(unicodedata.normalize("NFKC", str(raw)).replace(",", "").strip())
    except InvalidOperation:
        raise Unusable(due) from None
    if not found.is_finite() or found.adjusted() >= MOST_DIGITS:
        raise Unusable(due)
    return found


_SIMPLE = {FieldType.NUMBER: number, FieldType.BOOL: yes, FieldType.DATE: day}
