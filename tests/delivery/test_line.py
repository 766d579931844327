"""Who leaves first of those in hand."""

from __future__ import annotations

from typing import Any

from automation.engine.delivery.line import Line
from automation.engine.delivery.prepared import Prepared


def one(number: int, marketing: bool) -> Prepared:
    nothing: list[Any] = [None] * len(Prepared._fields)
    return Prepared(*nothing)._replace(id=number, marketing=marketing)


def test_service_does_not_wait_for_a_campaign_in_hand_and_each_keeps_its_order() -> None:
    line = Line()
    for number, marketing in enumerate([True, True, False, True, False]):
        line.add(one(number, marketing))
    assert (len(line), line.marketing, [m.id for m in line]) == (5, 3, [2, 4, 0, 1, 3])
    taken = line.take(3)
    assert [m.id for m in taken] == [2, 4, 0]
    line.put_back(taken)
    assert [m.id for m in line.take(9)] == [2, 4, 0, 1, 3]
    assert not line
