"""What a field of an approved WeChat template takes, by the prefix of its name: `thing1`, `time3`, `amount2`.

One field that does not fit has the whole message refused (47003). Where a shorter text says the same it is cut;
a number, date or code is never cut. Source: "订阅消息参数值内容限制说明" of the platform's pages on subscriptions; the
template messages of service accounts take the same kinds.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from automation.kernel import document
from automation.rendering.faults import Fault, RenderFault, bad_value

_HAN: Final = "\u3007\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U0003ffff"
_ANY_HAN: Final = re.compile(f"[{_HAN}]")
_CLOCK: Final = r"(?:[01]?\d|2[0-4]):[0-5]\d(?::[0-5]\d)?"
_DAY: Final = (
    r"(?:\d{4}年\d{1,2}月(?:\d{1,2}日)?|\d{1,2}月\d{1,2}日|\d{4}[-/.]\d{1,2}(?:[-/.]\d{1,2})?|\d{1,2}[-/.]\d{1,2})"
)
_MOMENT: Final = rf"(?:{_DAY}(?: ?{_CLOCK})?|{_CLOCK})"
_TIME: Final = re.compile(rf"{_MOMENT}(?: ?~ ?{_MOMENT})?")
_DATE: Final = re.compile(rf"{_DAY}(?: ?{_CLOCK})?(?: ?~ ?{_MOMENT})?")
_NAME: Final = re.compile(r"(.+?)(\d{0,2})")
_THING, _PERSON, _PERSON_HAN = 20, 20, 10  # characters
SEPARATE: Final = re.compile(r"\s+")


def kind_of(name: str) -> str | None:
    """The kind of a field by its name, None for a name no template has."""
    found = _NAME.fullmatch(name)
    return found[1] if found and found[1] in KINDS else None


def did_you_mean(name: str) -> str:
    """A hint for a name no template has: the nearest kind, with the number that was written."""
    kind = name.rstrip("0123456789")
    close = document.nearest(kind, KINDS)
    return f"did you mean {close}{name[len(kind) :]}?" if close else f"known: {' '.join(sorted(KINDS))}"


def fitted(name: str, value: str) -> str:
    """The value as the field takes it, on one line. Raises RenderFault where it does not fit and is better not cut."""
    kind = kind_of(name)
    text = SEPARATE.sub(" ", value).strip()
    if not text:
        raise RenderFault(Fault.MISSING_VALUE, f"{name} is empty, which WeChat refuses; write | default('…')")
    return KINDS[kind](name, text) if kind else text


def most(name: str, text: str) -> int | None:
    """How many characters of such a text the field shows, where it cuts what is longer."""
    kind = kind_of(name)
    if kind == "name":
        return _PERSON_HAN if _ANY_HAN.search(text) else _PERSON
    return _THING if kind == "thing" else None


def _thing(_name: str, text: str) -> str:
    return text if len(text) <= _THING else text[: _THING - 1] + "…"


def _whole(pattern: str, said: str) -> Callable[[str, str], str]:
    known = re.compile(pattern)

    def fit(name: str, text: str) -> str:
        if not known.fullmatch(text):
            raise bad_value(f"{name} takes {said}")
        return text

    return fit


def _moment(known: re.Pattern[str], said: str) -> Callable[[str, str], str]:
    return _whole(known.pattern, said)


def _person(_name: str, text: str) -> str:
    return text[:_PERSON_HAN] if _ANY_HAN.search(text) else text[:_PERSON]


KINDS: Final[Mapping[str, Callable[[str, str], str]]] = MappingProxyType(
    {
        "thing": _thing,
        "name": _person,
        "number": _whole(r"-?(?=(?:\.?[0-9]){1,32}$)[0-9]+(?:\.[0-9]+)?", "a number of at most 32 digits"),
        "letter": _whole(r"[A-Za-z]{1,32}", "at most 32 letters a to z"),
        "symbol": _whole(r"[^\w\s]{1,5}", "at most 5 signs"),
        "character_string": _whole(r"[!-~ ]{1,32}", "at most 32 digits, letters and signs, no Chinese"),
        "time": _moment(_TIME, "a time such as 15:01 or 2026年10月1日 15:01"),
        "date": _moment(_DATE, "a date such as 2026年10月1日"),
        "amount": _whole(r"[^\w\s]?[0-9]{1,10}(?:\.[0-9]{1,2})?元?", "one sign of a currency and at most 10 digits"),
        "phone_number": _whole(r"[0-9+\-() ]{1,17}", "at most 17 digits and signs"),
        "car_number": _whole(rf"[{_HAN}A-Za-z0-9]{{1,8}}", "at most 8 letters and digits"),
        "phrase": _whole(f"[{_HAN}]{{1,5}}", "at most 5 Chinese characters"),
        "const": lambda _name, text: text,  # one of the words listed in the template, which only the platform knows
        "enum": lambda _name, text: text,
    }
)
