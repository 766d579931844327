"""Every mistake in a step has its place, its code and a hint that helps; every step of the language is read."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from automation.conditions import tree
from automation.festivals import moments
from automation.festivals.durations import Duration
from automation.journey import graph, head
from automation.journey.shop import Shop
from automation.kernel import source
from automation.rendering.texts import BASE, Kind, Texts
from tests.journey import shelf


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    return shelf.with_texts(tmp_path_factory.mktemp("shop"))


# steps (from line 6, two spaces in), then line, column, code and a word of message or hint
WRONG = [
    ("- send: helo", 6, 11, "J040", "did you mean 'hello'"),
    ("- send: broken", 6, 11, "J041", "problems of its own"),
    ("- send: gift", 6, 11, "J045", "coupon: ... as: coupon"),
    ("- send: typo", 6, 11, "J045", "did you mean customer.size?"),
    ("- {send: hello, via: [wechat, smss]}", 6, 33, "J042", "did you mean 'sms'"),
    ("- {send: about_order, via: [sms]}", 6, 12, "J043", "nothing for sms"),
    ("- {send: hello, ignore: quiet_hours}", 6, 19, "J044", "service"),
    ("- {send: hello, at: best}", 6, 23, "J002", "not available yet"),
    ("- {send: hello, expires: 3}", 6, 28, "J031", "such as 1d"),
    ("- {send: hello, expires: entry.dat 18:00}", 6, 28, "J032", "not known"),
    ("- {send: hello, expires: entry.amount 18:00}", 6, 28, "J032", "money"),
    ("- {send: hello, purpose: prommo}", 6, 28, "J003", "did you mean 'promo'"),
    ("- {send: hello, exprires: 1d}", 6, 19, "S001", "did you mean 'expires'"),
    ("- {send: hello, via: 【wechat】}", 6, 24, "J042", "write via: [wechat]"),
    ("- {send: hello, purpose: 促销}", 6, 28, "J003", "did you mean promo (促销)?"),
    ("- {if: {tag: a}, waitfor: {event: order.paid}, up_to: 1d, then: []}", 6, 20, "J020", "did you mean 'wait_for'"),
    ("- {sned: hello}", 6, 6, "J020", "did you mean 'send'"),
    ("- {send: hello, wait: 1d}", 6, 19, "J020", "own dash"),
    ("- send", 6, 5, "S012", "send: ..."),
    ("- {note: nothing}", 6, 5, "J020", "not said"),
    ("- {wait: 3}", 6, 12, "C016", "unit is missing"),
    (f"- {{wait: {'9' * 5_000}d}}", 6, 12, "C016", "a hundred years"),
    (f"- {{wait: until entry.at +{'9' * 5_000}d}}", 6, 12, "J031", "a hundred years"),
    (f"- {{send: hello, expires: {'9' * 5_000}d}}", 6, 28, "J031", "a hundred years"),
    ("- {wait: 10:00}", 6, 12, "J030", "until 10:00"),
    ("- {wait: until entry.cycle +3d}", 6, 12, "J032", "not known"),
    ("- {wait_for: {event: order.paid}}", 6, 5, "S002", "up_to"),
    ("- {wait_for: {clicked: helo}, up_to: 1d}", 6, 26, "C031", "unknown step"),
    ("- {wait_for: {event: order.payed}, up_to: 1d}", 6, 24, "C020", "order.paid"),
    ("- {if: {phone: {exists: false}}}", 6, 5, "S002", "then"),
    ("- {choose: []}", 6, 14, "S011", "- if"),
    ("- {wait_for: {event: order.paid}, up_to: 1d, as: entry}", 6, 52, "J024", "as: my_entry"),
    ("- {wait_for: {event: order.paid}, up_to: until 10:00}", 6, 44, "J031", "write 10:00"),
    ("- {choose: [{else: []}, {if: {tag: a}, then: []}]}", 6, 16, "J033", "never asked"),
    ("- {split: s, paths: {a: {share: 50%, then: []}, b: {share: 49%, then: []}}}", 6, 16, "J034", "99%"),
    ("- {split: s, paths: {a: {share: 50, then: []}, b: {share: 50%, then: []}}}", 6, 35, "S021", "write 50%"),
    ("- {split: s, paths: {}}", 6, 23, "J033", "two paths"),
    ('- {tag: "{{ customer.name }}"}', 6, 11, "J054", "{from: path}"),
    ("- {split: s, paths: {a: {share: 100%, then: []}}}", 6, 23, "J033", "two paths"),
    ("- {notify: ops, digest: 1 workday}", 6, 27, "C016", "write days"),
    ("- {stop: exit early}", 6, 12, "J025", "other words"),
    ("- {stop: goal}", 6, 12, "J025", "other words"),
    ("- {stop: finished}", 6, 12, "J025", "other words"),
    ("- {coupon: birthday_5}", 6, 14, "J046", "birthday_50"),
    ("- {coupon: birthday_50, as: entry}", 6, 31, "J024", "my_entry"),
    ("- {tag: x, for: 3}", 6, 19, "C016", "unit is missing"),
    ("- {set: {nosuch: 1}}", 6, 12, "C001", "no field"),
    ("- {points: 10}", 6, 5, "S002", "reason"),
    ("- {points: 0, reason: x}", 6, 14, "S018", "0 points"),
    ("- {tag: '甲、乙'}", 6, 11, "S019", "several steps"),
    ("- {tag: ' 甲'}", 6, 11, "S019", "one line"),
    ('- {tag: "甲\\n乙"}', 6, 11, "S019", "one line"),
    ("- {untag: " + "长" * 61 + "}", 6, 13, "S019", "at most 60"),
    ("- {start: othr}", 6, 13, "J048", "did you mean 'other'"),
    ("- {notify: opps}", 6, 14, "J008", "did you mean 'ops'"),
    ("- {webhook: crmm}", 6, 15, "J049", "did you mean 'crm'"),
    ("- {tag: x, id: 'a b'}", 6, 18, "J022", "letters"),
    ("- {tag: x, id: start}", 6, 18, "J022", "beginning"),
]


@pytest.mark.parametrize(("text", "line", "column", "code", "said"), WRONG, ids=[case[0][:80] for case in WRONG])
def test_a_mistake_is_shown_where_it_stands_with_a_way_out(
    known: Shop, text: str, line: int, column: int, code: str, said: str
) -> None:
    found = shelf.problems(shelf.steps(text), known)
    assert [(one.line, one.column, one.code) for one in found] == [(line, column, code)], found
    assert said in f"{found[0].message} ({found[0].hint})"


@pytest.mark.parametrize("word", ["survey", "ticket", "repeat", "approve", "post", "use"])
def test_a_step_of_a_later_release_says_so(known: Shop, word: str) -> None:
    found = shelf.problems(shelf.steps(f"- {{{word}: x, up_to: 1d}}"), known)
    assert [(one.code, one.message, one.column) for one in found] == [("J002", f"'{word}' is not available yet", 6)]


def test_answers_of_surveys_are_not_there_yet(known: Shop) -> None:
    found = shelf.problems(shelf.steps("- send: hello\n- {wait_for: {answered: hello}, up_to: 1d}"), known)
    assert [one.code for one in found] == ["C090"]


def test_all_mistakes_of_a_file_come_at_once_in_its_order(known: Shop) -> None:
    found = shelf.problems(shelf.steps("- send: helo\n- {wait: 3}\n- {if: {tag: a}, then: [{coupon: x}]}"), known)
    assert [(one.line, one.code) for one in found] == [(6, "J040"), (7, "C016"), (8, "J046")]


def test_nothing_may_follow_the_end_of_the_run(known: Shop) -> None:
    found = shelf.problems(shelf.steps("- stop: done\n- {tag: a}\n- {tag: b}"), known)
    assert [(one.line, one.code) for one in found] == [(7, "J021")]


def test_nothing_may_follow_branches_that_all_end(known: Shop) -> None:
    text = "- choose:\n  - {if: {tag: a}, then: [{stop: x}]}\n  - {else: [{stop: y}]}\n- {tag: b}"
    assert [one.code for one in shelf.problems(shelf.steps(text), known)] == ["J021"]


def test_a_stop_that_only_some_take_ends_nothing_for_the_others(known: Shop) -> None:
    assert shelf.problems(shelf.steps("- {stop: x, if: {tag: a}}\n- {tag: b}"), known) == []


def test_an_id_names_one_step(known: Shop) -> None:
    found = shelf.problems(shelf.steps("- {wait: 1d, id: a}\n- {tag: x, id: a}"), known)
    assert [(one.line, one.code, one.hint) for one in found] == [(7, "J022", "first on line 6: give this one another")]


def test_a_coupon_of_one_branch_is_not_promised_after_it(known: Shop) -> None:
    found = shelf.problems(shelf.steps("- {if: {tag: a}, then: [{coupon: birthday_50}]}\n- send: gift"), known)
    assert [(one.line, one.code) for one in found] == [(7, "J045")]
    assert "only some of the ways" in found[0].hint


def test_a_coupon_given_in_every_branch_is_there_after_them(known: Shop) -> None:
    text = "- if: {tag: a}\n  then: [{coupon: birthday_50}]\n  else: [{coupon: wakeup_30}]\n- send: gift"
    assert shelf.problems(shelf.steps(text), known) == []


def test_who_got_no_coupon_and_leaves_does_not_take_it_from_the_others(known: Shop) -> None:
    text = "- coupon: birthday_50\n  else: [{stop: none_left}]\n- send: gift"
    assert shelf.problems(shelf.steps(text), known) == []
    going_on = "- coupon: birthday_50\n  else: [{tag: x}]\n- send: gift"
    assert [one.code for one in shelf.problems(shelf.steps(going_on), known)] == ["J045"]


def test_a_second_coupon_on_the_same_way_needs_another_name(known: Shop) -> None:
    found = shelf.problems(shelf.steps("- coupon: birthday_50\n- coupon: wakeup_30"), known)
    assert [(one.line, one.code, one.hint) for one in found] == [
        (7, "J024", "give it another name, such as as: coupon_2")
    ]


def test_a_text_sent_twice_cannot_be_meant_by_its_name(known: Shop) -> None:
    text = "- send: hello\n- wait: 1d\n- send: hello\n- {if: {clicked: hello}, then: []}"
    assert [(one.line, one.code) for one in shelf.problems(shelf.steps(text), known)] == [(9, "J023")]
    named = text.replace("- send: hello\n- wait", "- {send: hello, id: first}\n- wait").replace(
        "clicked: hello", "clicked: first"
    )
    assert shelf.problems(shelf.steps(named), known) == []


def test_what_an_answer_holds_can_be_asked_in_then(known: Shop) -> None:
    text = """
    - wait_for: {event: order.paid}
      up_to: 1d
      as: bought
      then:
      - {if: {bought.category: 床品}, then: []}
    """
    assert shelf.problems(shelf.steps(text), known) == []


def test_a_computed_record_can_be_used_in_texts(known: Shop) -> None:
    assert shelf.problems(shelf.steps("- {send: basket, via: [wechat]}"), known) == []


def test_every_step_that_acts_becomes_its_effect(known: Shop) -> None:
    text = """
    - {send: hello, via: [wechat_main], expires: today, at: 10:00, id: greet}
    - {send: about_order, via: [wechat], purpose: service, ignore: quiet_hours}
    - {tag: a, for: 3d}
    - {untag: a}
    - {set: {size: L, cycle_days: {from: cycle_days}}}
    - {points: 200, reason: 绑定手机}
    - {start: other, with: {score: 5, about: {from: entry.category}}}
    - {notify: ops, text: 看一下}
    - {webhook: crm}
    """
    journey = shelf.read(shelf.steps(text), known)
    (leaf,) = journey.nodes[graph.START].go.leaves
    day = Duration(days=1)
    assert leaf.effects == (
        graph.Send("greet", "hello", ("wechat_main",), moments.limit("today"), "promo", moments.parse("10:00")),
        graph.Send("about_order", "about_order", ("wechat",), day, "service", None, ignore_quiet=True),
        graph.AddTag("tag:a#1", "a", Duration(days=3)),
        graph.RemoveTag("untag:a#1", "a"),
        graph.SetFields("set:size,cycle_days#1", (("size", "L"), ("cycle_days", tree.Ref("cycle_days")))),
        graph.BookPoints("points:200#1", 200, "绑定手机"),
        graph.StartJourney("start:other#1", "other", (("score", 5), ("about", tree.Ref("entry.category")))),
        graph.Notify("notify:ops#1", "ops", "看一下", Duration(seconds=3600)),
        graph.CallWebhook("webhook:crm#1", "crm"),
    )
    assert journey.sends == {"greet": leaf.effects[0], "about_order": leaf.effects[1]}


def test_a_send_without_via_takes_the_order_of_the_config(known: Shop) -> None:
    journey = shelf.read(shelf.steps("- send: hello"), known)
    assert journey.sends["hello"].via == ("wechat", "sms")


def test_steps_without_an_id_are_counted_by_what_they_do(tmp_path: Path, known: Shop) -> None:
    text = "- wait: 3d\n- send: hello\n- wait: 3d\n- wait: 1d\n- {wait_for: {event: order.paid}, up_to: 1d}"
    journey = shelf.read(shelf.steps(text), known)
    assert list(journey.nodes) == ["start", "wait:3d#1", "wait:3d#2", "wait:1d#1", "wait_for:order.paid#1"]
    assert [journey.nodes[key].line for key in journey.nodes] == [0, 6, 8, 9, 10]


@pytest.mark.parametrize(
    ("via", "warned"), [("[wechat]", True), ("[wechat_main, sms]", True), ("[sms, email]", False), ("email", False)]
)
def test_a_word_that_no_channel_of_the_message_reports_is_warned_of(via: str, warned: bool, known: Shop) -> None:
    asked = (
        "- {wait_for: {opened: s}, up_to: 1d}",
        "- {if: {not: {opened: s}}, then: []}",
        "- {wait_for: {clicked: s}, up_to: 1d}",
    )
    for number, step in enumerate(asked):
        text = shelf.steps(f"- {{send: hello, id: s, via: {via}}}\n{step}\n")
        _, context = head.read(source.parse(text, "journeys/wake.yaml"), text, "wake", with_mail(known))
        found = [(one.code, one.line) for one in context.findings.warnings if one.code == "W504"]
        assert found == ([("W504", 7)] if warned and number < 2 else [])


def with_mail(known: Shop) -> Shop:
    """The same shop, where the text `hello` can be mailed, too."""
    texts = dict(known.texts.texts)
    sms = next(one for (_, kind), one in texts["hello"].channels.items() if kind is Kind.SMS)
    channels = {**texts["hello"].channels, (BASE, Kind.EMAIL): sms}
    texts["hello"] = replace(texts["hello"], channels=channels)
    return replace(known, texts=Texts(texts), channels={**known.channels, "mail_main": "email"})


def test_a_text_that_is_not_there_is_offered_as_no_step(known: Shop) -> None:
    found = shelf.problems(shelf.steps("- send: helo\n- send: hello\n- if: {clicked: nothing_here}\n  then: []"), known)
    assert [one.code for one in found] == ["J040", "C031"]
    assert found[1].hint == "known are hello"
