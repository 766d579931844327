"""Steps become crossings with the right leaves, cut by fences where a later test depends on an earlier effect."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from automation.conditions.tree import Tagged
from automation.festivals.durations import Duration
from automation.festivals.moments import parse as moment
from automation.journey import compile, graph, model
from automation.journey.graph import Choice, HasCoupon, Leave, Share, Stand
from automation.journey.shop import Shop
from tests.journey import shelf

DAY = Duration(days=1)


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    return shelf.with_texts(tmp_path_factory.mktemp("shop"))


def nodes_of(text: str, known: Shop) -> dict[str, graph.Node]:
    return dict(shelf.read(shelf.steps(text), known).nodes)


def shape(crossing: graph.Crossing) -> list[tuple[list[str], object]]:
    """What each leaf does and where it ends, in order."""
    assert [leaf.number for leaf in crossing.leaves] == list(range(len(crossing.leaves)))
    return [([effect.key for effect in leaf.effects], leaf.end) for leaf in crossing.leaves]


def test_steps_up_to_the_next_wait_are_one_crossing(known: Shop) -> None:
    nodes = nodes_of("- send: hello\n- tag: a\n- {wait: 1d, id: night}\n- tag: b", known)
    assert shape(nodes["start"].go) == [(["hello", "tag:a#1"], Stand("night", DAY))]
    assert shape(nodes["night"].go) == [(["tag:b#1"], Leave("finished"))]
    assert list(nodes) == ["start", "night"]


def test_a_step_with_a_condition_of_its_own_is_a_branch_around_it(known: Shop) -> None:
    nodes = nodes_of("- {tag: a, if: {tier: gold}}\n- tag: b", known)
    done = Leave("finished")
    assert shape(nodes["start"].go) == [(["tag:a#1", "tag:b#1"], done), (["tag:b#1"], done)]


def test_branches_go_on_behind_the_choice_unless_they_end_the_run(known: Shop) -> None:
    text = """
    - choose:
      - {if: {tier: gold}, then: [{stop: vip}]}
      - {if: {size: L}, then: [{tag: l}]}
    - {wait: 1d, id: w}
    """
    nodes = nodes_of(text, known)
    assert shape(nodes["start"].go) == [([], Leave("vip")), (["tag:l#1"], Stand("w", DAY)), ([], Stand("w", DAY))]


def test_a_wait_inside_a_branch_goes_on_behind_the_branch(known: Shop) -> None:
    nodes = nodes_of("- {if: {tier: gold}, then: [{wait: 1d, id: w}, {tag: a}]}\n- tag: b", known)
    assert shape(nodes["start"].go) == [([], Stand("w", DAY)), (["tag:b#1"], Leave("finished"))]
    assert shape(nodes["w"].go) == [(["tag:a#1", "tag:b#1"], Leave("finished"))]


def test_waiting_for_something_has_two_ways_out(known: Shop) -> None:
    text = """
    - wait_for: {event: order.paid}
      id: bought
      up_to: entry.at +3d 10:00
      as: order
      then: [{tag: yes_}]
      else: [{tag: no_}]
    - tag: both
    """
    nodes = nodes_of(text, known)
    assert shape(nodes["start"].go) == [([], Stand("bought", moment("entry.at +3d 10:00")))]
    node = nodes["bought"]
    assert node.kind is graph.NodeKind.WAIT_FOR and node.awaited is not None and node.awaited.as_name == "order"
    assert shape(node.go) == [(["tag:no_#1", "tag:both#1"], Leave("finished"))]
    assert shape(node.awaited.answered) == [(["tag:yes_#1", "tag:both#1"], Leave("finished"))]


def test_a_coupon_with_else_is_asked_about_behind_a_fence(known: Shop) -> None:
    nodes = nodes_of("- coupon: birthday_50\n  else: [{stop: none_left}]\n- {send: gift, via: [wechat]}", known)
    key = "fence:coupon:birthday_50#1:given"
    assert shape(nodes["start"].go) == [(["coupon:birthday_50#1"], Stand(key))]
    fence = nodes[key]
    assert fence.kind is graph.NodeKind.FENCE
    assert isinstance(fence.go.decision, Choice) and fence.go.decision.branches[0][0] == HasCoupon("coupon")
    assert shape(fence.go) == [(["gift"], Leave("finished")), ([], Leave("none_left"))]


FENCED = [
    ("a tag", "- tag: a\n- {tag: b, if: {tag: a}}", "fence:tag:b#1"),
    ("a tag taken off", "- untag: a\n- {if: {not: {tag: [x, a]}}, then: []}", "fence:if#1"),
    ("a field", "- {set: {size: L}}\n- {tag: b, if: {size: L}}", "fence:tag:b#1"),
    ("the change of a field", "- {set: {size: L}}\n- {tag: b, if: {event: customer.changed}}", "fence:tag:b#1"),
    ("points", "- {points: 5, reason: x}\n- {tag: b, if: {points: {above: 9}}}", "fence:tag:b#1"),
    ("a message", "- send: hello\n- {tag: b, if: {sent: hello}}", "fence:tag:b#1"),
    ("a coupon", "- coupon: birthday_50\n- {tag: b, if: {coupon.code: {exists: true}}}", "fence:tag:b#1"),
    (
        "a coupon in a where",
        "- coupon: birthday_50\n- {tag: b, if: {event: {name: coupon.redeemed, where: {code: {from: coupon.code}}}}}",
        "fence:tag:b#1",
    ),
    ("a coupon in a wait", "- coupon: birthday_50\n- {wait: until coupon.expires -3d, id: w}", "fence:w"),
    (
        "a coupon in a limit",
        "- coupon: birthday_50\n- {send: gift, via: [wechat], expires: coupon.expires}",
        "fence:gift",
    ),
    ("a journey", "- start: other\n- {tag: b, if: {in_journey: other}}", "fence:tag:b#1"),
    ("a tag in a segment", "- tag: a\n- {choose: [{if: {segment: tagged}, then: []}]}", "fence:choose#1"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "fence"), [case[1:] for case in FENCED], ids=[case[0] for case in FENCED])
def test_what_reads_what_was_just_written_stands_behind_a_fence(tmp_path: Path, text: str, fence: str) -> None:
    known = shelf.with_texts(tmp_path)
    known = shelf.shop(known.texts, segments={"tagged": Tagged(("a",))})
    nodes = nodes_of(text, known)
    assert {leaf.end for leaf in nodes["start"].go.leaves} == {Stand(fence)}
    assert nodes[fence].kind is graph.NodeKind.FENCE


def test_what_reads_something_else_needs_no_fence(known: Shop) -> None:
    text = "- tag: a\n- {set: {size: L}}\n- send: hello\n- coupon: birthday_50\n"
    text += "- {tag: c, if: {tag: b}}\n- {if: {tier: gold}, then: []}"
    assert list(nodes_of(text, known)) == ["start"]


def test_only_those_who_came_past_the_writing_step_are_held_up(known: Shop) -> None:
    nodes = nodes_of("- {if: {tier: gold}, then: [{tag: a}, {stop: x}]}\n- {tag: b, if: {tag: a}}", known)
    assert list(nodes) == ["start"]


def test_after_a_fence_the_step_is_decided_with_what_is_then_true(known: Shop) -> None:
    nodes = nodes_of("- tag: a\n- {tag: b, if: {tag: a}}", known)
    assert shape(nodes["fence:tag:b#1"].go) == [(["tag:b#1"], Leave("finished")), ([], Leave("finished"))]


def test_a_crossing_never_has_more_than_64_leaves(known: Shop) -> None:
    text = "\n".join(f"- {{tag: t{number}, if: {{size: s{number}}}}}" for number in range(20))
    nodes = nodes_of(text, known)
    assert [len(node.go.leaves) for node in nodes.values()] == [64, 64, 64, 4]
    assert [node.kind for node in nodes.values()][1:] == [graph.NodeKind.FENCE] * 3


def test_a_choice_of_the_most_branches_fits_after_a_fence(known: Shop) -> None:
    branches = "".join(f"\n  - {{if: {{size: s{n}}}, then: [{{tag: t{n}}}]}}" for n in range(compile.MOST_BRANCHES))
    nodes = nodes_of(f"- {{tag: x, if: {{tier: gold}}}}\n- choose:{branches}\n- {{tag: y, if: {{tier: gold}}}}", known)
    assert max(len(node.go.leaves) for node in nodes.values()) <= compile.MOST_LEAVES
    too_many = branches + "\n  - {if: {size: XXL}, then: []}"
    assert [one.code for one in shelf.problems(shelf.steps(f"- choose:{too_many}"), known)] == ["J033"]


def test_shares_cover_everybody_without_gap(known: Shop) -> None:
    paths = ", ".join(f"p{n}: {{share: {share}, then: []}}" for n, share in enumerate(("33.3%", "33.3%", "33.4%")))
    decision = nodes_of(f"- {{split: offer, paths: {{{paths}}}}}", known)["start"].go.decision
    assert isinstance(decision, Choice)
    (first, _), (second, _) = decision.branches
    assert isinstance(first, Share) and isinstance(second, Share)
    assert (first.point, first.low, second.low) == ("offer", 0, first.high)
    assert first.high == pytest.approx(0.333 * compile.WHOLE, abs=1)
    assert compile.ranges([33300, 33300, 33400])[-1][1] == compile.WHOLE


def many_steps(count: int) -> model.Steps:
    """Waits that only some take, tags, and tags that only some get, in turns."""
    made = []
    for n in range(count):
        act: model.Act = model.Wait(DAY) if n % 3 == 0 else model.Do(graph.AddTag(f"s{n}", f"t{n}"))
        made.append(model.Step(f"s{n}", act, None if n % 3 == 1 else Tagged((f"c{n}",)), n))
    return tuple(made)


def test_a_long_journey_compiles_in_time_and_to_few_nodes() -> None:
    steps = many_steps(3000)
    began = time.process_time()
    nodes = compile.compile_steps(steps)
    assert time.process_time() - began < 3, "it takes less than a second where nothing else runs"
    assert len(nodes) <= len(steps) + 1
    assert max(len(node.go.leaves) for node in nodes.values()) <= compile.MOST_LEAVES


def test_twice_as_many_steps_make_twice_as_many_leaves() -> None:
    leaves = [
        sum(len(node.go.leaves) for node in compile.compile_steps(many_steps(count)).values()) for count in (300, 600)
    ]
    assert leaves[1] < 2.2 * leaves[0]
