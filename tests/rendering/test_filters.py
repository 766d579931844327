"""Every filter and test a text may use, with the values customers really have."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from automation.rendering.filters import FILTERS, TESTS
from automation.rendering.program import Broken

CASES = [
    ("{{ 29900 | money }}", "¥299"),
    ("{{ 2990 | money }}", "¥29.90"),
    ("{{ 5 | money('元') }}", "0.05元"),
    ("{{ 5000 | money('') }}", "50"),
    ("{{ -150 | money }}", "¥-1.50"),
    ("{{ 0.85 | percent }} {{ 0.8555 | percent(1) }}", "85% 85.5%"),
    ("{{ 0.85 | discount }} {{ 0.8 | discount }}", "8.5折 8折"),
    ("{{ phone | mask_phone }}", "138****0001"),
    ("{{ mail | mask_email }}", "s***@example.com"),
    ("{{ name | default('亲爱的会员') }}", "王芳"),
    ("{{ nobody | default('亲爱的会员') }}", "亲爱的会员"),
    ("{{ null | default('亲爱的会员') }}", "亲爱的会员"),
    ("{{ empty | default('亲爱的会员') }}", "亲爱的会员"),
    ("{{ nobody.at.all | default('无') }}", "无"),
    ("{{ zero | default(7) }}", "0"),
    ("{{ items | join('、') }}", "被子、枕头"),
    ("{{ cart | join('、', 'name') }}", "被子、枕头"),
    ("{{ items | length }} {{ name | length }}", "2 2"),
    ("{{ 'aB' | upper }}{{ 'aB' | lower }}", "ABab"),
    ("{{ 2.567 | round(1) }} {{ 2.567 | round }}", "2.6 3"),
    ("{{ '一二三四五六' | truncate_cn(4) }}", "一二三…"),
    ("{{ '一二三' | truncate_cn(4) }}", "一二三"),
    ("{{ items | first }}{{ items | last }}{{ name | first }}", "被子枕头王"),
    ("{{ 'a b&c=春' | urlencode }}", "a%20b%26c%3D%E6%98%A5"),
    ("{{ '  x ' | trim }}", "x"),
    ("{{ '12' | int }} {{ 'x' | int }} {{ 12.9 | int }} {{ nobody | int(3) }}", "12 0 12 3"),
    ("{{ day | date }}", "3月8日"),
    ("{{ day | date('%Y年%m月%d日') }}", "2026年03月08日"),
    ("{{ moment | date }} {{ moment | time }}", "3月9日 02:30"),
    ("{{ moment | date('%Y-%m-%d %H:%M') }}", "2026-03-09 02:30"),
    ("{{ '20:05' | time }}", "20:05"),
    ("{{ day | weekday }}", "星期日"),
    ("{{ day | lunar }}", "八月十五"),
    ("{{ name ~ '，您好' ~ 1 }}", "王芳，您好1"),
    ("{{ name[:1] }}先生", "王先生"),
    ("{{ 10 // 3 }} {{ 10 % 3 }} {{ -zero }} {{ 1 + 2 * 3 - 4 / 2 }}", "3 1 0 5.0"),
    ("{% if name is defined %}有{% endif %}{% if nobody is defined %}无{% endif %}", "有"),
    ("{% if null is defined or empty is defined %}x{% else %}都没有{% endif %}", "都没有"),
    ("{% if nobody is undefined and nobody is none %}没有{% endif %}", "没有"),
    ("{% if nobody %}x{% elif nobody == 'y' %}y{% else %}z{% endif %}", "z"),
    ("{% if zero is number and name is string %}ok{% endif %}", "ok"),
    ("{% if 4 is even and 3 is odd and 9 is divisibleby(3) %}ok{% endif %}", "ok"),
    ("{% if 'gold' in ['gold', 'diamond'] %}贵宾{% endif %}", "贵宾"),
    ("{% for x in items %}{{ loop.index }}{{ x }}{% if not loop.last %}、{% endif %}{% endfor %}", "1被子、2枕头"),
    ("{% for x in nothing | default([]) %}x{% else %}空{% endfor %}", "空"),
    ("{% set n = name | default('x') %}{{ n }}", "王芳"),
]
VALUES = {
    "phone": "13800000001", "mail": "somebody@example.com", "name": "王芳", "null": None, "empty": "", "zero": 0,
    "items": ["被子", "枕头"], "cart": [{"name": "被子"}, {"name": "枕头"}], "day": "2026-03-08",
    "moment": 1772994600,
}  # fmt: skip


@pytest.mark.parametrize(("source", "expected"), CASES, ids=[source for source, _ in CASES])
def test_a_filter_says_what_people_expect(source: str, expected: str, render: Callable[..., str]) -> None:
    assert render(source, VALUES) == expected


def test_every_filter_and_test_is_tried_above() -> None:
    tried = "".join(source for source, _ in CASES)
    assert [name for name in FILTERS if f"| {name}" not in tried] == []
    assert [name for name in TESTS if f"is {name}" not in tried] == []


def test_a_moment_is_shown_in_the_zone_of_the_customer(render: Callable[..., str]) -> None:
    assert render("{{ moment | date }} {{ moment | time }}", {**VALUES, "_zone": "UTC"}) == "3月8日 18:30"


@pytest.mark.parametrize(
    ("source", "code"),
    [
        ("{{ nobody }}", "missing_value"),
        ("{{ null }}", "missing_value"),
        ("{{ customer.name.first }}", "missing_value"),
        ("{{ nobody | money }}", "missing_value"),
        ("{{ nobody + 1 }}", "missing_value"),
        ("{% for x in nobody %}{% endfor %}", "missing_value"),
        ("{{ [] | first }}", "missing_value"),
        ("{{ items }}", "bad_value"),
        ("{{ zero is number }}", "bad_value"),
        ("{{ name | money }}", "bad_value"),
        ("{{ 1.5 | money }}", "bad_value"),
        ("{{ name + name }}", "bad_value"),
        ("{{ 1.2 | discount }}", "bad_value"),
        ("{{ 'tomorrow' | date }}", "bad_value"),
        ("{{ '2026-02-30' | date }}", "bad_value"),
        ("{{ day | date('%s') }}", "bad_value"),
        ("{{ day | date('%99999d') }}", "bad_value"),
        ("{{ '25:00' | time }}", "bad_value"),
        ("{{ name | length | join }}", "bad_value"),
        ("{{ cart | join }}", "bad_value"),
        ("{{ 1 > 'a' }}", "bad_value"),
        ("{{ moment | date }}", "bad_value"),
    ],
)
def test_a_value_that_does_not_fit_has_a_code_and_is_not_quoted(
    source: str, code: str, render: Callable[..., str]
) -> None:
    zone = {"_zone": "Mars/Base"} if "moment" in source else {}
    with pytest.raises(Broken) as caught:
        render(source, {**VALUES, **zone})
    assert caught.value.fault.code == code
    assert "王芳" not in str(caught.value)


def test_values_are_escaped_in_html_and_joined_pieces_too(render: Callable[..., str]) -> None:
    values = {"x": "<b>&", "list": ["<i>", "a"]}
    source = "{{ x }} {{ list | join('<') }} {{ x ~ '<' }} {{ list | first }} {{ x | upper }} {{ x | default('') }}"
    escaped = render(source, values, html=True)
    assert "<" not in escaped
    assert escaped.startswith("&lt;b&gt;&amp; &lt;i&gt;&lt;a ")
    assert render("{{ x }}", values) == "<b>&"
