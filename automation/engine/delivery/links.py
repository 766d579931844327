"""Links of one message: to unsubscribe, and those that tell who followed them. Who has a web address makes them.

A port: the floor that implements it stands above the engine, because following a link records a receipt.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from automation.kernel.ports import Body
from automation.policy.claimed import Door


class Written(NamedTuple):
    """A message just rendered. `declared`: the links its text declares, by name, as they stand in the body.

    `given`: what `Links.given` gave it. `marketing`: by law.
    """

    message_id: int
    door: Door
    marketing: bool
    body: Body
    declared: Mapping[str, str]
    given: Mapping[str, str]


class Links(Protocol):
    """Both are called outside of any transaction, in this order, for each message of a batch."""

    def given(self, message_id: int, person_id: int, door: Door, used: bool) -> Mapping[str, str]:
        """Name -> URL, as `links.NAME` in texts. `used`: the text has a link that it does not declare itself."""
        ...

    def tracked(self, batch: Sequence[Written], now: int) -> Sequence[Body]:
        """The bodies as they leave, in the same order."""
        ...
