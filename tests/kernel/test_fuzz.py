"""Random and mutated files: nothing but a Document or SourceErrors, and no good text refused."""

import json

import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from automation.kernel import source
from automation.kernel.errors import SourceErrors

QUICK = settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
SIGNS = st.sampled_from(
    [
        *"abk \n\t:-#[]{}'\"|>&*!%@,?~<=.019\u3000：，“”％－你好",
        "- ",
        ": ",
        "{{ x }}",
        "\n  ",
        " #",
        "then:",
        "---",
        "${A}",
    ]
)
VALID = """\
journey: birthday_care
title: 生日关怀
purpose: care
enter: {date: birthday, offset: -7d, at: 09:00, catch_up: 3d}
holdout: 5%
exit: [goal, {tag: 黑名单}]
steps:
  - send: birthday_gift
    via: [wechat, sms]
  - if: {phone: {exists: false}}
    then:
      - {tag: "流失 #1", for: 90d}
    else:
      - choose:
          - if: {tier: gold}
            then: [{points: 200, reason: 绑定}]
          - else: []
  - wait: until entry.date 09:00
    note: |
      第一行
      第二行
"""


def reads_or_reports(text: str) -> None:
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    try:
        document = source.parse(text, "f.yaml")
    except SourceErrors as error:
        assert error.problems
        for problem in error.problems:
            assert 1 <= problem.line <= len(lines)
            assert 1 <= problem.column <= len(lines[problem.line - 1]) + 2
    else:
        json.dumps(document.data)
        for key, value in document.marks.values():
            assert 1 <= key.line <= value.line <= len(lines)


@QUICK
@given(st.text(max_size=200))
def test_any_text_is_read_or_reported(text: str) -> None:
    reads_or_reports(text)


@QUICK
@given(st.lists(SIGNS, max_size=60).map("".join))
def test_any_heap_of_signs_is_read_or_reported(text: str) -> None:
    reads_or_reports(text)


@QUICK
@given(st.lists(st.tuples(st.integers(0, len(VALID)), st.integers(0, 3), SIGNS), min_size=1, max_size=4))
def test_any_mutation_of_a_journey_is_read_or_reported(edits: list[tuple[int, int, str]]) -> None:
    text = VALID
    for at, drop, put in edits:
        text = text[:at] + put + text[at + drop :]
    reads_or_reports(text)


words = st.text(st.sampled_from("abcxyz019 _.-:#'\"[]{}>&*!%@,你好世界：，。“”\n"), max_size=12)
trees = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**12), 10**12) | words,
    lambda below: (
        st.lists(below, max_size=4)
        | st.dictionaries(words.filter(bool).filter(lambda w: "\n" not in w), below, max_size=4)
    ),
    max_leaves=12,
)


def quoted(tree: object) -> str:
    """JSON is YAML in which every text is quoted: nothing in it can be a slip."""
    return json.dumps(tree, ensure_ascii=False)


@QUICK
@given(trees)
def test_what_is_quoted_is_read_exactly(tree: object) -> None:
    assert source.parse(quoted(tree), "f.yaml").data == tree


keys = words.filter(bool).filter(lambda word: "\n" not in word)
texts = st.recursive(
    words, lambda below: st.lists(below, max_size=4) | st.dictionaries(keys, below, max_size=4), max_leaves=12
)


@QUICK
@given(texts)
def test_block_style_with_quoted_texts_is_read_exactly(tree: object) -> None:
    text = yaml.safe_dump(tree, allow_unicode=True, default_style='"', width=10_000)
    assert source.parse(text, "f.yaml").data == tree
