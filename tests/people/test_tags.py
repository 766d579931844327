from __future__ import annotations

from collections.abc import Callable

from automation.people import tags
from automation.people.registry import Registry
from automation.people.tags import Tagging

NOW = 1_767_225_600


def listed(shop: Registry) -> list[tuple[int, str, int, int | None]]:
    return shop.store.rows("SELECT person_id, source, since, until FROM person_tag ORDER BY person_id")  # type: ignore[return-value]


def test_a_tag_lasts_as_long_as_the_longer_of_two(shop: Registry, person: Callable[..., int]) -> None:
    one = person(("phone", "13800000001"))
    tag = shop.names.ensure("tag", ["贵宾"])["贵宾"]
    for now, until in ((NOW, NOW + 10), (NOW + 1, NOW + 5)):
        with shop.store.write() as tx:
            tags.add(tx, now, Tagging(tag, "cli", until), [one])
    assert listed(shop) == [(one, "cli", NOW, NOW + 10)]
    with shop.store.write() as tx:
        tags.add(tx, NOW + 2, Tagging(tag, "import"), [one])
    assert listed(shop) == [(one, "cli", NOW, None)]


def test_a_tag_that_ran_out_begins_anew(shop: Registry, person: Callable[..., int]) -> None:
    one = person(("phone", "13800000001"))
    tag = shop.names.ensure("tag", ["贵宾"])["贵宾"]
    with shop.store.write() as tx:
        tags.add(tx, NOW, Tagging(tag, "cli", NOW + 10), [one])
    with shop.store.write() as tx:
        tags.add(tx, NOW + 10, Tagging(tag, "import", NOW + 20), [one])
    assert listed(shop) == [(one, "import", NOW + 10, NOW + 20)]


def test_a_tag_is_taken_from_those_who_have_it(shop: Registry, person: Callable[..., int]) -> None:
    people = [person(("phone", f"1380000000{number}")) for number in range(3)]
    tag = shop.names.ensure("tag", ["贵宾"])["贵宾"]
    with shop.store.write() as tx:
        tags.add(tx, NOW, Tagging(tag, "cli"), people[:2])
        assert tags.remove(tx, tag, people[1:]) == 1
        assert tags.remove(tx, tag, []) == 0
    assert [row[0] for row in listed(shop)] == people[:1]


def test_only_what_has_run_out_is_tidied(shop: Registry, person: Callable[..., int]) -> None:
    people = [person(("phone", f"1380000000{number}")) for number in range(4)]
    tag = shop.names.ensure("tag", ["贵宾"])["贵宾"]
    with shop.store.write() as tx:
        for who, until in zip(people, (None, NOW + 1, NOW, NOW - 5), strict=True):
            tags.add(tx, NOW - 10, Tagging(tag, "cli", until), [who])
        assert tags.expire(tx, NOW, 1) == 1
        assert tags.expire(tx, NOW) == 1
    assert [row[0] for row in listed(shop)] == people[:2]
