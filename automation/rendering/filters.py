"""The filters and tests a text may use: all of them, none of Jinja's own is added. Each bounds what it makes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

from jinja2 import Undefined, pass_eval_context
from jinja2.nodes import EvalContext
from markupsafe import Markup, escape

from automation.rendering import dates
from automation.rendering.faults import Fault, RenderFault, bad_value
from automation.rendering.sandbox import MAX_STRING, capped, missing, number, plain_text


def given(value: object) -> bool:
    """Whether there is anything to print: not missing, not null, not an empty text."""
    return not isinstance(value, Undefined) and value is not None and value != ""


def default(value: object, instead: object = "") -> object:
    """`instead` where the value is missing, null or empty: for a customer these mean the same."""
    kind = type(value)
    if kind is str and value:
        return value
    return value if given(value) else instead


def money(value: object, unit: str = "¥") -> str:
    """Fen to yuan: 29900 -> ¥299, 2990 -> ¥29.90; `money('元')` -> 299元, `money('')` -> 299."""
    fen = number(value)
    if isinstance(fen, float):
        if fen != int(fen):
            raise bad_value("money is whole fen")
        fen = int(fen)
    yuan, rest = divmod(abs(fen), 100)
    text = f"{'-' if fen < 0 else ''}{yuan}" + (f".{rest:02d}" if rest else "")
    return f"¥{text}" if unit == "¥" else capped(text + plain_text(unit))


def percent(value: object, digits: int = 0) -> str:
    """A share to percent: 0.85 -> 85%."""
    return f"{number(value) * 100:.{_digits(digits)}f}%"


def discount(value: object) -> str:
    """A share to the Chinese way of saying it: 0.85 -> 8.5折."""
    share = number(value)
    if not 0 < share < 1:
        raise bad_value("a discount lies between 0 and 1")
    return f"{share * 10:.1f}".removesuffix(".0") + "折"


def rounded(value: object, digits: int = 0) -> int | float:
    places = _digits(digits)
    return round(number(value), places) if places else round(number(value))


def whole(value: object, instead: object = 0) -> object:
    """A number, or a text of at most 18 digits, as a whole number; `instead` for anything else."""
    if isinstance(value, str):
        text = value.strip()
        return int(text) if len(text) <= 18 and text.lstrip("-").isdecimal() and text.count("-") <= 1 else instead
    if isinstance(value, Undefined) or value is None:
        return instead
    return int(number(value))


def mask_phone(value: object) -> str:
    """13800000001 -> 138****0001."""
    text = plain_text(value)
    return f"{text[:3]}****{text[-4:]}" if len(text) >= 7 else "****"


def mask_email(value: object) -> str:
    """somebody@example.com -> s***@example.com."""
    user, at, domain = plain_text(value).partition("@")
    return f"{user[:1]}***@{domain}" if at else "***"


@pass_eval_context
def join(context: EvalContext, value: object, between: str = "", key: str | None = None) -> str:
    """The items of a list as one text; `join('、', 'name')` takes the key `name` of each item."""
    if isinstance(value, Undefined):
        raise missing(value)
    if not isinstance(value, list | tuple):
        raise bad_value("join takes a list")
    picked = [_pick(item, key) for item in value]
    texts = [escape(item) if context.autoescape else plain_text(item) for item in picked]
    separator = escape(between) if context.autoescape else plain_text(between)
    if sum(map(len, texts)) + len(separator) * len(texts) > MAX_STRING:
        raise RenderFault(Fault.TOO_LONG, "join makes too long a text")
    return Markup(separator).join(texts) if context.autoescape else separator.join(texts)  # noqa: S704 - both escaped


def _pick(item: object, key: str | None) -> object:
    if key is not None:
        item = item.get(key) if isinstance(item, Mapping) else None
    if not isinstance(item, str | int | float) or isinstance(item, bool):
        raise bad_value("join takes texts and numbers")
    return item


@pass_eval_context
def concat(context: EvalContext, *parts: object) -> str:
    """What `~` does, bounded; `language` puts it there."""
    texts = [escape(plain_part(part)) if context.autoescape else plain_text(part) for part in parts]
    if sum(map(len, texts)) > MAX_STRING:
        raise RenderFault(Fault.TOO_LONG, "~ makes too long a text")
    return Markup("").join(texts) if context.autoescape else "".join(texts)


def plain_part(value: object) -> str:
    return value if isinstance(value, str) else plain_text(value)


def length(value: object) -> int:
    if isinstance(value, Undefined):
        raise missing(value)
    if not isinstance(value, str | list | tuple | dict):
        raise bad_value("length takes a text or a list")
    return len(value)


def truncate_cn(value: object, limit: int = 20, end: str = "…") -> str:
    """At most `limit` characters, `end` included."""
    text, most = plain_text(value), int(number(limit))
    return text if len(text) <= most else text[: max(most - len(end), 0)] + plain_text(end)


def first(value: object) -> object:
    return _end(value, 0)


def last(value: object) -> object:
    return _end(value, -1)


def _end(value: object, index: int) -> object:
    if isinstance(value, Undefined):
        raise missing(value)
    if not isinstance(value, str | list | tuple) or not value:
        raise RenderFault(Fault.MISSING_VALUE, "first and last take a list or text with something in it")
    return value[index]


def urlencode(value: object) -> str:
    return capped(quote(plain_text(value), safe=""))


def upper(value: object) -> str:
    return capped(plain_text(value).upper())


def lower(value: object) -> str:
    return capped(plain_text(value).lower())


def trim(value: object) -> str:
    return plain_text(value).strip()


def _digits(value: object) -> int:
    digits = int(number(value))
    if not 0 <= digits <= 6:
        raise bad_value("0 to 6 digits")
    return digits


def divisible(value: object, by: object) -> bool:
    return number(value) % number(by) == 0


FILTERS: Mapping[str, Callable[..., Any]] = {
    "date": dates.date,
    "default": default,
    "discount": discount,
    "first": first,
    "int": whole,
    "join": join,
    "last": last,
    "length": length,
    "lower": lower,
    "lunar": dates.lunar,
    "mask_email": mask_email,
    "mask_phone": mask_phone,
    "money": money,
    "percent": percent,
    "round": rounded,
    "time": dates.time,
    "trim": trim,
    "truncate_cn": truncate_cn,
    "upper": upper,
    "urlencode": urlencode,
    "weekday": dates.weekday,
}

TESTS: Mapping[str, Callable[..., bool]] = {
    "defined": given,
    "undefined": lambda value: not given(value),
    "none": lambda value: not given(value),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "string": lambda value: isinstance(value, str),
    "even": lambda value: divisible(value, 2),
    "odd": lambda value: not divisible(value, 2),
    "divisibleby": divisible,
}
