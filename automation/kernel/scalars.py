"""What an unquoted word of YAML means: YAML 1.2's core words without their traps.

Apart from true, false, null and plain decimal numbers everything is a text: 22:30, 2026-06-18, yes, 007, 1e3, 1.10,
0x1F. A number that would not be written back the same way stays a text, so that order numbers and versions survive.
"""

from __future__ import annotations

import re
from typing import Final

WORDS: Final[dict[str, bool | None]] = {
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
    "null": None, "Null": None, "NULL": None, "~": None,
}  # fmt: skip
INTEGER = re.compile(r"-?(?:0|[1-9]\d{0,17})")  # at most 18 digits: fits 64 bits in every store
DECIMAL = re.compile(r"-?(?:0|[1-9]\d{0,14})\.\d{1,15}")


def value(word: str) -> str | int | float | bool | None:
    """The value of an unquoted word."""
    if word in WORDS:
        return WORDS[word]
    if not word.isascii():
        return word
    if INTEGER.fullmatch(word) and word != "-0":
        return int(word)
    if DECIMAL.fullmatch(word) and repr(float(word)) == word:
        return float(word)
    return word
