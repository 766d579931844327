"""The language of texts: a small part of Jinja, read from a field, checked by `grammar` and ready to be compiled.

Values are printed; there are `if`, `for` over lists, `set` of a value, the filters and tests of `filters`, comparisons
and arithmetic.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from jinja2 import TemplateSyntaxError, nodes
from jinja2.ext import Extension
from jinja2.lexer import Token, TokenStream

from automation.kernel import errors
from automation.rendering.fields import Field, Use, did_you_mean, problem
from automation.rendering.filters import FILTERS, TESTS, concat
from automation.rendering.grammar import Checker
from automation.rendering.sandbox import Sandbox, rounds

MAX_SOURCE = 128 * 1024  # characters of one field; a mail of 128 KB is cut off by Gmail at 102 KB anyway
MAX_DEPTH = 40
MAX_TOKENS = 8_000  # words and signs inside expressions, and the pieces of text between
_CHINESE_QUOTES = "‘’“”「」『』＂＇"
INTERNAL = {"_rounds": rounds, "_concat": concat}


@dataclass(slots=True)
class Parsed:
    """The tree of one field, checked and bounded, with lines counted in its file. `guarded`: may loop or grow."""

    body: list[nodes.Node]
    uses: list[Use]
    problems: list[errors.Problem]
    guarded: bool = False


def environment(*, autoescape: bool) -> Sandbox:
    """A fresh environment with our filters and tests and nothing else."""
    made = Sandbox(autoescape=autoescape)
    made.filters.update(FILTERS)
    made.filters.update(INTERNAL)
    made.tests.update(TESTS)
    return made


class Counted(Extension):
    """Ends the reading of a text that is too long to be one; without it the parser takes seconds for a bomb."""

    def filter_stream(self, stream: TokenStream) -> Iterator[Token]:
        for count, token in enumerate(stream):
            if count > MAX_TOKENS:
                raise TooManyTokens
            yield token


class TooManyTokens(Exception):
    """Inside the parser only."""


_PARSER = environment(autoescape=False)
_PARSER.add_extension(Counted)


def parse(field: Field) -> Parsed:
    """Read and check one field. With problems the body is empty and must not be compiled."""
    if len(field.source) > MAX_SOURCE or "\x00" in field.source:
        return Parsed([], [], [problem(field, 1, "T002", f"longer than {MAX_SOURCE} characters, or with a NUL in it")])
    try:
        tree = _PARSER.parse(field.source)
        if _depth(tree) > MAX_DEPTH:
            raise RecursionError
        checker = Checker(field)
        checked = [checker.visit(node) for node in tree.body]
    except TemplateSyntaxError as error:
        return Parsed([], [], [_syntax(field, error)])
    except (RecursionError, MemoryError, TooManyTokens):
        return Parsed([], [], [problem(field, 1, "T002", "nested too deeply, or with too many expressions")])
    except (ValueError, OverflowError):
        return Parsed([], [], [problem(field, 1, "T001", "a number or escape in it cannot be read")])
    if checker.problems:
        return Parsed([], checker.uses, checker.problems)
    for node in checked:
        _shift(node, field)
    return Parsed(checked, checker.uses, [], checker.guarded)


def _syntax(field: Field, error: TemplateSyntaxError) -> errors.Problem:
    message = (error.message or "cannot be read").rstrip(".")
    hint = ""
    if "unknown tag" in message and "'" in message:
        hint = did_you_mean(message.split("'")[1], ("if", "elif", "else", "endif", "for", "endfor", "set"))
    elif "unexpected '}'" in message or "end of print statement" in message:
        hint = "an expression is {{ name }} or {{ name | filter }}"
    quote = next((sign for sign in _CHINESE_QUOTES if f"unexpected char '{sign}'" in message), "")
    if quote:
        return problem(field, error.lineno, "T001", message, "inside {{ }} and {% %} write ' or \"", quote)
    near = next((word for word in re.findall(r"'([^']+)'", message) if word.isidentifier()), "")
    return problem(field, error.lineno, "T001", message, hint, near)


def _depth(node: nodes.Node) -> int:
    deepest, level = 0, [node]
    while level:
        deepest += 1
        level = [child for parent in level for child in parent.iter_child_nodes()]
    return deepest


def _shift(node: nodes.Node, field: Field) -> None:
    """Count lines from the top of the file, so that an error while rendering names the line a person sees."""
    for inner in (node, *node.find_all(nodes.Node)):
        inner.lineno = field.line + (inner.lineno or 1) - 1 if field.exact else field.line
