"""What the HTML of a mail may not hold, each with its place."""

from __future__ import annotations

import time

import pytest

from automation.rendering import markup
from automation.rendering.fields import Field

HEAD = "<html><head></head><body>\n"


def codes(body: str, head: str = HEAD) -> list[tuple[str, int, int]]:
    field = Field("html", head + body + "</body></html>", "templates/x/email.html")
    return [(problem.code, problem.line, problem.column) for problem in markup.check(field)]


@pytest.mark.parametrize(
    ("body", "code", "column"),
    [
        ("<p><script>x</script>", "T052", 5),
        ("<p onclick='x()'>a</p>", "T052", 4),
        ("<a href='javascript:alert(1)'>a</a>", "T052", 10),
        ("<link rel='stylesheet' href='x.css'>", "T052", 2),
        ("<img alt={{ customer.name }}>", "T050", 10),
        ("<a href='{{ entry.url }}'>a</a>", "T022", 10),
        ("<p class='a {{ x }}'>a</p>", "T051", 13),
        ("<p class='{% if x %}b{% endif %}'>a</p>", "T051", 11),
        ("<p style='color: {{ x }}'>a</p>", "T051", 18),
    ],
)
def test_what_harms_a_mail_is_found(body: str, code: str, column: int) -> None:
    assert codes(body) == [(code, 2, column)]


def test_an_expression_in_a_style_block_is_found() -> None:
    head = "<html><head><style>\np { color: {{ x }}; }\n</style></head><body>"
    assert ("T051", 2, 12) in codes("<p>a</p>", head)


def test_css_that_cannot_be_inlined_is_found() -> None:
    head = "<html><head><style>p { color: red }</style></head><body>\n"
    assert codes("<p style='@wrong { x'>a</p>", head) == [("T053", 1, 1)]


def test_an_ordinary_mail_is_fine() -> None:
    body = "<p class='a' title='{{ x }}'>online = {{ x }}</p><a href=\"{{ links.shop }}\">a</a><a href='https://a.example/'>b</a>"
    assert codes(body) == []


@pytest.mark.parametrize(
    "piece", ["<p ", "<style>", "class='", "href=  ", "x", "<a href=", " on", "data:", "<!--", "<title"]
)
def test_checking_takes_time_in_proportion_to_the_file(piece: str) -> None:
    begin = time.process_time()
    list(markup.check(Field("html", piece * (60_000 // len(piece)), "email.html")))
    assert time.process_time() - begin < 2
