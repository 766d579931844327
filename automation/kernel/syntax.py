"""What the YAML parser says when it gives up, in words for people who write journeys."""

from __future__ import annotations

from typing import Final

# What libyaml says -> what we say; the place is its context's where the mistake began there.
SYNTAX: Final[tuple[tuple[str, bool, str, str], ...]] = (
    ("expected ',' or ']'", True, "the list opened with [ is not closed properly", "check commas and the closing ]"),
    (
        "expected ',' or '}'",
        True,
        "the mapping opened with { is not closed properly",
        "check commas, 'key: value' and the closing }",
    ),
    ("could not find expected ':'", True, "this line is not 'key: value'", "put : and a space after the key"),
    ("unexpected end of stream", True, "the quotation mark opened here is not closed", "close it"),
    (
        "mapping values are not allowed",
        False,
        "a key cannot begin here",
        "a key one level deeper needs a line 'key:' with nothing after it above it",
    ),
    ("expected key", False, "the indentation fits no line above", "line the keys up"),
    ("expected '-' indicator", False, "the indentation fits no line above, or a - is missing", "line the items up"),
    ("cannot start any token", False, "this sign cannot begin an unquoted text", 'quote the text: "..."'),
    (
        "unknown escape",
        False,
        "unknown \\ sequence in a text in double quotes",
        "write \\\\ for one \\, or use single quotes",
    ),
    (
        "comment or line break",
        False,
        "text after | or > must begin on the next line",
        "start a new line, or quote the text",
    ),
    ("undefined alias", False, "this sign cannot begin an unquoted text", 'quote the text: "..."'),
)
UNKNOWN: Final = ("", False, "not readable as YAML here", "check quotation marks, brackets and indentation")


def explain(said: str) -> tuple[bool, str, str]:
    """Whether the mistake stands where the parser's context began, what is wrong, and what to do."""
    _, at_context, message, hint = next((row for row in SYNTAX if row[0] in said), UNKNOWN)
    return at_context, message, hint
