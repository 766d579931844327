"""Tracked links put into rendered bodies: exactly where a link stands, and nowhere else.

In HTML that is the `href` of an `<a>`, after the CSS was put in place; in all other text a link that the text declares,
as a whole. What was only written out in plain words stays as it is.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Mapping, Sequence

from automation.kernel.ports import Body, Json

# A tag as the inliner writes it: attributes in double quotes, in which anything may stand.
_HREF = re.compile(r'(<a\s(?:[^<>"]|"[^"]*")*?(?<=\s)href=")([^"]*)"', re.IGNORECASE)
_WEB = ("http://", "https://")
_GOES_ON = re.compile(r"[A-Za-z0-9/?#&=%_~+@-]|[.:,;!][A-Za-z0-9]")  # then it is the beginning of another address
_SHOWN = frozenset({"picture", "media", "images"})  # fetched to be looked at, which is no click
HTML = "html"


def hrefs(page: str) -> list[str]:
    """The web addresses its links lead to, as they were before they were put into HTML."""
    found = (html.unescape(match[2]).strip() for match in _HREF.finditer(page))
    return [url for url in found if url.lower().startswith(_WEB)]


def in_html(page: str, tracked: Callable[[str], str]) -> str:
    """Every link of the page led through `tracked`, which may return its address unchanged."""

    def lead(match: re.Match[str]) -> str:
        url = html.unescape(match[2]).strip()
        if not url.lower().startswith(_WEB):
            return match[0]
        other = tracked(url)
        return match[0] if other == url else f'{match[1]}{html.escape(other)}"'

    return _HREF.sub(lead, page)


def with_pixel(page: str, url: str) -> str:
    """The page with a picture of one point at its end; whoever opens the mail fetches it."""
    picture = f'<img src="{html.escape(url)}" width="1" height="1" alt="" style="border:0">'
    before, end, after = page.rpartition("</body>")
    return f"{before}{picture}{end}{after}" if end else page + picture


def in_body(body: Body, urls: Mapping[str, str]) -> dict[str, Json]:
    """A body with the addresses that are keys of `urls` exchanged, as whole addresses, but for its HTML."""
    pairs = sorted(urls.items(), key=lambda pair: len(pair[0]), reverse=True)
    if not pairs:
        return dict(body)
    return {name: value if name == HTML else _walk(name, value, pairs) for name, value in body.items()}


def _walk(name: str, value: Json, pairs: Sequence[tuple[str, str]]) -> Json:
    if isinstance(value, str):
        return value if name in _SHOWN else _exchanged(value, pairs)
    if isinstance(value, Mapping):
        return {key: _walk(key, member, pairs) for key, member in value.items()}
    if isinstance(value, Sequence):
        return [_walk(name, member, pairs) for member in value]
    return value


def _exchanged(text: str, pairs: Sequence[tuple[str, str]]) -> str:
    """The longest first. No pattern is made: links with a code in them differ from message to message."""
    for url, other in pairs:
        at = text.find(url)
        while at >= 0:
            end = at + len(url)
            if _GOES_ON.match(text, end):
                at = text.find(url, end)
            else:
                text = f"{text[:at]}{other}{text[end:]}"
                at = text.find(url, at + len(other))
    return text
