"""What a test says of a customer or an event, as the catalog takes it. A value that does not suit raises Unusable.

Apart from customer.py, because `run.py check` looks at every value before anybody plays the test.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final
from zoneinfo import ZoneInfo

from automation.audience import rfm
from automation.conditions.tree import FieldType
from automation.journey import coupons, graph
from automation.journey.catalog import Field, Home, Property
from automation.people import dates, fields, values
from automation.people.normalise import Unusable

ENTRY: Final = "entry"


def check_field(known: Field, raw: Any, zone: ZoneInfo) -> None:
    """A value that is to be set; an empty one takes the field away."""
    if raw is None or raw == "":
        return
    if known.home is Home.DATE:
        dates.year_day(values.text(raw))
    elif known.home is Home.COLUMN:
        fields.column(known, raw)
    else:
        values.stored(known, raw, zone)


def check_score(raw: Any) -> None:
    if type(raw) is not int or not 1 <= raw <= 5:
        raise Unusable("a score from 1 to 5 is due")


def is_score(name: str) -> bool:
    """Nobody can set it, but a test says it of its customer."""
    return name in rfm.COLUMNS


def check_property(known: Property, raw: Any, zone: ZoneInfo) -> None:
    """A value that an event brings; an empty one is left out."""
    if raw is not None and raw != "":
        values.stored(known, arriving(known, raw), zone)


def arriving(known: Property, raw: Any) -> Any:
    """A property as the shop's own system would send it: money is written in yuan, and many bring it in fen."""
    if known.kind is FieldType.LIST and known.of and isinstance(raw, list):
        return [_item(known.of, one) for one in raw]
    if known.kind is FieldType.MONEY and known.unit == "fen" and raw is not None and raw != "":
        return values.money(raw, "yuan")
    return raw


def _item(of: Mapping[str, Property], raw: Any) -> Any:
    if not isinstance(raw, Mapping):
        return raw
    return {name: arriving(of[name], value) if name in of else value for name, value in raw.items()}


def told_by_run(journey: graph.Journey) -> Mapping[str, frozenset[str] | None]:
    """Names that a value may be taken from by `{from: coupon.code}` -> their members, None where any may be."""
    found: dict[str, frozenset[str] | None] = {ENTRY: None}
    found |= {node.awaited.as_name: None for node in journey.nodes.values() if node.awaited and node.awaited.as_name}
    return found | {gift.as_name: frozenset(coupons.MEMBERS) for gift in _gifts(journey)}


def _gifts(journey: graph.Journey) -> Iterator[graph.GiveCoupon]:
    for crossing in journey.crossings:
        for leaf in crossing.leaves:
            yield from (effect for effect in leaf.effects if isinstance(effect, graph.GiveCoupon))
