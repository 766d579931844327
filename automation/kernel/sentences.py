"""Turns what the validator says about one value into a sentence for the person who wrote it: code, message, hint.

Apart from shapes.py because it is only words. No word of the validator's own and no class name reaches people.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from automation.kernel.document import nearest

Sentence = tuple[str, str, str]

TEXT: Final = frozenset({"string_type", "string_sub_type", "string_unicode", "path_type", "url_type"})
NUMBER: Final = frozenset(
    {"int_type", "int_parsing", "int_from_float", "float_type", "float_parsing", "int_parsing_size", "finite_number"}
)
LIST: Final = frozenset({"list_type", "tuple_type", "set_type", "frozen_set_type", "iterable_type"})
MAPPING: Final = frozenset({"dict_type", "model_type", "model_attributes_type", "mapping_type", "dataclass_type"})
BOOL: Final = frozenset({"bool_type", "bool_parsing"})
KINDS: Final[tuple[tuple[frozenset[str], str, str], ...]] = (
    (TEXT, "S014", "a text"),
    (NUMBER, "S013", "a number"),
    (LIST, "S011", "a list"),
    (MAPPING, "S012", "'key: value' pairs"),
    (BOOL, "S015", "true or false"),
    (frozenset({"none_required"}), "S016", "nothing"),
)
LIMITS: Final = {
    "greater_than": ("gt", "more than"),
    "greater_than_equal": ("ge", "at least"),
    "less_than": ("lt", "less than"),
    "less_than_equal": ("le", "at most"),
}
LENGTHS: Final = {
    "too_short": ("min_length", "at least", "items"),
    "too_long": ("max_length", "at most", "items"),
    "string_too_short": ("min_length", "at least", "characters"),
    "string_too_long": ("max_length", "at most", "characters"),
}


def kind_due(kind: str) -> str | None:
    """What is due where an error of this type is about the kind of value, else None."""
    return next((words for types, _, words in KINDS if kind in types), None)


def described(value: Any) -> str:
    """What a value is, in words."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, int | float):
        return "a number"
    if isinstance(value, str):
        return "a text"
    return "a list" if isinstance(value, list | tuple) else "'key: value' pairs"


def wrong_kind(value: Any, due: str, code: str = "S016") -> Sentence:
    """Another kind of value is due."""
    if isinstance(value, list) and "a list" not in due:
        return "S010", f"one value is due here ({due}), not a list", "remove the brackets or the dashes"
    message = f"{due} is due here, not {described(value)}".replace("pairs is", "pairs are")
    hint = ""
    if due == "a list" and isinstance(value, str | int | float):
        hint = "write it in brackets: [a, b]"
    elif due == "a text" and isinstance(value, int | float):
        written = str(value).lower() if isinstance(value, bool) else value
        hint = f'write it in quotation marks: "{written}"'
    elif due == "a number" and isinstance(value, str):
        hint = "write plain digits, such as 50 or 1.5: no quotation marks, leading zeros, units or e"
    elif due == "true or false" and isinstance(value, str):
        hint = "write true or false; yes, no, on and off are texts"
    return code, message, hint


def unknown_key(word: str, known: Iterable[str]) -> Sentence:
    """A key that nothing knows here."""
    names = sorted(known)
    close = nearest(word, names)
    if close:
        return "S001", f"unknown key '{word}'", f"did you mean '{close}'?"
    return "S001", f"unknown key '{word}'", f"other keys known here: {some(names)}" if names else ""


def not_a_choice(value: Any, choices: list[str]) -> Sentence:
    """A word that is not one of the possible ones."""
    if not isinstance(value, str | int | float):
        return wrong_kind(value, f"one of {some(choices)}")
    close = nearest(str(value), choices)
    hint = f"did you mean '{close}'?" if close else f"possible: {some(choices)}"
    return "S017", f"'{str(value)[:40]}' is not possible here", hint


def sentence(error: Mapping[str, Any]) -> Sentence:
    """Code, message and hint for one error of the validator (unknown and missing keys are said by the caller)."""
    kind, value, context = error["type"], error["input"], error.get("ctx", {})
    if "sentence" in context:
        code, message, hint = context["sentence"]
        return str(code), str(message), str(hint)
    for types, code, words in KINDS:
        if kind in types:
            return wrong_kind(value, words, code)
    if kind in ("literal_error", "enum"):
        return not_a_choice(value, quoted(str(context.get("expected", ""))))
    if kind in LIMITS:
        name, words = LIMITS[kind]
        return "S018", f"{words} {context.get(name)} is due here", ""
    if kind in LENGTHS:
        name, words, unit = LENGTHS[kind]
        count = context.get(name)
        return "S018", f"{words} {count} {unit if count != 1 else unit[:-1]} are due here", ""
    if kind in ("value_error", "assertion_error"):
        return "S020", str(context.get("error", "this value is refused")), ""
    if kind == "union_tag_invalid":
        return not_a_choice(context.get("tag"), quoted(str(context.get("expected_tags", ""))))
    if kind == "string_pattern_mismatch":
        return "S019", "this text does not have the form that is due here", form(str(context.get("pattern", "")))
    return "S019", "this value does not fit here", ""


def form(pattern: str) -> str:
    """What a pattern asks for: in words where it is one set of characters, else the pattern."""
    plain = re.fullmatch(r"\^\[([^\]^]+)\]\{(\d+),(\d+)\}\$", pattern)
    if plain is None:
        return f"its form, as a regular expression: {pattern}"
    return f"{plain[2]} to {plain[3]} characters of {' '.join(re.findall(r'.-.|.', plain[1]))}"


def quoted(words: str) -> list[str]:
    """The words that stand in single quotation marks."""
    return re.findall(r"'([^']*)'", words)


def some(names: list[str]) -> str:
    """The first dozen of the names, in a row."""
    return ", ".join(names[:12]) + (", ..." if len(names) > 12 else "")
