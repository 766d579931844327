"""Every table that speaks of people, and what a merge does with its rows: a table that is missing here loses them.

A test compares this list with the schema. Rows with an id move; rows whose key is the person are combined.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

Values: TypeAlias = tuple[Any, ...]
BY_JOURNEY = (
    "journey_id IN (SELECT id FROM journey) AND person_id = :person"  # through keys that begin with the journey
)
BY_PERSON = "person_id = :person"

# Rows with an id, and how those of a person are found through an index.
MOVED: Final[dict[str, str]] = {
    "identity": BY_PERSON,
    "event": BY_PERSON,
    "event_queue": BY_PERSON,  # a short table
    "consent_log": BY_PERSON,
    "coupon": BY_PERSON,
    "points": BY_PERSON,
    "effect": BY_PERSON,
    "inbound": BY_PERSON,
}


@dataclass(frozen=True, slots=True)
class Keyed:
    """A table whose key holds the person. `combine(kept's values, gone's values)` where both have the same key."""

    name: str
    key: tuple[str, ...]
    values: tuple[str, ...]
    combine: Callable[[Values, Values], Values]
    where: str = BY_PERSON


def keep(kept: Values, gone: Values) -> Values:
    return kept


def longer_tag(kept: Values, gone: Values) -> Values:
    """source, since, until: since the earlier, until the later, where None is for ever."""
    until = None if kept[2] is None or gone[2] is None else max(kept[2], gone[2])
    return kept[0], min(kept[1], gone[1]), until


def stricter(kept: Values, gone: Values) -> Values:
    """granted, source, at, ...: a refusal beats a grant; of the same word the newer."""
    if kept[0] != gone[0]:
        return kept if not kept[0] else gone
    return kept if kept[2] >= gone[2] else gone


KEYED: Final = (
    Keyed("person_tag", ("tag_id",), ("source", "since", "until"), longer_tag),
    Keyed("person_date", ("field",), ("calendar", "month", "day", "leap", "year"), keep),
    # Aggregates of both cannot be added up here: the caller has them computed anew.
    Keyed(
        "computed_value", ("name_id",), ("num", "txt"), keep,
        "name_id IN (SELECT id FROM name WHERE kind = 'computed') AND person_id = :person",
    ),
    Keyed("consent", ("channel", "purpose"), ("granted", "source", "at", "text_version", "evidence"), stricter),
    Keyed("baseline", ("journey_id",), (), keep, BY_JOURNEY),
    # The later rest, with its event.
    Keyed("settling", ("journey_id", "key"), ("due", "event_id", "depth"), max, BY_JOURNEY),
    Keyed(
        "entrant", ("journey_id", "key", "episode"), ("at", "event_id", "data", "depth", "parent_run"), keep, BY_JOURNEY
    ),
)  # fmt: skip

USED_UP: Final = frozenset({"settling", "entrant"})
"""Keyed tables whose rows bring one entry: what has entered since is not to enter again for the other."""

SPECIAL: Final = frozenset({"run", "message", "suppression"})  # merge_runs.py; suppression stays with the address
