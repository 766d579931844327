"""CSS put into the tags of a mail once for each version of the template, not once for each mail.

An HTML parser moves `{% for %}` out of tables and escapes what stands in expressions, so tags of Jinja are masked:
statements between elements as comments, everything else as words, put back afterwards. That is equal to inlining each
rendered mail as long as no selector depends on values; `markup` refuses those.
"""

from __future__ import annotations

import re
from itertools import count

import css_inline

TAG = re.compile(r"\{%.*?%\}|\{\{.*?\}\}|\{#.*?#\}", re.DOTALL)
ROWS = re.compile(r"(<table\b[^>]*>)(?=(?:\s*\{%[^%]*%\})+\s*<tr\b)", re.IGNORECASE)
# What inboxes show beside the subject.
PREHEADER = '<div style="display:none;max-height:0;overflow:hidden;mso-hide:all">{{ mail.preview }}</div>'
INLINER = css_inline.CSSInliner(keep_at_rules=True, load_remote_stylesheets=False)


def with_preheader(source: str) -> str:
    """The preview line as the first, hidden text of the mail, unless the template places it itself."""
    if "mail.preview" in source:
        return source
    return re.sub(r"(<body\b[^>]*>)", lambda found: found[1] + PREHEADER, source, count=1, flags=re.IGNORECASE)


def inline(source: str) -> str:
    """The same template with its CSS in `style` attributes; @media rules stay in <style>. ValueError for bad CSS."""
    kept: list[str] = []
    grouped = ROWS.sub(r"\1<tbody>", source)  # a parser would put it inside the loop: once a row
    sign = next(sign for turn in count() if (sign := f"z{turn}j") not in grouped)
    return _unmask(inline_html(_mask(grouped, kept, sign)), kept, sign)


def inline_html(html: str) -> str:
    try:
        return str(INLINER.inline(html))
    except css_inline.InlineError as error:
        raise ValueError(str(error)) from None


def line_map(before: str, after: str) -> dict[int, int]:
    """For every line of `after` that holds a tag of Jinja, the line of `before` where its first tag stands."""
    places = [before.count("\n", 0, tag.start()) + 1 for tag in TAG.finditer(before)]
    lines: dict[int, int] = {}
    for tag, line in zip(TAG.finditer(after), places, strict=False):
        lines.setdefault(after.count("\n", 0, tag.start()) + 1, line)
    return lines


def _mask(source: str, kept: list[str], sign: str) -> str:
    """`sign`: letters that stand nowhere in the source."""
    lower = source.lower()

    def within(opening: str, closing: str, end: int) -> bool:
        return lower.rfind(opening, 0, end) > lower.rfind(closing, 0, end)

    def mask(found: re.Match[str]) -> str:
        kept.append(found[0])
        word, end = f"{sign}{len(kept) - 1}e", found.start()
        bare = found[0].startswith("{{") or within("<", ">", end) or within("<title", "</title", end)
        return word if bare else f"<!--{word}-->"

    return TAG.sub(mask, source)


def _unmask(html: str, kept: list[str], sign: str) -> str:
    return re.sub(rf"<!--{sign}(\d+)e-->|{sign}(\d+)e", lambda found: kept[int(found[1] or found[2])], html)
