from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from automation.kernel import errors
from automation.people import happenings, merging
from automation.people.happenings import Happening
from automation.people.normalise import Unusable
from automation.people.registry import Registry

NOW = 1_767_225_600


def paid(person: int, order: str = "D1", **more: Any) -> Happening:
    return Happening(person, "order.paid", {"order_id": order, "amount": "299.00"}, source="erp", **more)


def test_an_event_is_kept_and_queued_in_one_transaction(shop: Registry, person: Callable[..., int]) -> None:
    one = person(("phone", "13800000001"))
    with shop.store.write() as tx:
        event = happenings.add(tx, NOW, happenings.checked(shop, NOW, paid(one, at=NOW - 60)))
    kept = shop.store.row("SELECT person_id, at, received_at, key, props FROM event WHERE id = :id", id=event)
    assert kept is not None
    assert kept[:4] == (one, NOW - 60, NOW, "D1")
    assert json.loads(kept[4]) == {"order_id": "D1", "amount": 29900}
    assert shop.store.rows("SELECT event_id, person_id, at FROM event_queue") == [(event, one, NOW - 60)]


def test_an_event_with_the_same_source_and_dedupe_happens_once(shop: Registry, person: Callable[..., int]) -> None:
    one = person(("phone", "13800000001"))
    for _ in range(2):
        with shop.store.write() as tx:
            found = happenings.add(tx, NOW, happenings.checked(shop, NOW, paid(one, dedupe="x")))
    assert found is None
    with shop.store.write() as tx:
        again = [happenings.checked(shop, NOW, paid(one, dedupe=key)) for key in ("x", "y", "y")]
        assert len(happenings.add_many(tx, NOW, again)) == 1
    assert shop.store.value("SELECT count(*) FROM event") == shop.store.value("SELECT count(*) FROM event_queue") == 2


def test_no_event_lies_in_the_future(shop: Registry, person: Callable[..., int]) -> None:
    one = person(("phone", "13800000001"))
    assert happenings.checked(shop, NOW, paid(one, at=NOW + 1)).at == NOW


def test_events_that_the_catalog_does_not_know_are_refused(shop: Registry) -> None:
    with pytest.raises(Unusable, match=r"did you mean order\.paid"):
        happenings.checked(shop, NOW, Happening(1, "order.payed", {}))
    with pytest.raises(Unusable, match="order_id is missing"):
        happenings.checked(shop, NOW, Happening(1, "order.paid", {"amount": 1}))


def test_an_event_of_nobody_is_refused_alone_and_left_out_of_many(shop: Registry, person: Callable[..., int]) -> None:
    one = person(("phone", "13800000001"))
    with pytest.raises(errors.Refused, match="no such person"), shop.store.write() as tx:
        happenings.add(tx, NOW, happenings.checked(shop, NOW, paid(99)))
    with shop.store.write() as tx:
        checked = [happenings.checked(shop, NOW, paid(who)) for who in (99, one)]
        assert [one.person_id for one in happenings.add_many(tx, NOW, checked, queue=False)] == [one]
    assert shop.store.value("SELECT count(*) FROM event_queue") == 0


@pytest.mark.parametrize("many", [False, True])
def test_an_event_of_whoever_was_merged_belongs_to_the_one_who_was_kept(
    shop: Registry, person: Callable[..., int], many: bool
) -> None:
    kept, gone = person(("phone", "13800000001")), person(("phone", "13800000002"))
    with shop.store.write() as tx:
        merging.merge(tx, NOW, kept, gone, "a test")
        event = happenings.checked(shop, NOW, paid(gone))
        if many:
            assert [one.person_id for one in happenings.add_many(tx, NOW, [event])] == [kept]
        else:
            happenings.add(tx, NOW, event)
    for table in ("event", "event_queue"):
        assert shop.store.rows(f"SELECT person_id FROM {table}") == [(kept,)]


def test_the_order_of_many_is_the_order_of_the_queue(shop: Registry, person: Callable[..., int]) -> None:
    one = person(("phone", "13800000001"))
    with shop.store.write() as tx:
        checked = [happenings.checked(shop, NOW, paid(one, f"D{number}")) for number in range(50)]
        happenings.add_many(tx, NOW, checked)
    found = shop.store.rows("SELECT e.key FROM event_queue q JOIN event e ON e.id = q.event_id ORDER BY q.id")
    assert [key for (key,) in found] == [f"D{number}" for number in range(50)]
