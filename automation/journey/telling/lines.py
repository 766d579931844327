"""A line of what is told, how deep it stands, and the spaces between Chinese and figures in it."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Final

_QUOTED: Final = re.compile(r"(「[^」]*」)")
_HAN: Final = r"[\u4e00-\u9fff]"
_MEET: Final = re.compile(rf"({_HAN}) *(?=[A-Za-z0-9])|([A-Za-z0-9%]) *(?={_HAN})")


@dataclass(frozen=True, slots=True)
class Line:
    """`level`: 0 for the head of a part, one more for what belongs to the line above."""

    level: int
    text: str


def deeper(told: list[Line]) -> list[Line]:
    """The same lines below another."""
    return [replace(line, level=line.level + 1) for line in told]


def spaced(text: str) -> str:
    """One space where Chinese and figures or Latin letters meet; what is quoted stays as it was written."""
    parts = _QUOTED.split(text)
    return "".join(part if number % 2 else _MEET.sub(r"\1\2 ", part) for number, part in enumerate(parts))
