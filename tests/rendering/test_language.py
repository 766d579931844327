"""What is found when a text is read: mistakes at their place, and the variables it uses."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from automation.rendering import language
from automation.rendering.fields import Field


def read(source: str, line: int = 10, column: int = 3) -> language.Parsed:
    return language.parse(Field("text", source, "templates/x/wechat.yaml", line, column))


@pytest.mark.parametrize(
    ("source", "code", "line", "column", "said"),
    [
        ("您好\n{{ name | uper }}", "T011", 11, 13, "did you mean upper?"),
        ("您好\n{{ customer.name }", "T001", 11, 3, "{{ name }}"),
        ("{% if a %}x{% endfi %}", "T001", 10, 17, "did you mean endif?"),
        ("{{ a is evn }}", "T012", 10, 11, "did you mean even?"),
        ("{{ a | money(1, 2) }}", "T013", 10, 10, "money"),
        ("x {{ a.upper() }}", "T010", 10, 5, "write a filter"),
        ("{% include 'a' %}", "T010", 10, 3, "include"),
        ("{{ _zone }}", "T014", 10, 3, "underscore"),
        ("{{ a.b._c.d }}", "T014", 10, 3, "underscore"),
        ("{% set loop = 1 %}", "T014", 10, 10, "loop"),
        ("{{ [a, 1] }}", "T010", 10, 3, "fixed values"),
        ("{% if a %}", "T001", 10, 3, "endif"),
    ],
)
def test_a_mistake_is_shown_where_it_stands(source: str, code: str, line: int, column: int, said: str) -> None:
    [problem] = read(source).problems
    assert (problem.code, problem.line, problem.column) == (code, line, column)
    assert said in str(problem)


def test_all_mistakes_of_a_text_come_at_once() -> None:
    assert [problem.code for problem in read("{{ a | x }}{{ b() }}\n{{ c is y }}").problems] == ["T011", "T010", "T012"]


def test_the_variables_of_a_text_are_dotted_paths_with_their_places() -> None:
    source = (
        "{{ customer.name | default('x') }}{{ coupon['code'] }}\n"
        "{% for item in customer.cart.items %}{{ item.name }}{{ loop.index }}{% endfor %}\n"
        "{% set n = entry.years %}{{ n + 1 }}{% for a, b in entry.pairs %}{{ a }}{% endfor %}{{ entry.list[0].x }}"
    )
    uses = read(source, column=1).uses
    assert {use.name for use in uses} == {
        "customer.name", "coupon.code", "customer.cart.items", "customer.cart.items[].name", "entry.years",
        "entry.pairs", "entry.list[].x",
    }  # fmt: skip
    years = next(use for use in uses if use.name == "entry.years")
    assert (years.line, years.column) == (12, 12)


@pytest.mark.parametrize(
    ("source", "optional"),
    [
        ("{{ x.y }}", False),
        ("{{ x.y | money }}", False),
        ("{{ x.y | default('a') }}", True),
        ("{% if x.y is defined %}{{ x.y }}{% endif %}", True),
        ("{% if x.y %}{{ x.y | money }}{% endif %}", True),
        ("{% if x.y and x.z %}{{ x.y }}{% endif %}", True),
        ("{% if x.y or x.z %}{{ x.y }}{% endif %}", False),
        ("{% if not x.y %}{{ x.y }}{% endif %}", False),
        ("{% if x.y %}a{% else %}{{ x.y }}{% endif %}", False),
        ("{% if x.y == 'a' %}b{% endif %}", True),
        ("{% if x.y > 1 %}b{% endif %}", False),
        ("{{ x.y if x.y else 'b' }}", True),
    ],
)
def test_a_variable_is_optional_where_the_text_copes_without_it(source: str, optional: bool) -> None:
    uses = [use for use in read(source).uses if use.name == "x.y"]
    assert all(use.optional for use in uses) is optional


@pytest.mark.parametrize(
    "source", ["{{ x.y | default('a') }}", "{% if x.y %}{{ x.y }}{% endif %}", "{{ x.y if x.y else '' }}"]
)
def test_what_counts_as_optional_really_renders_without_the_value(source: str, render: Callable[..., str]) -> None:
    assert all(use.optional for use in read(source).uses)
    assert render(source) in ("a", "")
