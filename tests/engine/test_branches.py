"""if, choose and split: the first that holds, nested; shares that stay and do not hang together."""

from __future__ import annotations

from collections import Counter

from tests.engine.shop import Shop

ENTER = "enter: {event: wechat.followed}\nagain: finished\n"
NESTED = """
steps:
  - choose:
      - if: {tier: gold}
        then:
          - if: {city: 上海}
            then: [{send: gold_shanghai}]
            else: [{send: gold_elsewhere}]
      - {if: {tier: silver}, then: [{send: silver}]}
      - else:
          - {if: {city: 上海}, then: [{send: shanghai}]}
  - {send: after}
"""
SPLIT = """
steps:
  - split: offer
    paths:
      a: {share: 30%, then: [{tag: a}]}
      b: {share: 70%, then: [{tag: b}]}
  - split: tone
    paths:
      c: {share: 50%, then: [{tag: c}]}
      d: {share: 50%, then: [{tag: d}]}
"""


def follow(shop: Shop, *people: int, at: str = "2026-03-01 09:00") -> None:
    for person in people:
        shop.event(person, "wechat.followed", at)
    shop.tick(at)


def test_the_first_branch_that_holds_is_taken_and_all_go_on_below(shop: Shop) -> None:
    shop.open("2026-03-01 08:00", wake=ENTER + NESTED)
    customers = [("gold", "上海"), ("gold", "北京"), ("silver", "上海"), ("basic", "上海"), ("basic", "北京")]
    follow(shop, *[shop.person(tier=tier, city=city) for tier, city in customers])
    got = {n: [message.step for message in shop.messages() if message.person == n] for n in range(1, 6)}
    assert got == {
        1: ["gold_shanghai", "after"],
        2: ["gold_elsewhere", "after"],
        3: ["silver", "after"],
        4: ["shanghai", "after"],
        5: ["after"],
    }


def test_shares_are_kept_and_two_splits_do_not_hang_together(shop: Shop) -> None:
    shop.open("2026-03-01 08:00", wake=ENTER + SPLIT)
    people = shop.people(400)
    follow(shop, *people)
    tags = {person: frozenset(shop.tags(person)) for person in people}
    count = Counter(tags.values())
    assert 90 <= count[frozenset("ac")] + count[frozenset("ad")] <= 150
    assert 40 <= count[frozenset("ac")] <= 80
    assert sum(count.values()) == 400


def test_everybody_takes_the_same_path_each_time_whatever_is_edited_elsewhere(shop: Shop) -> None:
    shop.open("2026-03-01 08:00", wake=ENTER + SPLIT)
    people = shop.people(30)
    follow(shop, *people)
    before = {person: shop.tags(person) for person in people}
    with shop.store.write() as tx:
        tx.run("DELETE FROM person_tag")
    shop.open(
        "2026-03-02 08:00",
        wake=ENTER
        + "note_is_unused: 1\n".replace("note_is_unused: 1\n", "")
        + SPLIT.replace("steps:", "steps:\n  - {send: more}"),
    )
    follow(shop, *people, at="2026-03-02 09:00")
    assert {person: shop.tags(person) for person in people} == before


def test_a_missing_field_is_false_and_its_opposite_true(shop: Shop) -> None:
    shop.open(
        "2026-03-01 08:00",
        wake=ENTER + "steps:\n  - {if: {tier: {at_least: basic}}, then: [{send: known}], else: [{send: unknown}]}\n"
        "  - {send: not_gold, if: {not: {tier: gold}}}\n",
    )
    follow(shop, shop.person())
    assert shop.texts() == ["unknown", "not_gold"]
