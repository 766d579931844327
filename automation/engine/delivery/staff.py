"""Who of the staff is told: a role's own entry in config.yaml, or the colleague whom a field of the customer names.

What a field says comes out of imported data, so it is never an address: it names an entry of `staff` by its key or
name, or a colleague where the role's channel writes to colleagues only. What leads to nobody leads to the role's own
entry.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple, TypeAlias

from automation.engine.parts import Parts
from automation.kernel.ports import Channel, Lane

COLLEAGUE: Final = "wecom_user"
ADDRESSES: Final = ("", COLLEAGUE)  # kinds that are never a customer's: the group itself, a colleague
USER_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.@-]{0,63}")  # @all would be the whole company
Place: TypeAlias = tuple[str, str]  # channel and address: who is the same is told once


class Told(NamedTuple):
    """An entry of `staff`; `user`: the colleague on this channel instead of the entry's own address."""

    entry: str
    user: str = ""
    channel: str = ""


@dataclass(frozen=True, slots=True)
class Door:
    """Where a notice leaves."""

    channel: Channel
    lane: Lane
    address: str = field(repr=False)


class Staff:
    """The staff of one shop, with the channels of one process."""

    def __init__(self, parts: Parts, channels: Mapping[str, Channel]) -> None:
        self._parts, self._channels = parts, channels
        places = {entry: self._place(Told(entry)) for entry in parts.settings.staff}
        self._entries = {place: entry for entry, place in reversed(places.items()) if place}
        self._words = self._names(places) | places

    def field(self, role: str) -> str | None:
        """The field of a customer that says who is told; None where it is always the role's own entry."""
        entry = self._parts.settings.staff.get(role)
        known = self._parts.project.catalog.fields.get(entry.field) if entry and entry.field else None
        return known.name if known and known.is_plain_text else None

    def named(self, role: str, value: str) -> Told:
        """Who is told for a role by a customer's value of its field."""
        word = value.strip()
        if not word:
            return Told(role)
        place = self._words[word] if word in self._words else self._colleague(role, word)
        if place is None or place == self._place(Told(role)):
            return Told(role)
        entry = self._entries.get(place)
        return Told(entry) if entry else Told(role, user=place[1], channel=place[0])

    def door(self, told: Told) -> Door | str:
        """A text says why there is none."""
        entry = self._parts.settings.staff.get(told.entry)
        channel = self._channels.get(entry.channel) if entry else None
        if entry is None or channel is None:
            return f"nobody in the settings has the role {told.entry}"
        lane, address = lane_of(channel), told.user or entry.address or ""
        strange = told.user and (lane is None or lane.address != COLLEAGUE or told.channel != entry.channel)
        if lane is None or (lane.address and not address) or strange:
            return f"{told.entry} has no address on {entry.channel}"
        return Door(channel, lane, address if lane.address else "")

    def _place(self, told: Told) -> Place | None:
        door = self.door(told)
        if isinstance(door, str):
            return None
        return door.channel.name, door.address.lower() if door.lane.address == COLLEAGUE else door.address

    def _names(self, places: Mapping[str, Place | None]) -> dict[str, Place | None]:
        """Of a name that is told at two places nobody knows who is meant."""
        found: dict[str, Place | None] = {}
        for entry, person in self._parts.settings.staff.items():
            name = person.name.strip()
            found[name] = places[entry] if found.get(name, places[entry]) == places[entry] else None
        return found

    def _colleague(self, role: str, word: str) -> Place | None:
        entry = self._parts.settings.staff.get(role)
        channel = self._channels.get(entry.channel) if entry else None
        lane = lane_of(channel) if channel else None
        if channel is None or lane is None or lane.address != COLLEAGUE or not USER_ID.fullmatch(word):
            return None
        return channel.name, word.lower()


def lane_of(channel: Channel) -> Lane | None:
    """The first that carries plain words to staff: to a group or a colleague before it would be to a customer."""
    lanes = [lane for lane in channel.lanes if "service" in lane.purposes and (not lane.parts or "text" in lane.parts)]
    return min(lanes, key=lambda lane: (lane.address not in ADDRESSES, lane.window), default=None)
