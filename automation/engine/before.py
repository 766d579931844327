"""What kept versions may still need of other files, in `control` as it was when every version could be read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from automation.conditions.scope import FieldInfo
from automation.conditions.tree import FieldType
from automation.journey.project import Before
from automation.journey.reading import Members
from automation.store.database import Store

SEGMENTS: Final = "segments"  # the text of segments.yaml
STARTED: Final = "started"  # journey -> name -> what is known of the value that other journeys hand to it
VALUE: Final = "SELECT value FROM control WHERE name = :name"


def read(store: Store) -> Before:
    """As it was last remembered; empty where nothing was."""
    started = json.loads(store.value(VALUE, name=STARTED) or "{}")
    return Before(store.value(VALUE, name=SEGMENTS) or "", {name: _members(one) for name, one in started.items()})


def text(started: Mapping[str, Members]) -> str:
    """As it is kept; the same text for the same values."""
    return json.dumps({name: _plain(members) for name, members in started.items()}, sort_keys=True)


def _plain(members: Members) -> dict[str, Any]:
    return {
        name: {"kind": info.kind, "order": info.order, "choices": info.choices, "hidden": info.hidden,
               "of": _plain(info.of)}
        for name, info in members.items()
    }  # fmt: skip


def _members(plain: Mapping[str, Any]) -> Members:
    return {
        name: FieldInfo(FieldType(one["kind"]), tuple(one["order"]), tuple(one["choices"]), one["hidden"],
                        _members(one["of"]))
        for name, one in plain.items()
    }  # fmt: skip
