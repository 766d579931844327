"""Hostile templates: escapes to Python and bombs. A marketer's file is trusted to write, not to break out."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from automation.kernel.errors import SourceErrors
from automation.rendering import language, program, sandbox
from automation.rendering.program import Broken

CANARY = "canary-7f3a91"
VALUES = {
    "customer": {"name": "王芳", "tags": ["a", "b"], "cart": {"items": [{"name": "被子", "price": 29900}]}},
    "coupon": {"code": "AB12", "amount": 5000},
    "items": list(range(1000)),
    "long": "字" * 60_000,
}

ESCAPES = [
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ customer.__class__.__init__.__globals__ }}",
    "{{ customer['__class__'] }}",
    "{{ customer['__cla' ~ 'ss__'] }}",
    "{{ customer.items.__globals__ }}",
    "{{ customer.get('name') }}",
    "{{ customer.keys() | join }}",
    "{{ customer.update({'name': 1}) }}",
    "{{ customer.tags.append(1) }}",
    "{{ '{0.__class__}'.format(customer) }}",  # CVE-2016-10745
    "{{ '{a.__class__}'.format_map({'a': customer}) }}",  # CVE-2019-10906
    "{% set f = '{0.__class__}'.format %}{{ f(customer) }}",  # CVE-2024-56326
    "{{ ['{0.__class__.__init__.__globals__}'] | map('format', customer) | join }}",  # CVE-2024-56326
    "{{ '{0.__class__}' | attr('format') }}",  # CVE-2025-27516
    "{{ ('{0.__class__}' | attr('format'))(customer) }}",  # CVE-2025-27516
    "{{ customer | attr('__class__') }}",
    "{{ [customer] | map(attribute='__class__') | list }}",
    "{{ '%s' | format(customer) }}",
    "{{ '%c' % 65 }}",
    "{% include '/etc/passwd' %}",
    "{% import 'os' as os %}{{ os.environ }}",
    "{% from 'os' import environ %}{{ environ }}",
    "{% extends 'base.html' %}",
    "{% block b %}{% endblock %}",
    "{% block b scoped required %}{% endblock %}",
    "{% macro m() %}{{ caller() }}{% endmacro %}{{ m() }}",
    "{% macro m() %}{% endmacro %}{{ m.__globals__ }}",
    "{% call(x) m() %}{% endcall %}",
    "{{ self.__init__.__globals__ }}",
    "{{ self._TemplateReference__context }}",
    "{{ config }}{{ request }}{{ environ }}",
    "{{ env('CANARY') }}",  # CVE-2025-49136 of listmonk
    "{{ lipsum.__globals__['os'].environ }}",
    "{{ cycler.__init__.__globals__.os.environ }}",
    "{{ joiner.__init__.__globals__ }}",
    "{{ namespace.__init__.__globals__ }}",
    "{% set ns = namespace(x=1) %}{{ ns.x }}",
    "{{ range.__self__ }}",
    "{% for x in [1] %}{{ loop.__class__ }}{{ loop._iterable }}{% endfor %}",
    "{% for x in [1] %}{{ loop.cycle.__func__.__globals__ }}{% endfor %}",
    "{% for x in items recursive %}{{ loop([]) }}{% endfor %}",
    "{% filter upper %}x{% endfilter %}",
    "{% set x %}{{ customer }}{% endset %}{{ x }}",
    "{% with a = customer.__class__ %}{{ a }}{% endwith %}",
    "{% autoescape false %}{{ customer }}{% endautoescape %}",
    "{% raw %}{% endraw %}{{ _budget._end }}",
    "{{ _zone }}{{ _lunar }}",
    "{{ items | _rounds }}",
    "{{ (customer.x | default(cycler())).y }}",
    "{{ customer[[].append] }}",
    "{{ dict(a=1) }}{{ {}.__class__ }}",
    "{{ 'x' | safe }}{{ 'x' | xmlattr }}{{ 'x' | pprint }}",
    "{{ customer.name.encode.__self__ }}",
    "{{ customer.name[0].__doc__ }}",
    "{{ 1.0.real }}{{ (1).numerator.__class__ }}",
    "{{ upper(*[1]) }}{{ 'a' | join(*items) }}",
    "{% debug %}",
    "{% do customer.clear() %}",
    "{{ customer }}",
    "{{ items is callable }}{{ items is mapping }}",
]


@pytest.mark.parametrize("source", ESCAPES)
@pytest.mark.parametrize("html", [False, True])
def test_no_template_reaches_python_or_the_environment(
    source: str, html: bool, render: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CANARY", CANARY)
    assert os.environ["CANARY"] == CANARY
    with pytest.raises((SourceErrors, Broken)) as caught:
        render(source, VALUES, html=html)
    assert CANARY not in str(caught.value)


BOMBS = [
    "{{ 'A' * 10**9 }}",
    "{{ 'A' * 1000000000 }}",
    "{{ [1] * 1000000000 }}",
    "{{ 9 ** 9 ** 9 }}",
    "{{ 999999999999999999999999999999999999 }}",
    "{{ 0x" + "f" * 60_000 + " }}",
    "{{ " + "9" * 60_000 + " }}",
    "{{ '%099999999d' % 1 }}",
    "{{ 'A' | center(1000000000) }}",
    "{{ 'A' | indent(1000000000) }}",
    "{{ items | join(long) }}",
    "{{ items | batch(1000000000, 'x') | list }}",
    "{{ lipsum(n=100000) }}",
    "{% for a in range(1000000000) %}x{% endfor %}",
    "{% for a in items %}{% for b in items %}{% for c in items %}x{% endfor %}{% endfor %}{% endfor %}",
    "{% for a in items %}{% for b in items %}{% if a == b and a == 1001 %}x{% endif %}{% endfor %}{% endfor %}",
    "{% for a in items %}{{ long }}{% endfor %}",
    "{% for a in long %}{{ a }}{% endfor %}",
    "{% set a = 'xxxxxxxxxxxxxxxx' %}" + "{% set a = a ~ a %}" * 40 + "{{ a | length }}",
    "{% set a = [1, 1] %}" + "{% set a = [a, a] %}" * 40 + "{{ a }}",
    "{% for a in items %}" + "{% if long | upper | lower == a %}{% endif %}" * 400 + "{% endfor %}",
    "{{ " + "(" * 5_000 + "1" + ")" * 5_000 + " }}",
    "{{ " + "-" * 20_000 + "1 }}",
    "{{ 1" + " + 1" * 20_000 + " }}",
    "{{ 1" + " ~ 1" * 20_000 + " }}",
    "{{ customer" + ".a" * 20_000 + " }}",
    "{{ 'a'" + " | upper" * 10_000 + " }}",
    "{% if 1 %}" * 3_000 + "x" + "{% endif %}" * 3_000,
    "{% for a in items %}" * 25 + "x" + "{% endfor %}" * 25,
    "{{ long }}" * 10_000,
    "{{ long ~ long }}",
    "{{ long | urlencode }}",
    "{{ 1 | date('%Y' * 1000) }}",
    "{{ 0 | date('" + "%Y" * 30_000 + "') }}",
    "x" * 200_000,
    "{#" * 30_000,
    "{{ 1 | round(1000000000) }}",
    "{{ 1 / 0 }}{{ 1 % 0 }}",
]


@pytest.mark.parametrize("source", BOMBS, ids=range(len(BOMBS)))
def test_a_bomb_is_blocked_soon_and_leaves_the_next_rendering_alone(source: str, render: Callable[..., str]) -> None:
    begin = time.process_time()
    with pytest.raises((SourceErrors, Broken)):
        render(source, VALUES)
    assert time.process_time() - begin < 2
    assert render("{{ customer.name }}", VALUES) == "王芳"


def test_loops_within_the_caps_run(render: Callable[..., str]) -> None:
    assert render("{% for a in items %}x{% endfor %}", VALUES) == "x" * 1000


def test_all_loops_of_a_text_draw_from_one_budget(render: Callable[..., str]) -> None:
    source = "{% for a in items %}{% endfor %}"
    rounds = sandbox.MAX_ROUNDS // 1000
    assert render(source * rounds, VALUES) == ""
    with pytest.raises(Broken, match="rounds"):
        render(source * (rounds + 1), VALUES)


def test_a_dot_reads_keys_of_data_even_where_python_has_a_method(render: Callable[..., str]) -> None:
    source = "{% for item in customer.cart.items %}{{ item.name }} {{ item.price | money }}{% endfor %}"
    assert render(source, VALUES) == "被子 ¥299"


def test_the_environment_holds_only_our_words() -> None:
    env = language.environment(autoescape=False)
    assert not env.globals
    assert not {"attr", "format", "map", "safe", "center", "indent", "batch", "list", "tojson"} & set(env.filters)


WORDS = st.sampled_from(
    [
        "{{", "}}", "{%", "%}", "{#", "#}", "customer", ".name", "items", "[0]", "[1:2]", "|", "join", "date", "money",
        "default", "('x')", "(", ")", "if", "endif", "else", "for", "in", "endfor", "set", "=", "x", "~", "+", "*", "-",
        "'a'", "1", "1.5", " ", "\n", "loop", ".index", "is", "defined", "not", "and", "==", "<", "__class__", "中文",
        "raw", "endraw", "macro", "call", "\x00", "\\", "%d", "None", "true", "[", "]", ",", "length", "round", "first",
        "truncate_cn", "urlencode", "time", "lunar", "percent", "mask_phone", "{{ customer.name }}", "{{ x }}",
    ]
)  # fmt: skip
ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
LOOSE = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@LOOSE
@given(st.lists(WORDS, max_size=25).map(" ".join) | st.text(max_size=60))
def test_random_templates_raise_only_our_errors(render: Callable[..., str], source: str) -> None:
    try:
        assert isinstance(render(source, VALUES), str)
    except (SourceErrors, Broken) as error:
        assert "王芳" not in str(error)


EXPRESSIONS = [
    f"{{{{ x | {word} }}}}"
    for word in (
        "date", "date('%Y%m')", "time", "weekday", "lunar", "money", "money('元')", "percent", "discount", "mask_phone",
        "mask_email", "default('y')", "join", "join('、', 'name')", "length", "upper", "round(2)", "truncate_cn(3)",
        "first", "last", "urlencode", "trim", "int", "int(7)",
    )
] + ["{{ x + 1 }}", "{{ x ~ x }}", "{{ x[0] }}", "{{ x.a.b }}", "{% for a in x %}{{ a }}{% endfor %}",
     "{{ x[1:] }}", "{{ -x }}", "{{ 'a' if x else 'b' }}",
     "{{ 'a' if x is even else 'b' }}", "{{ 'a' if x > 1 else 'b' }}"]  # fmt: skip


@LOOSE
@given(st.sampled_from(EXPRESSIONS), ANY, st.booleans())
def test_random_values_raise_only_our_errors(
    render: Callable[..., str], source: str, value: object, html: bool
) -> None:
    try:
        assert isinstance(render(source, {"x": value}, html=html), str)
    except Broken as error:
        assert str(error)


@pytest.mark.parametrize("source", ["{% set a = 1 %}{{ a }}", "{% for a in items %}{% endfor %}"])
def test_the_deadline_is_asked_at_every_round_and_every_piece(
    source: str, render: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(program, "Budget", lambda: sandbox.Budget(-1.0))
    with pytest.raises(Broken, match="longer than 1 s"):
        render(source, VALUES)
