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
from tests.rendering.corpus import BOMBS, ESCAPES, VALUES

CANARY = "canary-7f3a91"


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
