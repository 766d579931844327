"""Fields of a template compiled and run: those of one file are one program, and a failure names its file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Any, TypeAlias

from automation.rendering import language
from automation.rendering.faults import Fault, RenderFault
from automation.rendering.fields import Field
from automation.rendering.language import Parsed
from automation.rendering.program import Broken, Program
from automation.rendering.texts import Template

Run: TypeAlias = Callable[[dict[str, Any]], list[str]]
MAX_TEXT = 64 * 1024
MAX_MAIL = 1024 * 1024


def program(template: Template, fields: Sequence[Parsed], *, html: bool = False, cap: int = MAX_TEXT) -> Program:
    return Program(template.digest[:12], fields, html=html, max_chars=cap)


def runner(template: Template, fields: Sequence[Field], cap: int = MAX_TEXT) -> Run:
    """One text a field of plain text, in their order. Raises Broken."""
    groups = [(path, list(members)) for path, members in groupby(fields, key=lambda field: field.path)]
    programs = [
        (path, program(template, [language.parse(field) for field in members], cap=cap)) for path, members in groups
    ]
    if not programs:
        return lambda values: []
    if len(programs) == 1:
        path, only = programs[0]
        return lambda values: at(path, only, values)
    return lambda values: [text for path, one in programs for text in at(path, one, values)]


def at(path: str, one: Program, values: dict[str, Any]) -> list[str]:
    try:
        return one.run(values)
    except Broken as broken:
        broken.path = path
        raise


def one_line(text: str) -> str:
    """Line ends are refused by SMS and template parameters and would forge headers in a subject."""
    return " ".join(text.split()) if not text.isprintable() else text.strip()


def too_long(what: str, most: int, unit: str) -> RenderFault:
    return RenderFault(Fault.TOO_LONG, f"{what} is longer than {most} {unit}")


def empty(what: str) -> RenderFault:
    return RenderFault(Fault.MISSING_VALUE, f"{what} is empty")
