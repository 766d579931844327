"""Two people in journeys who turn out to be one, and one who turns out to be two."""

from __future__ import annotations

import itertools

import pytest

from automation.people import merging
from automation.store import occasions
from automation.store.states import MessageState
from tests.engine.shop import Shop

ORDERS = """
enter: {event: order.paid}
again: finished
steps:
  - {wait: 1d}
  - {coupon: gift}
  - {send: hello}
  - {points: 5, reason: x}
  - {webhook: crm}
  - {wait: 3d}
"""
ONCE = "enter: {event: wechat.followed}\nagain: never\nsteps: [{wait: 1d}, {send: hello}, {wait: 1d}]\n"
AT_ONCE = "enter: {event: wechat.followed}\nagain: never\nsteps: [{send: hello}, {points: 5, reason: x}]\n"
CARTS = "enter: {event: cart.updated, settle: 1h}\nagain: finished\nsteps: [{send: hello}]\n"


def merge(shop: Shop, kept: int, gone: int, at: str) -> int:
    with shop.store.write() as tx:
        return merging.merge(tx, shop.ts(at), kept, gone, "a test")


def unmerge(shop: Shop, number: int, at: str) -> None:
    with shop.store.write() as tx:
        merging.unmerge(tx, shop.ts(at), number)


def pays(shop: Shop, person: int, at: str, order: str) -> None:
    shop.event(person, "order.paid", at, order_id=order)
    shop.tick(at)


def follows(shop: Shop, person: int, at: str) -> None:
    shop.event(person, "wechat.followed", at)
    shop.tick(at)


def becomes(shop: Shop, person: int, state: MessageState) -> None:
    """The person's message is in this state now, as delivering leaves it."""
    due = "due" if state in (MessageState.QUEUED, MessageState.CLAIMED) else "NULL"
    proof = "scheduled_at" if state == MessageState.SENT else "NULL"
    with shop.store.write() as tx:
        tx.run(
            f"UPDATE message SET state = {state:d}, due = {due}, delivered_at = {proof} WHERE person_id = :person",
            person=person,
        )


def leaves_cart(shop: Shop, person: int, at: str, total: int) -> None:
    shop.event(person, "cart.updated", at, total=total)
    shop.tick(at)


def test_a_run_that_goes_back_takes_along_what_it_did_meanwhile(shop: Shop) -> None:
    shop.open("2026-03-01 08:00", wake=ORDERS)
    shop.codes("gift", "A1")
    ann, bob = shop.people(2)
    pays(shop, bob, "2026-03-01 09:00", "1")
    number = merge(shop, ann, bob, "2026-03-01 09:01")
    shop.tick("2026-03-02 09:00")
    assert [message.person for message in shop.messages()] == [ann]
    unmerge(shop, number, "2026-03-02 10:00")
    shop.tick("2026-03-02 10:00")
    for table in ("message", "coupon", "points", "effect"):
        assert shop.store.rows(f"SELECT DISTINCT person_id FROM {table} WHERE run_id = 1") == [(bob,)], table
    assert shop.run().person == bob
    assert shop.store.rows("SELECT id, points FROM person ORDER BY id") == [(ann, 0), (bob, 5)]


def test_a_message_claimed_for_an_address_of_the_other_looks_for_one_again(shop: Shop) -> None:
    shop.open("2026-03-01 08:00", wake=ORDERS.replace("  - {coupon: gift}\n", ""))
    ann, bob = shop.people(2)
    with shop.store.write() as tx:
        phone = tx.value(
            "INSERT INTO identity (kind, lookup, person_id, sealed, key_id) VALUES ('phone', :blob, :ann, :blob, 1)"
            " RETURNING id",
            blob=b"x", ann=ann,
        )  # fmt: skip
    pays(shop, bob, "2026-03-01 09:00", "1")
    number = merge(shop, ann, bob, "2026-03-01 09:01")
    shop.tick("2026-03-02 09:00")
    with shop.store.write() as tx:
        tx.run(
            f"UPDATE message SET state = {MessageState.CLAIMED}, identity_id = :phone, token = 7, counted_at = :now,"
            " lease_until = :now, due = NULL",
            phone=phone, now=shop.ts("2026-03-02 09:01"),
        )  # fmt: skip
    unmerge(shop, number, "2026-03-02 09:01")
    found = shop.store.rows("SELECT state, token, counted_at, lease_until, due FROM message")
    assert found == [(MessageState.QUEUED, None, None, None, shop.ts("2026-03-02 09:01"))]


def test_a_message_claimed_for_an_address_of_their_own_goes_on(shop: Shop) -> None:
    shop.open("2026-03-01 08:00", wake=ORDERS.replace("  - {coupon: gift}\n", ""))
    ann, bob = shop.people(2)
    with shop.store.write() as tx:
        phone = tx.value(
            "INSERT INTO identity (kind, lookup, person_id, sealed, key_id) VALUES ('phone', :blob, :bob, :blob, 1)"
            " RETURNING id",
            blob=b"x", bob=bob,
        )  # fmt: skip
    pays(shop, bob, "2026-03-01 09:00", "1")
    number = merge(shop, ann, bob, "2026-03-01 09:01")
    shop.tick("2026-03-02 09:00")
    lease = shop.ts("2026-03-02 09:02")
    with shop.store.write() as tx:
        tx.run(
            f"UPDATE message SET state = {MessageState.CLAIMED}, identity_id = :phone, token = 7, counted_at = :now,"
            " lease_until = :lease, due = NULL",
            phone=phone, now=shop.ts("2026-03-02 09:01"), lease=lease,
        )  # fmt: skip
    unmerge(shop, number, "2026-03-02 09:01")
    found = shop.store.rows("SELECT person_id, state, token, lease_until FROM message")
    assert found == [(bob, MessageState.CLAIMED, 7, lease)]


def test_runs_of_two_orders_both_go_on(shop: Shop) -> None:
    shop.open("2026-03-01 08:00", wake=f"key: order_id{ORDERS}")
    shop.codes("gift", "A1", "A2")
    ann, bob = shop.people(2)
    pays(shop, ann, "2026-03-01 09:00", "1")
    pays(shop, bob, "2026-03-01 09:30", "2")
    merge(shop, ann, bob, "2026-03-01 10:00")
    assert [(run.person, run.key, run.inside) for run in shop.runs()] == [(ann, "1", True), (ann, "2", True)]
    shop.tick("2026-03-02 09:30")
    assert [message.person for message in shop.messages()] == [ann, ann]


def test_two_who_both_went_through_a_journey_are_merged_with_all_they_got(shop: Shop) -> None:
    shop.open("2026-03-01 08:00", wake=ONCE)
    ann, bob = shop.people(2)
    follows(shop, ann, "2026-03-01 09:00")
    follows(shop, bob, "2026-03-01 10:00")
    shop.tick("2026-03-02 10:00", "2026-03-03 10:00")
    for person in (ann, bob):
        becomes(shop, person, MessageState.SENT)
    before = shop.store.rows("SELECT id, person_id, episode FROM run ORDER BY id")
    number = merge(shop, ann, bob, "2026-03-03 11:00")
    shop.tick("2026-03-03 11:00")
    assert [(run.person, run.reason) for run in shop.runs()] == [(ann, "finished")] * 2
    assert [message.person for message in shop.messages(MessageState.SENT)] == [ann, ann]
    unmerge(shop, number, "2026-03-03 12:00")
    shop.tick("2026-03-03 12:00")
    assert shop.store.rows("SELECT id, person_id, episode FROM run ORDER BY id") == before
    assert [message.person for message in shop.messages(MessageState.SENT)] == [ann, bob]


@pytest.mark.parametrize("kept", ["the first", "the second"])
def test_whoever_had_the_same_occasion_already_does_not_go_through_it_twice(shop: Shop, kept: str) -> None:
    shop.open("2026-03-01 08:00", wake=ONCE)
    ann, bob = shop.people(2)
    follows(shop, ann, "2026-03-01 09:00")
    shop.tick("2026-03-02 09:00", "2026-03-03 09:00")
    follows(shop, bob, "2026-03-03 10:00")
    one, other = (ann, bob) if kept == "the first" else (bob, ann)
    number = merge(shop, one, other, "2026-03-03 11:00")
    shop.tick("2026-03-04 10:00")
    assert [(run.person, run.reason) for run in shop.runs()] == [(one, "finished"), (one, "merged")]
    assert len(shop.messages()) == 1
    unmerge(shop, number, "2026-03-04 11:00")
    shop.tick("2026-03-04 11:00")
    assert [message.person for message in shop.messages()] == [ann, bob]


@pytest.mark.parametrize("kept", ["the first", "the second"])
def test_of_two_inside_by_the_same_occasion_the_first_goes_on(shop: Shop, kept: str) -> None:
    shop.open("2026-03-01 08:00", wake=ONCE)
    ann, bob = shop.people(2)
    follows(shop, ann, "2026-03-01 09:00")
    follows(shop, bob, "2026-03-02 08:00")
    shop.tick("2026-03-02 09:00")
    one, other = (ann, bob) if kept == "the first" else (bob, ann)
    number = merge(shop, one, other, "2026-03-02 10:00")
    shop.tick("2026-03-03 09:00")
    assert [(run.person, run.reason) for run in shop.runs()] == [(one, "finished"), (one, "merged")]
    assert [message.person for message in shop.messages()] == [one]
    unmerge(shop, number, "2026-03-03 10:00")
    shop.tick("2026-03-03 10:00")
    assert [message.person for message in shop.messages()] == [ann, bob]
    assert shop.store.rows("SELECT DISTINCT episode FROM run") == [("",)]


def test_whoever_entered_anew_meanwhile_does_not_stand_twice_in_a_journey(shop: Shop) -> None:
    shop.open(
        "2026-03-01 08:00",
        wake="enter: {segment: gold, check: daily 09:00, existing: include}\nagain: finished\nsteps:\n"
        "  - {if: {tag: quick}, then: [{send: hello}], else: [{wait: 3d}]}\n",
    )
    ann, bob = shop.person(tier="gold"), shop.person(tier="gold", tags=("quick",))
    shop.tick("2026-03-01 09:00")
    number = merge(shop, ann, bob, "2026-03-01 10:00")
    with shop.store.write() as tx:
        tx.run("DELETE FROM person_tag")
    shop.tick("2026-03-02 09:00")
    unmerge(shop, number, "2026-03-02 10:00")
    shop.tick("2026-03-02 10:00")
    assert [(run.person, run.inside) for run in shop.runs()] == [(ann, False), (bob, False), (ann, True)]


def test_a_run_that_lives_again_finds_its_version_kept(shop: Shop) -> None:
    often = ONCE.replace("never", "finished")
    shop.open("2026-03-01 08:00", wake=often)
    ann, bob = shop.people(2)
    follows(shop, bob, "2026-03-01 09:00")
    shop.open("2026-03-01 10:00", wake=often.replace("hello", "hullo"))
    follows(shop, ann, "2026-03-01 10:00")
    number = merge(shop, ann, bob, "2026-03-01 11:00")
    shop.reload("2026-03-01 12:00")
    assert shop.store.value("SELECT count(*) FROM version WHERE retired_at IS NOT NULL") == 1
    unmerge(shop, number, "2026-03-01 13:00")
    shop.tick("2026-03-01 13:00")
    shop.reload("2026-03-01 14:00")
    shop.tick("2026-03-02 09:00", "2026-03-02 10:00")
    assert [(message.person, message.step) for message in shop.messages()] == [(bob, "hello"), (ann, "hullo")]


def test_a_run_that_stands_still_is_held_again_when_it_lives_again(shop: Shop) -> None:
    shop.open("2026-03-01 08:00", wake=ONCE)
    ann, bob = shop.people(2)
    follows(shop, ann, "2026-03-01 09:00")
    follows(shop, bob, "2026-03-01 10:00")
    shop.pause("wake", "2026-03-01 11:00")
    shop.tick("2026-03-02 10:00")
    number = merge(shop, ann, bob, "2026-03-02 11:00")
    assert [(run.inside, run.held) for run in shop.runs()] == [(True, "2026-03-02 09:00"), (False, None)]
    unmerge(shop, number, "2026-03-02 12:00")
    assert [(run.inside, run.held) for run in shop.runs()] == [(True, "2026-03-02 09:00"), (True, "2026-03-02 10:00")]


def test_a_run_of_a_journey_that_was_stopped_does_not_live_again(shop: Shop) -> None:
    shop.open("2026-03-01 08:00", wake=ONCE)
    ann, bob = shop.people(2)
    for person in (ann, bob):
        follows(shop, person, "2026-03-01 09:00")
    number = merge(shop, ann, bob, "2026-03-01 10:00")
    shop.open("2026-03-01 11:00", wake=f"status: stopped\n{ONCE}")
    unmerge(shop, number, "2026-03-01 12:00")
    shop.tick("2026-03-02 12:00")
    assert [(run.person, run.inside, run.reason) for run in shop.runs()] == [
        (ann, False, "stopped"), (bob, False, "stopped"),
    ]  # fmt: skip
    assert shop.messages(None) == []


@pytest.mark.parametrize(
    ("kept", "gone", "then"),
    [
        ("QUEUED", "QUEUED", ["QUEUED", "CANCELLED"]),
        ("CLAIMED", "CLAIMED", ["CLAIMED", "CANCELLED"]),
        ("SENT", "QUEUED", ["SENT", "CANCELLED"]),
        ("QUEUED", "SENT", ["CANCELLED", "SENT"]),
        ("QUEUED", "AMBIGUOUS", ["CANCELLED", "AMBIGUOUS"]),
        ("FAILED", "QUEUED", ["FAILED", "QUEUED"]),
        ("QUEUED", "SUPPRESSED", ["QUEUED", "SUPPRESSED"]),
    ],
)
def test_of_two_who_went_through_the_same_occasion_one_message_of_a_step_is_left(
    shop: Shop, kept: str, gone: str, then: list[str]
) -> None:
    shop.open("2026-03-01 08:00", wake=AT_ONCE)
    ann, bob = shop.people(2)
    for person in (ann, bob):
        follows(shop, person, "2026-03-01 09:00")
    for person, state in ((ann, kept), (bob, gone)):
        becomes(shop, person, MessageState[state])
    number = merge(shop, ann, bob, "2026-03-01 10:00")
    assert [(message.person, message.state) for message in shop.messages(None)] == [(ann, state) for state in then]
    unmerge(shop, number, "2026-03-01 11:00")
    assert [message.person for message in shop.messages(None)] == [ann, bob]
    assert shop.store.rows("SELECT DISTINCT person_id FROM points ORDER BY 1") == [(ann,), (bob,)]


def test_of_two_occasions_both_messages_stay_when_their_customers_are_merged(shop: Shop) -> None:
    shop.open("2026-03-01 08:00", wake=AT_ONCE.replace("never", "finished"))
    ann, bob = shop.people(2)
    for person in (ann, bob):
        follows(shop, person, "2026-03-01 09:00")
    merge(shop, ann, bob, "2026-03-01 10:00")
    assert [message.person for message in shop.messages()] == [ann, ann]


@pytest.mark.parametrize("merged", [False, True])
def test_whoever_waits_for_their_turn_is_not_answered_by_what_they_entered_with(shop: Shop, merged: bool) -> None:
    shop.open(
        "2026-03-01 08:00",
        wake="enter: {event: order.paid}\nagain: finished\npace: 1 a day\nsteps:\n  - wait_for: {event: order.paid}\n"
        "    up_to: 3d\n    then: [{tag: bought_again}]\n",
    )
    ann, bob, eve = shop.people(3)
    pays(shop, ann, "2026-03-01 22:00", "1")
    pays(shop, bob, "2026-03-01 23:30", "2")
    if merged:
        merge(shop, eve, bob, "2026-03-01 23:40")
    shop.tick("2026-03-02 00:00")
    assert shop.tags(eve if merged else bob) == set()
    assert [run.inside for run in shop.runs()] == [True, True]


def test_of_two_carts_that_rest_the_later_one_counts_though_it_was_heard_of_first(shop: Shop) -> None:
    shop.open("2026-03-01 08:00", cart=CARTS)
    ann, bob = shop.people(2)
    leaves_cart(shop, bob, "2026-03-01 09:30", 2)
    leaves_cart(shop, ann, "2026-03-01 09:00", 1)
    merge(shop, ann, bob, "2026-03-01 09:40")
    shop.tick("2026-03-01 10:00")
    assert shop.runs() == []
    shop.tick("2026-03-01 10:30")
    assert shop.run().data["entry"]["total"] == 2


def test_a_cart_that_rested_meanwhile_lets_nobody_in_a_second_time(shop: Shop) -> None:
    shop.open("2026-03-01 08:00", cart=CARTS)
    ann, bob = shop.people(2)
    leaves_cart(shop, bob, "2026-03-01 09:00", 1)
    number = merge(shop, ann, bob, "2026-03-01 09:30")
    shop.tick("2026-03-01 10:00")
    unmerge(shop, number, "2026-03-01 10:30")
    shop.tick("2026-03-01 10:30")
    assert [message.person for message in shop.messages()] == [ann]


def test_a_cart_that_a_newer_one_took_the_place_of_does_not_come_back(shop: Shop) -> None:
    shop.open("2026-03-01 08:00", cart=CARTS)
    ann, bob = shop.people(2)
    leaves_cart(shop, bob, "2026-03-01 09:00", 1)
    number = merge(shop, ann, bob, "2026-03-01 09:30")
    leaves_cart(shop, ann, "2026-03-01 09:40", 2)
    unmerge(shop, number, "2026-03-01 09:50")
    shop.tick("2026-03-01 10:00", "2026-03-01 10:40")
    assert [(run.person, run.data["entry"]["total"]) for run in shop.runs()] == [(ann, 2)]


def test_carts_that_still_rest_go_back_to_their_owners(shop: Shop) -> None:
    shop.open("2026-03-01 08:00", cart=CARTS)
    ann, bob = shop.people(2)
    leaves_cart(shop, ann, "2026-03-01 09:00", 1)
    leaves_cart(shop, bob, "2026-03-01 09:10", 2)
    number = merge(shop, ann, bob, "2026-03-01 09:30")
    unmerge(shop, number, "2026-03-01 09:40")
    shop.tick("2026-03-01 10:00", "2026-03-01 10:10")
    assert [(run.person, run.data["entry"]["total"]) for run in shop.runs()] == [(ann, 1), (bob, 2)]


def test_whoever_had_their_turn_meanwhile_does_not_wait_for_it_again(shop: Shop) -> None:
    shop.open(
        "2026-03-01 08:00",
        wake="enter: {event: order.paid}\nkey: order_id\npace: 1 a day\nsteps: [{points: 5, reason: x}]\n",
    )
    ann, bob, eve = shop.people(3)
    pays(shop, eve, "2026-03-01 09:00", "1")
    pays(shop, bob, "2026-03-01 09:01", "2")
    number = merge(shop, ann, bob, "2026-03-01 09:30")
    shop.tick("2026-03-02 00:00")
    unmerge(shop, number, "2026-03-02 09:00")
    shop.tick("2026-03-03 09:00")
    assert [(run.person, run.key) for run in shop.runs()] == [(eve, "1"), (ann, "2")]


MANUAL = "enter: {manual: true}\nagain: never\nsteps: [{wait: 1d}, {send: hello}, {wait: 1d}]\n"
STARTS = "enter: {event: wechat.followed}\nagain: finished\nsteps: [{start: wake}]\n"
WAYS = {
    "start": {"wake": MANUAL, "begin": STARTS},
    "restart while inside": {"wake": "while_inside: restart\n" + ONCE},
    "restart by an edit": {"wake": "on_change: restart\n" + ONCE},
}


def edit(shop: Shop, way: str, at: str) -> None:
    """Where the way is an edit, whoever is inside begins anew."""
    if way == "restart by an edit":
        shop.open(at, wake=WAYS[way]["wake"].replace("hello}, {wait: 1d}", "hello}, {wait: 25h}"))
        shop.tick(at)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kept", ["the first", "the second"])
def test_whoever_was_there_once_and_for_all_is_not_there_twice(shop: Shop, way: str, kept: str) -> None:
    shop.open("2026-03-01 08:00", **WAYS[way])
    ann, bob = shop.people(2)
    follows(shop, ann, "2026-03-01 09:00")
    shop.tick("2026-03-02 09:00", "2026-03-03 09:00")
    follows(shop, bob, "2026-03-03 10:00")
    edit(shop, way, "2026-03-03 10:00")
    one, other = (ann, bob) if kept == "the first" else (bob, ann)
    number = merge(shop, one, other, "2026-03-03 11:00")
    shop.tick("2026-03-04 10:00")
    walked = [(run.person, run.reason) for run in shop.runs("wake") if run.reason != "restarted"]
    assert walked == [(one, "finished"), (one, "merged")]
    assert len(shop.messages()) == 1
    unmerge(shop, number, "2026-03-04 11:00")
    shop.tick("2026-03-04 11:00")
    assert [message.person for message in shop.messages()] == [ann, bob]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kept", ["the first", "the second"])
def test_of_two_who_are_inside_for_their_only_time_the_first_goes_on(shop: Shop, way: str, kept: str) -> None:
    shop.open("2026-03-01 08:00", **WAYS[way])
    ann, bob = shop.people(2)
    follows(shop, ann, "2026-03-01 09:00")
    edit(shop, way, "2026-03-01 09:00")
    follows(shop, bob, "2026-03-02 08:00")
    shop.tick("2026-03-02 09:00")
    one, other = (ann, bob) if kept == "the first" else (bob, ann)
    merge(shop, one, other, "2026-03-02 10:00")
    shop.tick("2026-03-03 10:00")
    walked = [(run.person, run.reason) for run in shop.runs("wake") if run.reason != "restarted"]
    assert walked == [(one, "finished"), (one, "merged")]
    assert [message.person for message in shop.messages()] == [one]


@pytest.mark.parametrize("kept", ["the first", "the second"])
def test_a_run_that_gave_way_is_no_stay_that_ends_the_run_of_another(shop: Shop, kept: str) -> None:
    shop.open("2026-03-01 08:00", **WAYS["restart while inside"])
    ann, bob = shop.people(2)
    follows(shop, ann, "2026-03-01 09:00")
    follows(shop, bob, "2026-03-01 10:00")
    follows(shop, ann, "2026-03-01 11:00")
    one, other = (ann, bob) if kept == "the first" else (bob, ann)
    merge(shop, one, other, "2026-03-01 12:00")
    assert [(run.reason, run.due) for run in shop.runs()] == [
        ("restarted", None), (None, "2026-03-02 10:00"), ("merged", None),
    ]  # fmt: skip


OCCASIONS = {
    "once and for all": "again: never\nenter: {event: wechat.followed}\nsteps: [{send: hello}]\n",
    "once, begun by others": "again: never\nenter: {manual: true}\nsteps: [{send: hello}]\n",
    "of one day": "enter: {date: birthday}\nsteps: [{send: hello}]\n",
    "of one day, restart by an edit": "on_change: restart\nenter: {date: birthday}\nsteps: [{send: hello}]\n",
}
TURNS = ["b>a, a>c", "a>b, b>c", "b>a, c>a", "b>a, back, b>a, a>c", "b>a, a>c, back, a>c", "b>a, a>c, back, c>a"]
TWICE = f"""
    SELECT m.id FROM message m JOIN message s ON s.person_id = m.person_id AND s.step = m.step AND s.id <> m.id
    WHERE m.state = {MessageState.QUEUED} AND s.state IN ({MessageState.QUEUED}, {MessageState.SENT})"""


@pytest.mark.parametrize("occasion", OCCASIONS)
def test_whatever_the_turns_of_merging_nobody_reads_a_step_twice(shop: Shop, occasion: str) -> None:
    begin = STARTS if "others" in occasion else OCCASIONS["once and for all"].replace("hello", "bye")
    body, edited = OCCASIONS[occasion], "an edit" in occasion
    shop.open("2026-03-01 08:00", wake=body.replace("send: hello", "wait: 1d") if edited else body, begin=begin)
    kinds = (MessageState.QUEUED, MessageState.SENT)
    cases = [(turns, states) for turns in TURNS for states in itertools.product(kinds, repeat=3)]
    threes = [[shop.person(birthday="1990-03-02") for _ in "abc"] for _ in cases]
    for person in itertools.chain(*threes):
        shop.event(person, "wechat.followed", "2026-03-02 09:00")
    shop.tick("2026-03-02 09:00")
    if edited:
        shop.open("2026-03-02 09:30", wake=body, begin=begin)
        shop.tick("2026-03-02 09:30")
    with shop.store.write() as tx:
        tx.run("DELETE FROM message WHERE step NOT IN (SELECT id FROM step WHERE key = 'hello')")
    assert len(shop.messages()) == 3 * len(cases)
    for (turns, states), people in zip(cases, threes, strict=True):
        named, numbers = dict(zip("abc", people, strict=True)), []
        for person, state in zip(people, states, strict=True):
            becomes(shop, person, state)
        for turn in turns.split(", "):
            if turn == "back":
                unmerge(shop, numbers.pop(), "2026-03-02 10:00")
            else:
                gone, kept = turn.split(">")
                numbers.append(merge(shop, named[kept], named[gone], "2026-03-02 10:00"))
            assert shop.store.rows(TWICE) == [], (turns, states, turn)


DAY = "on_change: restart\nenter: {date: birthday}\nexit: [{event: order.paid}]\n"
WAITS = DAY + "steps: [{wait: 1d}, {send: hello}, {wait: 5d}]\n"
TELLS = DAY + "steps: [{send: hello}, {wait: 5d}]\n"


@pytest.mark.parametrize("kept", ["who left", "who is inside"])
def test_whoever_began_anew_is_there_by_the_occasion_they_came_by(shop: Shop, kept: str) -> None:
    shop.open("2026-03-01 08:00", wake=WAITS)
    ann, bob = (shop.person(birthday="1990-03-02") for _ in "ab")
    shop.tick("2026-03-02 10:00")
    shop.open("2026-03-02 10:30", wake=WAITS.replace("5d", "6d"))
    shop.tick("2026-03-02 10:30")
    pays(shop, ann, "2026-03-02 12:00", "1")
    one, other = (ann, bob) if kept == "who left" else (bob, ann)
    merge(shop, one, other, "2026-03-02 13:00")
    shop.tick("2026-03-03 12:00")
    assert sorted(str(run.reason) for run in shop.runs()) == ["exit 1", "merged", "restarted", "restarted"]
    assert shop.messages(None) == []


@pytest.mark.parametrize("kept", ["who began anew", "who waits"])
@pytest.mark.parametrize("waits", ["merged in line", "merged after both began anew"])
def test_of_two_of_one_occasion_whom_an_edit_lets_begin_anew_one_is_written_to(
    shop: Shop, kept: str, waits: str
) -> None:
    shop.open("2026-03-01 08:00", wake="pace: 9 a day\n" + WAITS)
    people = [shop.person(birthday="1990-03-02") for _ in "ab"]
    shop.tick("2026-03-02 10:00", "2026-03-02 10:01")
    shop.open("2026-03-03 08:30", wake="pace: 1 a day\n" + TELLS)
    shop.tick("2026-03-03 08:30")
    (told,) = (message.person for message in shop.messages())
    becomes(shop, told, MessageState.SENT)
    (other,) = (person for person in people if person != told)
    if waits == "merged after both began anew":
        shop.tick("2026-03-04 08:30")
    one, two = (told, other) if kept == "who began anew" else (other, told)
    merge(shop, one, two, "2026-03-04 08:31")
    shop.tick("2026-03-04 08:32", "2026-03-05 08:32")
    assert [message.state for message in shop.messages(None) if message.state != "CANCELLED"] == ["SENT"]
    assert [run.version for run in shop.runs() if run.inside] == [2]


def test_however_merges_and_edits_follow_one_another_a_run_keeps_its_occasion(shop: Shop) -> None:
    shop.open("2026-03-01 08:00", wake=WAITS)
    ann, bob, eve = (shop.person(birthday="1990-03-02") for _ in "abc")
    shop.tick("2026-03-02 10:00")
    numbers, before = [], []
    for hour, (one, other) in ((11, (bob, ann)), (13, (eve, bob))):
        shop.open(f"2026-03-02 {hour}:00", wake=WAITS.replace("5d", f"{hour}d"))
        shop.tick(f"2026-03-02 {hour}:00")
        before.append(shop.store.rows("SELECT id, episode FROM run ORDER BY id"))
        numbers.append(merge(shop, one, other, f"2026-03-02 {hour}:30"))
    shop.open("2026-03-02 15:00", wake=WAITS.replace("5d", "15d"))
    shop.tick("2026-03-02 15:00")
    words = [row[0].split(occasions.MARK) for row in shop.store.rows("SELECT episode FROM run")]
    assert {word[0] for word in words} == {"2026-03-02"}
    assert {len(word) for word in words} == {1, 2}
    assert [(run.person, run.version) for run in shop.runs() if run.inside] == [(eve, 4)]
    shop.tick("2026-03-03 15:00")
    assert len(shop.messages()) == 1
    unmerge(shop, numbers.pop(), "2026-03-03 16:00")
    assert shop.store.rows("SELECT id, episode FROM run ORDER BY id")[: len(before[-1])] == before[-1]


@pytest.mark.parametrize("again", ["never", "after 30d"])
def test_whose_double_was_ended_by_a_merge_begins_anew(shop: Shop, again: str) -> None:
    body = "on_change: restart\n" + ONCE.replace("never", again)
    shop.open("2026-03-01 08:00", wake=body)
    ann, bob = shop.people(2)
    follows(shop, ann, "2026-03-01 09:00")
    follows(shop, bob, "2026-03-01 09:10")
    merge(shop, ann, bob, "2026-03-01 10:00")
    shop.open("2026-03-01 11:00", wake=body.replace("hello}, {wait: 1d}", "hello}, {wait: 25h}"))
    shop.tick("2026-03-01 11:00")
    assert [(run.reason, run.version) for run in shop.runs()] == [("restarted", 1), ("merged", 1), (None, 2)]
    follows(shop, ann, "2026-03-01 12:00")
    assert len(shop.runs()) == 3


def test_whose_run_goes_back_while_it_is_in_line_begins_anew(shop: Shop) -> None:
    body = "on_change: restart\n" + ONCE
    shop.open("2026-03-01 08:00", wake=body)
    ann, bob = shop.people(2)
    follows(shop, bob, "2026-03-01 09:00")
    number = merge(shop, ann, bob, "2026-03-01 10:00")
    shop.open("2026-03-01 11:00", wake=body.replace("hello}, {wait: 1d}", "hello}, {wait: 25h}"))
    unmerge(shop, number, "2026-03-01 11:00")
    shop.tick("2026-03-01 11:00")
    assert [(run.person, run.reason, run.version) for run in shop.runs()] == [(bob, "restarted", 1), (bob, None, 2)]
    assert shop.store.value("SELECT count(*) FROM entrant") == 0
