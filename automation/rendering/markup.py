"""What the HTML of a mail may not hold: checks on the template as it was written, with positions.

Apart from `language`: these are rules of mail programs and of inlining, not of Jinja. Every pattern takes time in
proportion to the file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from automation.kernel import errors
from automation.rendering import inlining
from automation.rendering.fields import Field

DROPPED = frozenset({"script", "iframe", "object", "embed", "form", "base", "link"})
ADDRESSES = frozenset({"href", "src", "action", "background"})
STYLED = frozenset({"class", "id", "style"})
ELEMENT = re.compile(r"<([a-zA-Z][\w-]*)([^<>]*)")
ATTRIBUTE = re.compile(r"(?<![\w:-])([\w:-]+)\s*=\s*(\"[^\"]*\"|'[^']*'|[^\s\"'<>]+)")
MASK = "\x01"  # stands for every character of a tag of Jinja, so that positions stay
DECLARED = re.compile(r"\{\{-?\s*links\.")
CODE = re.compile(r"\s*(?:javascript|vbscript|data\s*:\s*text)\b", re.IGNORECASE)

ONCE = "styles are inlined once for all customers"
Found = tuple[int, str, str, str]


def check(field: Field) -> Iterator[errors.Problem]:
    """Problems of one HTML template that can be read as a template."""
    masked = inlining.TAG.sub(lambda tag: MASK * len(tag[0]), field.source)
    for found in ELEMENT.finditer(masked):
        for position, code, message, hint in _element(field.source, found):
            yield _problem(field, position, code, message, hint)
    for position in _style_blocks(masked):
        yield _problem(field, position, "T051", "no expression inside <style>", ONCE)
    try:
        inlining.inline(field.source)
    except ValueError:
        yield _problem(field, 0, "T053", "the CSS of this mail cannot be read", "check <style> and style=")


def _element(source: str, found: re.Match[str]) -> Iterator[Found]:
    name = found[1].lower()
    if name in DROPPED:
        message = f"mail programs drop {name} and spam filters mark it"
        yield found.start(1), "T052", message, "take it out; styles stand in <style>"
    attributes = list(ATTRIBUTE.finditer(found[2]))
    for attribute in attributes:
        yield from _attribute(source, found.start(2), attribute)
    loose = ATTRIBUTE.sub("", found[2])
    if MASK in loose and any(attribute[1].lower() in STYLED for attribute in attributes):
        position = found.start(2) + found[2].index(MASK)
        yield position, "T051", "class, id and style cannot stand under a condition", f"{ONCE}: write two elements"


def _attribute(source: str, start: int, attribute: re.Match[str]) -> Iterator[Found]:
    name, value = attribute[1].lower(), attribute[2]
    at = start + attribute.start(2)
    expression = value.find(MASK)
    if name.startswith("on"):
        yield start + attribute.start(1), "T052", f"{name} would run code", "take it out"
    if expression >= 0 and value[0] not in "\"'":
        yield at + expression, "T050", "an attribute with a value in it needs quotation marks", 'write ="{{ … }}"'
    if expression >= 0 and name in STYLED:
        message = "class, id and style cannot depend on a value"
        yield at + expression, "T051", message, f"{ONCE}: write two elements inside {{% if %}}"
    if name not in ADDRESSES:
        return
    bare = value.strip("\"'")
    if CODE.match(bare):
        yield at + value.index(bare), "T052", "this address would run code", "links begin with https://"
    if bare.lstrip().startswith(MASK) and not DECLARED.match(source, at + expression):
        message = "a link made of a value may lead anywhere"
        yield at + expression, "T022", message, "declare it under links: in text.yaml and write {{ links.NAME }}"


def _style_blocks(masked: str) -> Iterator[int]:
    lower, end = masked.lower(), 0
    while (begin := lower.find("<style", end)) >= 0:
        end = lower.find("</style", begin)
        end = end if end >= 0 else len(lower)
        position = lower.find(MASK, begin, end)
        if position >= 0:
            yield position


def _problem(field: Field, position: int, code: str, message: str, hint: str) -> errors.Problem:
    line = field.source.count("\n", 0, position) + 1
    column = position - (field.source.rfind("\n", 0, position) + 1) + 1
    return errors.Problem(field.path, line, column, code, message, hint)
