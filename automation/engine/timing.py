"""When people are due: plain lengths are added in SQL, everything else is worked out once for each distinct case.

There is one evaluator of moments, in automation.festivals. Thousands of people in a batch share a few distinct
(zone, clock, dates), so the values are computed per case and written back by run.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from automation.festivals import durations, moments
from automation.festivals.durations import Duration
from automation.festivals.moments import Limit, Moment

from .parts import Parts

LATE = 3600
"""Seconds a run may be late and still keep its planned clock; beyond it, waits count from now and do not bunch."""

DAY = 86_400
NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")
AHEAD = 400 * DAY  # how far no zone may change its clocks for a day to count as 86,400 s


def plain_seconds(parts: Parts, length: Limit | None, now: int) -> int | None:
    """The seconds of a length that means the same for everybody now, else None: then ask `resolver`."""
    if not isinstance(length, Duration) or length.months or length.workdays:
        return None
    # The same question as the key of the compiled programs asks: they outlive the moment they were made at.
    if length.days and (length.days * DAY >= AHEAD or not parts.zones.steady(now, AHEAD)):
        return None
    return length.seconds + length.days * DAY


def span_seconds(length: Duration) -> int:
    """A length without months and workdays as seconds: windows of goals and re-entry, where a day has 24 hours."""
    return length.seconds + length.days * DAY


def references(when: Limit | None) -> tuple[str, ...]:
    """The paths of run data and person that a moment looks at."""
    return tuple(when.paths) if isinstance(when, Moment) else ()


Resolver = Callable[[int, int, Sequence[Any]], int]


def resolver(parts: Parts, when: Limit, shop_clock: bool, *, limit: bool) -> Resolver:
    """(zone number, base, values of `references`) -> UTC seconds, remembered per case. A missing date means at once."""
    paths = references(when)
    known: dict[tuple[Any, ...], int] = {}

    def resolve(zone: int, base: int, values: Sequence[Any]) -> int:
        case = (zone, base, *values)
        found = known.get(case)
        if found is None:
            found = known[case] = _one(
                parts, when, 0 if shop_clock else zone, base, dict(zip(paths, values, strict=True)), limit
            )
        return found

    return resolve


def _one(parts: Parts, when: Limit, zone: int, base: int, values: Mapping[str, Any], limit: bool) -> int:
    here = parts.zones[zone]
    if isinstance(when, Duration):
        return durations.add(base, when, here, parts.calendar)
    plain = {path: _plain(value) for path, value in values.items()}
    evaluate = moments.resolve_limit if limit else moments.resolve
    found = evaluate(when, base, here, plain, parts.calendar)
    return base if found is None else found


def _plain(value: Any) -> Any:
    """Numbers as int, however a database hands them over: seconds, or days, of which whole ones count. Dates and the
    rest as they are."""
    if isinstance(value, str):
        return int(value.partition(".")[0]) if NUMBER.fullmatch(value) else value
    return int(value) if isinstance(value, Decimal | float) else value
