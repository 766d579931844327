"""Several merges of the same people, one after another, and what each takes back."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest

from automation.kernel import errors
from automation.people import consents, identities, merge_tables, merging, tags
from automation.people.consents import Consent
from automation.people.registry import Registry
from automation.people.tags import Tagging

NOW = 1_767_225_600


@pytest.fixture
def three(person: Callable[..., int]) -> list[int]:
    return [person(("phone", f"1380000000{number}")) for number in range(3)]


def merge(shop: Registry, kept: int, gone: int) -> int:
    with shop.store.write() as tx:
        return merging.merge(tx, NOW + 10, kept, gone, "a test")


def unmerge(shop: Registry, number: int) -> None:
    with shop.store.write() as tx:
        merging.unmerge(tx, NOW + 20, number)


def leads_to(shop: Registry, people: list[int]) -> list[int]:
    return [who for person in people for who in identities.search(shop, f"#{person}")]


def test_a_merge_with_the_same_one_kept_is_undone_after_the_later_one(shop: Registry, three: list[int]) -> None:
    one, two, other = three
    first, second = merge(shop, one, two), merge(shop, one, other)
    with pytest.raises(errors.Refused, match=f"merge {second} came after"):
        unmerge(shop, first)
    unmerge(shop, second)
    unmerge(shop, first)
    assert leads_to(shop, three) == three


def test_however_long_the_chain_all_lead_to_the_one_who_is_left(shop: Registry, person: Callable[..., int]) -> None:
    people = [person(("phone", f"1380000000{number}")) for number in range(5)]
    numbers = [merge(shop, kept, gone) for gone, kept in itertools.pairwise(people)]
    assert leads_to(shop, people) == people[-1:] * 5
    for number in reversed(numbers):
        unmerge(shop, number)
    assert leads_to(shop, people) == people


def test_whose_merge_was_undone_does_not_follow_the_one_they_were_merged_into(shop: Registry, three: list[int]) -> None:
    one, two, other = three
    unmerge(shop, merge(shop, one, two))
    number = merge(shop, other, one)
    assert leads_to(shop, three) == [other, two, other]
    unmerge(shop, number)
    assert leads_to(shop, three) == three


@pytest.mark.parametrize(("kept", "gone"), [(None, NOW + 5), (NOW + 5, None)])
def test_a_tag_for_ever_stays_for_ever(shop: Registry, three: list[int], kept: int | None, gone: int | None) -> None:
    tag = shop.names.ensure("tag", ["贵宾"])["贵宾"]
    with shop.store.write() as tx:
        for who, until in zip(three, (kept, gone), strict=False):
            tags.add(tx, NOW, Tagging(tag, "cli", until), [who])
    merge(shop, three[0], three[1])
    assert shop.store.rows("SELECT person_id, until FROM person_tag") == [(three[0], None)]


@pytest.mark.parametrize("granted", [True, False])
@pytest.mark.parametrize(("kept", "gone"), [(NOW, NOW - 50), (NOW - 50, NOW)])
def test_of_two_alike_words_of_consent_the_newer_is_kept(
    shop: Registry, three: list[int], granted: bool, kept: int, gone: int
) -> None:
    one, two, _ = three
    with shop.store.write() as tx:
        for who, at in ((one, kept), (two, gone)):
            consents.put(tx, [Consent(who, "sms", "marketing", granted, "form", at)])
    merge(shop, one, two)
    assert shop.store.rows("SELECT person_id, granted, at FROM consent") == [(one, int(granted), NOW)]


def test_of_two_alike_words_at_one_time_the_one_of_whom_is_kept_stays() -> None:
    assert merge_tables.stricter((1, "form", NOW), (1, "import", NOW)) == (1, "form", NOW)
