"""Links made for one message, such as the one to unsubscribe. Who has a web address makes them; without one, none."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

from automation.policy.claimed import Door

Links: TypeAlias = Callable[[int, int, Door], Mapping[str, str]]
"""(message id, person id, door) -> name -> URL, as `links.NAME` in texts."""


def none(message_id: int, person_id: int, door: Door) -> Mapping[str, str]:
    return {}
