"""Conditions as people write them: what they become, and what is said where they are wrong."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from automation.conditions import codes, parse
from automation.conditions.findings import Findings
from automation.conditions.scope import EventInfo, FieldInfo, Inside, Scope, Vocabulary
from automation.conditions.tree import (
    All,
    Always,
    AnyOf,
    Compare,
    Consented,
    FieldType,
    Happened,
    InJourney,
    InSegment,
    InStage,
    Marked,
    MarkKind,
    Not,
    Op,
    Ref,
    Shifted,
    Span,
    Tagged,
)
from automation.festivals import durations, moments
from automation.kernel import codes as kernel_codes
from automation.kernel import source

TIERS = ("basic", "silver", "gold", "diamond")
FIELDS = {
    "tier": FieldInfo(FieldType.CHOICE, TIERS, TIERS),
    "gender": FieldInfo(FieldType.CHOICE, (), ("female", "male")),
    "city": FieldInfo(FieldType.TEXT),
    "age": FieldInfo(FieldType.NUMBER),
    "spent": FieldInfo(FieldType.MONEY),
    "member": FieldInfo(FieldType.BOOL),
    "birthday": FieldInfo(FieldType.DATE),
    "last_order_at": FieldInfo(FieldType.TIME),
    "cart": FieldInfo(FieldType.RECORD),
    "phone": FieldInfo(FieldType.TEXT, hidden=True),
    "stage": FieldInfo(FieldType.CHOICE, (), ("new", "active")),
}
ORDER = {
    "order_id": FieldInfo(FieldType.TEXT),
    "amount": FieldInfo(FieldType.MONEY),
    "category": FieldInfo(FieldType.TEXT),
    "stage": FieldInfo(FieldType.TEXT),
}
EVENTS = {
    "order.paid": EventInfo("order_id", ORDER),
    "order.refunded": EventInfo("order_id", {name: ORDER[name] for name in ("order_id", "amount")}),
    "cart.cleared": EventInfo(None, {}),
}
WORDS = Vocabulary(FIELDS, EVENTS)
COUPON = {"code": FieldInfo(FieldType.TEXT), "amount": FieldInfo(FieldType.MONEY)}
JOURNEY = Scope(
    WORDS,
    Inside.JOURNEY,
    segments={"buyers": Tagged(("买过",))},
    steps={"hello": "send", "pause": "wait", "hello2": "send"},
    names={"coupon": COUPON},
    entry={"at": FieldInfo(FieldType.TIME), "total": FieldInfo(FieldType.MONEY), "order_id": FieldInfo(FieldType.TEXT)},
    journeys=frozenset({"welcome"}),
)
KEYED = Scope(WORDS, Inside.JOURNEY, entry=JOURNEY.entry, key="order_id")
SEGMENT = Scope(WORDS, Inside.SEGMENT)
ENTRY = Scope(WORDS, Inside.ENTRY, entry=JOURNEY.entry)


def read(text: str, scope: Scope = JOURNEY) -> Any:
    """The condition of a YAML text; every problem is a failure."""
    found, problems = tried(text, scope)
    assert not problems, problems
    return found


def tried(text: str, scope: Scope = JOURNEY) -> tuple[Any, list[str]]:
    document = source.parse(text, "t.yaml")
    findings = Findings(document)
    found = parse.Reader(findings, scope).condition(document.data, ())
    return found, [str(problem) for problem in findings.problems]


def refused(text: str, scope: Scope = JOURNEY) -> str:
    """The only problem of a YAML text."""
    _, problems = tried(text, scope)
    assert len(problems) == 1, problems
    return problems[0]


@pytest.mark.parametrize(
    ("text", "path", "op", "value"),
    [
        ("tier: gold", "tier", Op.IS, "gold"),
        ("customer.tier: gold", "tier", Op.IS, "gold"),
        ("tier: [gold, diamond]", "tier", Op.IS, ("gold", "diamond")),
        ("tier: {at_least: gold}", "tier", Op.AT_LEAST, "gold"),
        ("tier: {between: [silver, gold]}", "tier", Op.BETWEEN, ("silver", "gold")),
        ("city: {not: [杭州, 上海]}", "city", Op.NOT, ("杭州", "上海")),
        ("city: {starts_with: 杭}", "city", Op.STARTS_WITH, "杭"),
        ("city: {contains: 州}", "city", Op.CONTAINS, "州"),
        ("age: {between: [0, 6]}", "age", Op.BETWEEN, (0, 6)),
        ("age: 30", "age", Op.IS, 30),
        ("age: {above: 1.5}", "age", Op.ABOVE, 1.5),
        ("spent: {at_least: 50}", "spent", Op.AT_LEAST, 5000),
        ("spent: {below: 19.90}", "spent", Op.BELOW, 1990),
        ("spent: 0.29", "spent", Op.IS, 29),
        ("member: true", "member", Op.IS, True),
        ("phone: {exists: false}", "phone", Op.EXISTS, False),
        ("cart: {exists: true}", "cart", Op.EXISTS, True),
        ("last_order_at: {older_than: 90d}", "last_order_at", Op.OLDER_THAN, durations.parse("90d")),
        ("last_order_at: {before: 2026-01-01 08:00}", "last_order_at", Op.BEFORE, moments.parse("2026-01-01 08:00")),
        ("birthday: {in_next: 7d}", "birthday", Op.IN_NEXT, durations.parse("7d")),
        ("birthday: 1990-03-08", "birthday", Op.IS, "1990-03-08"),
        ("entry.total: {at_least: {from: coupon.amount}}", "entry.total", Op.AT_LEAST, Ref("coupon.amount")),
        ("entry.total: {from: customer.spent}", "entry.total", Op.IS, Ref("spent")),
        ("coupon.code: {from: entry.order_id}", "coupon.code", Op.IS, Ref("entry.order_id")),
        ("last_order_at: {after: {from: entry.at}}", "last_order_at", Op.AFTER, Ref("entry.at")),
    ],
)
def test_a_field_is_compared_as_it_is_stored(text: str, path: str, op: Op, value: object) -> None:
    found = read(text)
    assert (found.path, found.op, found.value) == (path, op, value)
    assert type(found.value) is type(value)


def test_comparisons_carry_the_type_and_only_ordered_choices_their_order() -> None:
    assert read("tier: gold") == Compare("tier", Op.IS, "gold", FieldType.CHOICE, TIERS)
    assert read("gender: female") == Compare("gender", Op.IS, "female", FieldType.CHOICE)


def test_a_mapping_is_and_a_list_is_one_of() -> None:
    found = read("{age: {above: 1, below: 5}, city: 杭州}")
    assert isinstance(found, All)
    assert isinstance(found.parts[0], All)
    assert [part.op for part in found.parts[0].parts] == [Op.ABOVE, Op.BELOW]
    assert read("[{tag: 甲}, {tag: 乙}]") == AnyOf((Tagged(("甲",)), Tagged(("乙",))))


def test_words_about_a_person() -> None:
    assert read("tag: [甲, 乙]") == Tagged(("甲", "乙"))
    assert read("stage: active") == InStage(("active",))
    assert read("segment: buyers") == InSegment("buyers", Tagged(("买过",)))
    assert read("in_journey: welcome") == InJourney(("welcome",))
    assert read("consent: marketing") == Consented("marketing")
    assert read("consent: {purpose: marketing, channel: sms}") == Consented("marketing", "sms")
    assert read("consent: [marketing, service]") == AnyOf((Consented("marketing"), Consented("service")))
    assert read("not: {tag: 黑名单}") == Not(Tagged(("黑名单",)))
    assert read("any: [{tag: 甲}, {all: [{tag: 乙}, {age: 3}]}]").parts[1].parts[0] == Tagged(("乙",))


def test_messages_are_asked_by_the_step_that_sends_them() -> None:
    assert read("clicked: hello") == Marked(MarkKind.CLICKED, "hello")
    assert read("failed: [hello, hello2]") == AnyOf(
        (Marked(MarkKind.FAILED, "hello"), Marked(MarkKind.FAILED, "hello2"))
    )


def test_an_event_in_a_journey_counts_since_entry() -> None:
    assert read("event: order.paid") == Happened(("order.paid",))
    assert read("event: {name: order.paid, since: entry}") == Happened(("order.paid",))


def test_an_event_in_full() -> None:
    text = (
        "event: {name: [order.paid, order.refunded], where: {amount: {at_least: 100}}, "
        "count: {at_least: 2}, within: 7d}"
    )
    assert read(text) == Happened(
        ("order.paid", "order.refunded"),
        Compare("amount", Op.AT_LEAST, 10000, FieldType.MONEY),
        (Op.AT_LEAST, 2),
        Span.WITHIN,
        durations.parse("7d"),
    )
    assert read("event: {name: order.paid, ever: true, count: 0}").count == (Op.IS, 0)
    assert read("event: {name: order.paid, since: 2026-01-01}").value == moments.parse("2026-01-01")
    month_before = Shifted(Ref("entry.at"), -30 * 86_400)
    assert read("event: {name: order.paid, since: entry.at -30d}").value == month_before
    assert read("event: {name: order.paid, since: {from: entry.at}}").value == Shifted(Ref("entry.at"), 0)
    assert read("event: {name: order.paid, since: last_order_at +2h}", SEGMENT).value.seconds == 7200
    pair = (moments.parse("2026-06-01"), moments.parse("2026-06-18"))
    assert read("event: {name: order.paid, between: [2026-06-01, 2026-06-18]}").value == pair


def test_where_speaks_of_the_event_and_refers_to_what_is_around_it() -> None:
    found = read("event: {name: order.paid, where: {order_id: {from: coupon.code}, not: {stage: 已取消}}}")
    assert found.where == All(
        (
            Compare("order_id", Op.IS, Ref("coupon.code"), FieldType.TEXT),
            Not(Compare("stage", Op.IS, "已取消", FieldType.TEXT)),
        )
    )


def test_events_of_a_journey_with_a_key_are_the_same_by_default() -> None:
    assert read("event: order.paid", KEYED).same == "order_id"
    assert read("event: {name: order.paid, same: none}", KEYED).same is None
    assert read("event: {name: order.paid, same: order_id}", JOURNEY).same == "order_id"


def test_an_event_without_the_key_must_say_same_none() -> None:
    assert "C024" in refused("event: cart.cleared", KEYED)
    assert read("event: {name: cart.cleared, same: none}", KEYED).same is None
    assert "C024" in refused("event: [order.paid, cart.cleared]", KEYED)


@pytest.mark.parametrize("scope", [SEGMENT, ENTRY])
def test_outside_the_steps_of_a_journey_a_span_is_required(scope: Scope) -> None:
    assert "C021" in refused("event: order.paid", scope)
    assert "C004" in refused("event: {name: order.paid, since: entry}", scope)
    assert read("event: {name: order.paid, within: 30d}", scope).span is Span.WITHIN


@pytest.mark.parametrize(
    ("text", "place", "code", "hint"),
    [
        ("tire: gold", "1:1", "C001", "did you mean 'tier'?"),
        ("and: [{tag: 甲}]", "1:1", "C001", "did you mean 'all'?"),
        ("entry.totl: 5", "1:1", "C001", "did you mean 'entry.total'?"),
        ("tier: golden", "1:7", "C013", "did you mean 'gold'?"),
        ('tier: "> gold"', "1:7", "C013", "write {above: gold}"),
        ('tier: "<=gold"', "1:7", "C013", "write {at_most: gold}"),
        ('gender: "> male"', "1:9", "C013", "did you mean 'male'?"),
        ("tier: {older_than: 3d}", "1:20", "C010", "at_least"),
        ("gender: {at_least: male}", "1:20", "C010", "is, not, exists"),
        ('age: {">": 3}', "1:7", "C011", "did you mean 'above'?"),
        ("age: {abov: 3}", "1:7", "C011", "did you mean 'above'?"),
        ("age: '> 3'", "1:6", "C012", "compare with a word, such as {above: 3}"),
        ("age: 30%", "1:6", "C012", "write 30"),
        ("age: {at_least: 999999999999999999999999}", "1:17", "C012", "at most 9999999999999"),
        ("spent: 99999999999999元", "1:8", "C012", "at most 9999999999999"),
        ("age: 0.12345678", "1:6", "C012", "at most 6"),
        pytest.param(f"last_order_at: {{within: {'9' * 5_000}d}}", "1:25", "C016", "a hundred years", id="endless-1"),
        pytest.param(
            f"last_order_at: {{after: {'9' * 5_000}-01-01}}", "1:24", "C017", "a hundred years", id="endless-2"
        ),
        ("age: {between: [6, 0]}", "1:16", "C014", "the lower one stands first"),
        ("tier: {between: [gold, silver]}", "1:17", "C014", "the lower one"),
        ("event: {name: order.paid, between: [2026-12-01, 2026-01-01]}", "1:36", "C014", "the earlier one"),
        ("last_order_at: {between: [2026-12-01 10:00, 2026-12-01 09:00]}", "1:26", "C014", "the earlier one"),
        ("spent: 50元", "1:8", "C012", "money is a number of yuan: 50"),
        ("spent: 0.125", "1:8", "C012", "yuan"),
        ("city: 571", "1:7", "C012", 'quote it: "571"'),
        ("member: 'yes'", "1:9", "S015", "true or false"),
        ("city: []", "1:7", "C003", "at least one"),
        ("phone: '13800000001'", "1:8", "C018", "exists: true"),
        ("entry.order_id: {from: phone}", "1:24", "C018", "sealed"),
        ("cart: {contains: 3}", "1:18", "C010", "exists"),
        ("age: {from: city}", "1:13", "C015", "number is due"),
        ("city: {from: coupon.cod}", "1:14", "C002", "did you mean 'coupon.code'?"),
        ("city: [{from: coupon.code}]", "1:8", "C019", "any"),
        ("last_order_at: {within: 0d}", "1:25", "C016", "longer than nothing"),
        ("last_order_at: {within: -3d}", "1:25", "C016", "without a sign"),
        ("last_order_at: {within: 3}", "1:25", "C016", "3d for days"),
        ("event: {name: order.paid, since: entry.order_id}", "1:34", "C015", "time is due"),
        ("event: {name: order.paid, since: {from: entry.on}}", "1:41", "C002", "entry.at"),
        ("event: {name: order.paid, since: entry.at -1mo}", "1:34", "C017", "entry.at -30d"),
        ("event: {name: order.paid, since: entry.at 09:00}", "1:34", "C017", "entry.at -30d"),
        ("event: {name: order.paid, since: entry.at +entry.total}", "1:34", "C017", "entry.at -30d"),
        ("last_order_at: {after: entry.at -3d}", "1:24", "C017", "{from: entry.at}"),
        ("segment: buyer", "1:10", "C040", "did you mean 'buyers'?"),
        ("stage: activ", "1:8", "C041", "did you mean 'active'?"),
        ("in_journey: welcom", "1:13", "C042", "did you mean 'welcome'?"),
        ("consent: {channel: sms}", "1:10", "S002", "add purpose"),
        ("consent: markting", "1:10", "S017", "did you mean 'marketing'?"),
        ("consent: {purpose: marketing, channel: pigeon}", "1:40", "S017", "known are email, sms, wechat, wecom"),
        ("group: 群", "1:1", "C090", "not available yet"),
        ("group.name: 群", "1:1", "C090", "not available yet"),
        ("open_ticket: 回访", "1:1", "C090", "not available yet"),
        ("answered: x", "1:1", "C090", "needs a survey, not available yet"),
        ("repeat.number: 1", "1:1", "C090", "not available yet"),
        ("city: {from: repeat.number}", "1:14", "C090", "not available yet"),
        ("event: ticket.closed", "1:8", "C090", "not available yet"),
        ("answered: hello", "1:1", "C090", "needs a survey, not available yet"),
        ("clicked: helo", "1:10", "C031", "did you mean"),
        ("clicked: pause", "1:10", "C031", "it is a wait step"),
        ("event: order.payd", "1:8", "C020", "did you mean 'order.paid'?"),
        ("event: {name: order.paid, within: 3d, ever: true}", "1:39", "C022", "keep one"),
        ("event: {name: order.paid, ever: false}", "1:33", "S015", "ever: true"),
        ("event: {name: order.paid, count: {at_least: 1, at_most: 3}}", "1:34", "C025", "one comparator"),
        ("event: {name: order.paid, count: -1}", "1:34", "C025", "from 0 on"),
        ("event: {name: order.paid, count: 1.5}", "1:34", "C025", "from 0 on"),
        ("event: {name: order.paid, same: amoun}", "1:33", "C023", "did you mean 'amount'?"),
        ("event: {name: order.paid, same: category}", "1:33", "C023", "the entry has no 'category'"),
        ("event: {name: order.paid, where: {tier: gold}}", "1:35", "C001", "no property of this event"),
        ("event: {name: order.paid, where: {customer.amount: 5}}", "1:35", "C001", "no property"),
        ("event: {name: [order.paid, order.refunded], where: {category: 床品}}", "1:53", "C027", "one by one"),
        ("event: {nam: order.paid}", "1:9", "S001", "did you mean 'name'?"),
        ("event: {where: {amount: 5}}", "1:8", "S002", "'name' is missing"),
        ("any: {tag: 甲}", "1:6", "S011", "dash"),
        ("not: gold", "1:6", "S012", "a condition is due"),
        ("tag: 12", "1:6", "S014", 'quote it: "12"'),
        ("{}", "1:1", "C003", "empty"),
        ("any: []", "1:6", "C003", "empty"),
    ],
)
def test_a_slip_is_reported_where_it_stands_with_what_to_do(text: str, place: str, code: str, hint: str) -> None:
    problem = refused(text)
    assert problem.startswith(f"t.yaml:{place} {code} "), problem
    assert hint in problem


def test_what_belongs_to_a_run_is_refused_in_a_segment() -> None:
    assert "C030" in refused("clicked: hello", SEGMENT)
    assert "C004" in refused("entry.total: 5", SEGMENT)
    assert "C004" in refused("event: {name: order.paid, within: 3d, same: order_id}", SEGMENT)


def test_all_mistakes_come_at_once() -> None:
    _, problems = tried("{tire: gold, age: x, event: {name: order.payd}, any: [{tag: 3}, {segment: buyer}]}")
    assert [problem.split()[1] for problem in problems] == ["C001", "C012", "C020", "S014", "C040"]


def test_what_a_wait_for_waits_for() -> None:
    def happening(text: str, scope: Scope = JOURNEY) -> tuple[object, list[str]]:
        document = source.parse(text, "t.yaml")
        findings = Findings(document)
        return parse.Reader(findings, scope).happening(document.data, ()), [p.code for p in findings.problems]

    assert happening("{clicked: hello}") == (Marked(MarkKind.CLICKED, "hello"), [])
    assert happening("{event: order.paid}", KEYED) == (Happened(("order.paid",), same="order_id"), [])
    assert happening("{event: {name: order.paid, count: 2, within: 3d}}")[1] == ["C026", "C026"]
    assert happening("{clicked: [hello, hello2]}") == (None, ["S010"])
    assert happening("{clicked: hello, event: order.paid}") == (None, ["C003"])
    assert happening("3d") == (None, ["S012"])


def test_the_event_of_an_entry_has_neither_same_nor_the_key() -> None:
    findings = Findings(source.parse("{}", "t.yaml"))
    reader = parse.Reader(findings, KEYED)
    assert reader.match("cart.cleared", (), same=False) == Happened(("cart.cleared",))
    assert not findings.problems
    reader.match({"name": "order.paid", "same": "order_id"}, (), same=False)
    assert [problem.code for problem in findings.problems] == ["C026"]


def test_every_code_that_is_used_is_in_a_table() -> None:
    import inspect
    import re

    from automation.conditions import compare, events, findings, values

    used = {
        code
        for module in (compare, events, findings, parse, values)
        for code in re.findall(r'"([CS]\d{3})"', inspect.getsource(module))
    }
    assert {code for code in used if code[0] == "C"} == set(codes.CODES)
    assert {code for code in used if code[0] == "S"} <= set(kernel_codes.CODES)


SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(["gold", "order.paid", "entry.at", "3d", "2026-01-01", "hello", "none", "50%", "today", "-1"]),
)
KEYS = st.one_of(
    st.sampled_from([*parse.WORDS, *FIELDS, *Op, "from", "name", "where", "count", "same", "ever", "within", "since"]),
    st.sampled_from(["entry.total", "coupon.code", "customer.tier", "purpose", "group.x", "a.b.c"]),
    st.text(max_size=6),
)
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=4)),
    max_leaves=12,
)


@settings(max_examples=400, deadline=None)
@given(value=ANYTHING, scope=st.sampled_from([JOURNEY, KEYED, SEGMENT, ENTRY]))
def test_nothing_a_person_can_write_makes_the_reader_raise(value: object, scope: Scope) -> None:
    findings = Findings(source.parse("{}", "t.yaml"))
    reader = parse.Reader(findings, scope)
    found = reader.condition(value, ())
    reader.happening(value, ())
    reader.match(value, (), same=True)
    if not findings.problems:
        assert not isinstance(found, Always)
    for problem in findings.problems:
        assert len(str(problem)) < 1200
