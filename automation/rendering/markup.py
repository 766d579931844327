"""What the HTML of a mail may not hold: checks on the template as it was written, with positions.

Apart from `language` because these are rules of mail programs and of inlining, not of Jinja.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from automation.kernel import errors
from automation.rendering import inlining
from automation.rendering.fields import Field

RULES: tuple[tuple[re.Pattern[str], str, str, str], ...] = (
    (
        re.compile(r"<(script|iframe|object|embed|form|base|link)\b", re.IGNORECASE),
        "T052",
        "mail programs drop {0} and spam filters mark it",
        "take it out; styles stand in <style>",
    ),
    (re.compile(r"<[^<>]*\s(on[a-z]+)\s*=", re.IGNORECASE), "T052", "{0} would run code", "take it out"),
    (re.compile(r"(javascript|vbscript|data):(?=[^\s])[^;\s]*\(", re.IGNORECASE), "T052", "{0}: would run code", ""),
    (
        re.compile(r"[\w-]+\s*=\s*(\{\{)"),
        "T050",
        "an attribute with a value in it needs quotation marks",
        'write ="{{ … }}"',
    ),
    (
        re.compile(r"\b(?:href|src|action)\s*=\s*[\"']?\s*(\{\{-?(?!-?\s*links\.))"),
        "T022",
        "a link made of a value may lead anywhere",
        "declare it under links: in text.yaml and write {{ links.NAME }}",
    ),
    (
        re.compile(r"\b(?:class|id|style)\s*=\s*(?:\"[^\"]*?|'[^']*?)(\{[{%])"),
        "T051",
        "styles are inlined once for all customers, so class, id and style cannot depend on a value",
        "write two elements inside {% if %}",
    ),
)
STYLE = re.compile(r"<style\b[^>]*>(.*?)</style>", re.DOTALL | re.IGNORECASE)


def check(field: Field) -> Iterator[errors.Problem]:
    """Problems of one HTML template."""
    for pattern, code, message, hint in RULES:
        for found in pattern.finditer(field.source):
            yield _problem(field, found.start(1), code, message.format(found[1]), hint)
    for style in STYLE.finditer(field.source):
        tag = inlining.TAG.search(style[1])
        if tag:
            position = style.start(1) + tag.start()
            yield _problem(
                field, position, "T051", "no expression inside <style>", "styles are inlined once for all customers"
            )
    try:
        inlining.inline(field.source)
    except ValueError:
        yield _problem(field, 0, "T053", "the CSS of this mail cannot be read", "check the <style> block")


def _problem(field: Field, position: int, code: str, message: str, hint: str) -> errors.Problem:
    line = field.source.count("\n", 0, position) + 1
    column = position - (field.source.rfind("\n", 0, position) + 1) + 1
    return errors.Problem(field.path, line, column, code, message, hint)
