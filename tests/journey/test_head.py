"""The head of a journey: what it may say, what it means where it says nothing, and every mistake at its place."""

from __future__ import annotations

import pytest

from automation.conditions.tree import AnyOf, Compare, Happened, Op, Tagged
from automation.festivals.durations import Duration
from automation.journey import graph
from automation.journey.shop import Shop
from tests.journey import shelf

GOOD = "journey: wake\npurpose: promo\nenter: {event: order.paid}\nagain: finished\nsteps: [{tag: a}]\n"


@pytest.fixture(scope="module")
def known() -> Shop:
    return shelf.shop()


WRONG = [
    ("journey: wkae\n", 1, 10, "J001", "rename the file to wkae.yaml"),
    ("purpose: prommo\n", 1, 10, "J003", "did you mean 'promo'"),
    ("purpos: promo\n", 1, 1, "S001", "did you mean 'purpose'"),
    ("status: alive\n", 1, 9, "S017", "did you mean 'live'"),
    ("on_change: pinn\n", 1, 12, "S017", "did you mean 'pin'"),
    ("active: 2026-10-20 - 2026-11-12\n", 1, 9, "J004", "2026-10-20 to 2026-11-12"),
    ("active: 2026-11-20 to 2026-11-12\n", 1, 9, "J004", "ends before"),
    ("clock: chop\n", 1, 8, "S017", "did you mean 'shop'"),
    ("while_inside: start\n", 1, 15, "S017", "did you mean 'restart'"),
    ("holdout: 5\n", 1, 10, "S021", "write 5%"),
    ("holdout: 60%\n", 1, 10, "J007", "at most 50%"),
    ("owner: oops\n", 1, 8, "J008", "did you mean 'ops'"),
    ("pace: 500\n", 1, 7, "J006", "write pace: 500 a day"),
    ("pace: 20,000 a day\n", 1, 7, "J006", "write pace: 20000 a day"),
    ("pace: 99999999999999999999 a day\n", 1, 7, "J006", "at most 999999999 a day"),
    (f"pace: {'9' * 5_000} a day\n", 1, 7, "J006", "at most 999999999 a day"),
    ("again: always\n", 1, 8, "J005", "after 180d"),
    ("again: each_occasion\n", 1, 8, "J005", "date or festival"),
    ("again: after 3\n", 1, 8, "C016", "unit is missing"),
    ("again: after 6mo\n", 1, 8, "C016", "write days, such as 30d"),
    ("goal: {event: order.paid, up_to: 2 workdays}\n", 1, 34, "C016", "write days, such as 30d"),
    ("key: order\n", 1, 6, "J011", "did you mean 'order_id'"),
    ("key: amount\n", 1, 6, "J011", "no single thing"),
    ("goal: {event: order.paid}\n", 1, 7, "S002", "up_to"),
    ("goal: {event: order.paid, up_to: 14d, value: category}\n", 1, 46, "J018", "amount"),
    ("exit: {tag: a}\n", 1, 7, "S011", "behind a dash"),
    ("exit: [goal]\n", 1, 8, "J018", "no goal"),
    ("unless: {tagg: a}\n", 1, 10, "C001", "did you mean 'tag'"),
    ("subject: group\n", 1, 10, "J002", "not available yet"),
    ("exclusive: x\n", 1, 1, "J002", "not available yet"),
    ("priority: 10\n", 1, 1, "J002", "not available yet"),
    ("inputs: {a: text}\n", 1, 1, "J002", "not available yet"),
]


@pytest.mark.parametrize(
    ("first", "line", "column", "code", "said"), WRONG, ids=[case[0].strip()[:80] for case in WRONG]
)
def test_a_mistake_is_shown_where_it_stands_with_a_way_out(
    known: Shop, first: str, line: int, column: int, code: str, said: str
) -> None:
    key = first.partition(":")[0]
    rest = [row for row in GOOD.splitlines(keepends=True) if not row.startswith((f"{key}:", f"{key}e:"))]
    found = shelf.problems(first + "".join(rest), known)
    assert [(one.line, one.column, one.code) for one in found] == [(line, column, code)], found
    assert said in f"{found[0].message} ({found[0].hint})"


def test_what_must_be_said_is_missed() -> None:
    found = shelf.problems("title: x\n", shelf.shop())
    assert [(one.code, one.message) for one in found] == [
        ("S002", f"'{key}' is missing") for key in ("enter", "journey", "purpose", "steps")
    ]


def test_what_is_not_said_has_the_default_of_the_reference(known: Shop) -> None:
    journey = shelf.read(GOOD, known)
    assert (journey.title, journey.owner, journey.status, journey.on_change) == ("wake", None, "draft", "pin")
    assert (journey.active, journey.shop_clock, journey.restart_inside, journey.holdout) == (None, False, False, 0)
    assert (journey.exit, journey.exit_on_goal, journey.goal, journey.pace, journey.unless) == (
        (),
        False,
        None,
        None,
        None,
    )
    assert (journey.catch_up, journey.again, journey.kind, journey.purpose) == (
        Duration(days=1), graph.Again.FINISHED, "marketing", "promo",
    )  # fmt: skip


def test_everything_that_is_said_arrives(known: Shop) -> None:
    journey = shelf.read(
        """
        journey: wake
        title: 唤醒
        owner: ops
        purpose: service
        status: live
        on_change: recount
        active: 2026-10-20 to 2026-11-12
        clock: shop
        enter: {event: order.paid, catch_up: 2h}
        key: order_id
        again: after 30d
        while_inside: restart
        holdout: 12.5%
        goal: {event: {name: order.paid, where: {category: 床品}}, up_to: 14d, value: amount}
        exit: [goal, {tag: 黑名单}, {event: order.paid}]
        unless: {any: [{tag: a}, {segment: vip}]}
        pace: 500 a day
        steps: [{tag: a}]
        """,
        known,
    )
    assert (journey.title, journey.owner, journey.status, journey.on_change) == ("唤醒", "ops", "live", "recount")
    assert (journey.active, journey.shop_clock, journey.key) == (("2026-10-20", "2026-11-12"), True, "order_id")
    assert (journey.again, journey.again_after, journey.restart_inside) == ("after", Duration(days=30), True)
    assert (journey.holdout, journey.pace, journey.kind) == (12.5, 500, "service")
    assert journey.goal is not None and (journey.goal.up_to, journey.goal.value) == (Duration(days=14), "amount")
    assert isinstance(journey.goal.event.where, Compare) and journey.goal.event.same == "order_id"
    assert journey.exit_on_goal
    blacklist, another_order = journey.exit
    assert blacklist == Tagged(("黑名单",))
    assert isinstance(another_order, Happened) and another_order.same == "order_id"
    assert isinstance(journey.unless, AnyOf)


def test_one_way_in_by_event_and_key_is_for_good_unless_said_otherwise(known: Shop) -> None:
    text = GOOD.replace("again: finished\n", "key: order_id\n")
    assert shelf.read(text, known).again is graph.Again.NEVER
    found = shelf.problems(GOOD.replace("again: finished\n", ""), known)
    assert [(one.line, one.code) for one in found] == [(1, "J005")]


def test_an_exit_may_ask_for_what_the_steps_give(known: Shop) -> None:
    text = GOOD.replace("[{tag: a}]", "[{coupon: birthday_50}]")
    text += "exit: [{event: {name: coupon.redeemed, where: {code: {from: coupon.code}}}}]\n"
    (exit_,) = shelf.read(text, known).exit
    assert isinstance(exit_, Happened) and isinstance(exit_.where, Compare) and exit_.where.op is Op.IS


def test_the_version_is_named_by_the_text(known: Shop) -> None:
    one, other = shelf.read(GOOD, known), shelf.read(GOOD + "# a note\n", known)
    assert one.source == GOOD and one.hash != other.hash and len(one.hash) == 64


def test_a_journey_without_steps_is_only_a_warning(known: Shop) -> None:
    assert shelf.problems(GOOD.replace("[{tag: a}]", "[]"), known) == []
