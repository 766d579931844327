"""The text part of a mail that has no email.txt, made from its HTML."""

from __future__ import annotations

import re

from inscriptis import get_text  # type: ignore[import-untyped]
from inscriptis.model.config import ParserConfig  # type: ignore[import-untyped]

HIDDEN = re.compile(r"<(div|span)[^>]*display:\s*none[^>]*>.*?</\1>", re.DOTALL | re.IGNORECASE)


def from_html(html: str) -> str:
    """Readable plain text: links behind their words, no hidden preheader, at most one empty line in a row."""
    text = get_text(HIDDEN.sub("", html), ParserConfig(display_links=True))
    lines = [line.strip() for line in text.splitlines()]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip() + "\n"
