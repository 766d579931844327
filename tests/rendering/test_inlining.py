"""CSS inlined once in the template gives the same mail as inlining each rendered mail."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from automation.rendering import catalogue, inlining, language, layouts, program
from automation.rendering.fields import Field
from automation.rendering.texts import Kind

TEMPLATES = Path(__file__).parents[2] / "templates"
LOOP = """<!doctype html><html><head><style>.a { color: red; } p.b { margin: 0; }
@media (max-width: 9px) { .a { color: blue } }</style></head>
<body><table>{% for item in entry.list %}<tr class="a"><td>{{ item }}</td></tr>
{% endfor %}</table>{% if entry.list | length > 1 %}<p class="b">x &gt; y</p>{% endif %}
<a href="{{ links.shop }}" title="{% if entry.x %}1{% endif %}">z</a></body></html>"""
VALUES = {
    "customer": {"name": "<王芳>", "points": 1280, "last_order_at": 1760000000},
    "entry": {"date": "2026-11-11", "festival": "mid_autumn", "list": ["a", "b"], "x": 1, "complaint_id": "C1"},
    "coupon": {"code": "AB&12", "amount": 5000, "expires": 1795000000},
    "extra": {"code": "AB12", "amount": 3000, "expires": 1795000000},
    "links": {
        "shop": "https://shop.example.com/?a=1&b=2",
        "bind": "https://a.example.com/",
        "review": "https://b.example.com/",
    },
    "mail": {"subject": "主题", "preview": "预览"},
    "_zone": "Asia/Shanghai",
}


def rendered(source: str) -> str:
    parsed = language.parse(Field("html", source, "email.html"))
    assert not parsed.problems
    return program.Program("t", [parsed], html=True, max_chars=10**6).run(dict(VALUES))[0]


def same(html: str) -> str:
    """White space between tags and the way a quotation mark is escaped in a text do not show."""
    return re.sub(r"\s+", "", html.replace("&quot;", '"').replace("&#34;", '"').replace("&#39;", "'"))


def shipped() -> Iterator[str]:
    """The mails of the shop, each in its layout."""
    for text in catalogue.load(TEMPLATES).texts.values():
        for (_, kind), template in text.channels.items():
            if kind is Kind.EMAIL:
                made = {field.name: field for field in template.fields}
                yield layouts.page(made["html"], made.get("layout")).source


@pytest.mark.parametrize("source", [LOOP, *shipped()])
def test_inlining_once_equals_inlining_every_mail(source: str) -> None:
    once, each = rendered(inlining.inline(source)), inlining.inline_html(rendered(source))
    assert "style=" in once
    assert same(once) == same(each)


def test_media_rules_stay_and_loops_stay_inside_their_table() -> None:
    html = rendered(inlining.inline(LOOP))
    assert "@media" in html
    assert html.index("<table") < html.index('<tr class="a" style="color: red;">') < html.index("</table>")


def test_the_preview_comes_first_in_the_body_and_only_once() -> None:
    page = inlining.with_preheader("<html><body class='x'><p>Hi</p></body></html>")
    assert page.index("<body class='x'>") < page.index("{{ mail.preview }}") < page.index("<p>")
    assert inlining.with_preheader(page) == page


def test_lines_of_the_inlined_page_lead_back_to_the_file() -> None:
    head = "<html><head><style>\n.a { color: red }\n</style></head><body>\n"
    source = head + "<p class='a'>{{ x }}</p>\n<p>{{ y }}</p></body></html>"
    done = inlining.inline(source)
    lines = inlining.line_map(source, done)
    where = {name: done[: done.index(name)].count("\n") + 1 for name in ("{{ x }}", "{{ y }}")}
    assert [lines[where["{{ x }}"]], lines[where["{{ y }}"]]] == [4, 5]


def test_css_that_cannot_be_read_is_an_error_of_ours() -> None:
    with pytest.raises(ValueError, match="rule"):
        inlining.inline(
            "<html><head><style>p { color: red }</style></head><body><p style='@wrong { x'>a</p></body></html>"
        )
