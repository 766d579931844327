"""The ways each text can take: `via` spelled out to the lanes of configured channels, in the order they are tried."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

from automation.engine.parts import Parts
from automation.engine.registry import Loaded
from automation.journey import graph
from automation.kernel.ports import Channel, Lane
from automation.policy.claimed import Door, Options, Route
from automation.rendering.texts import BASE, Template

UNSUBSCRIBE: Final = "MAIL-04"
Case: TypeAlias = tuple[int, int, str | None]
"""version id, step id, variant"""


class Routes:
    """Routes and doors by number. Doors stay for the life of the process, routes until the files change."""

    def __init__(self, parts: Parts, channels: Mapping[str, Channel]) -> None:
        self._parts, self._channels = parts, channels
        self.doors: list[Door] = []
        self.lanes: list[Lane] = []
        self._by_lane: dict[tuple[str, str], Door] = {}
        for name, channel in channels.items():
            for lane in channel.lanes:
                door = Door(
                    len(self.doors), name, channel.kind, lane.name, lane.address, lane.window, tuple(lane.limits)
                )
                self._by_lane[name, lane.name] = door
                self.doors.append(door)
                self.lanes.append(lane)
        self.kinds: dict[str, list[str]] = {}
        for name, channel in channels.items():
            self.kinds.setdefault(channel.kind, []).append(name)
        self._routes: dict[Case, Route] = {}
        self._last: dict[tuple[Case, int], bool] = {}
        self._files: tuple[object, object] = (None, None)
        self._lock = threading.Lock()

    def door(self, channel: str, lane: str) -> Door | None:
        return self._by_lane.get((channel, lane))

    def of(self, cases: Sequence[Case]) -> dict[Case, Route]:
        """The routes of these cases, made where they are new."""
        with self._lock:  # who claims and who records ask in threads of their own, and no number may be given twice
            files = (self._parts.project, self._parts.registry)
            if self._files[0] is not files[0] or self._files[1] is not files[1]:
                self._routes, self._last, self._files = {}, {}, files
            for case in cases:
                if case not in self._routes:
                    self._routes[case] = self._make(len(self._routes), case)
            return {case: self._routes[case] for case in cases}

    def grant(self, case: Case, door: Door) -> str:
        """The template a message had to be allowed for at this door; "" for none."""
        return self.of([case])[case].grants.get(door.number, "")

    def is_last(self, version_id: int, step: int, variant: str | None, option: int) -> bool:
        """Whether no way is open after this one."""
        case = (version_id, step, variant)
        key = (case, option)
        found = self._last.get(key)
        if found is None:
            rest = self.of([case])[case].options[option + 1 :]
            found = self._last[key] = all(why for _, why in rest)
        return found

    def send(self, version_id: int, step: int) -> tuple[Loaded, graph.Send] | None:
        """The step that queued a message, None where its version can no longer be read."""
        loaded = self._parts.registry.versions.get(version_id)
        found = loaded.journey.sends.get(loaded.keys.get(step, "")) if loaded else None
        return (loaded, found) if loaded is not None and found is not None else None

    def _make(self, number: int, case: Case) -> Route:
        version_id, step, variant = case
        found = self.send(version_id, step)
        if found is None:
            return Route(number, version_id, step, variant, (), readable=False)
        loaded, send = found
        journey = loaded.journey
        options, grants = self.ways(send, variant or BASE)
        return Route(number, version_id, step, variant, options, send.ignore_quiet, journey.unless, journey.key,
                     grants=grants)  # fmt: skip

    def ways(self, send: graph.Send, variant: str) -> tuple[Options, dict[int, str]]:
        """The options of a route, and by the number of a door the template that has to be allowed there."""
        text = self._parts.project.texts.texts.get(send.text)
        known = self._parts.project.policy.purposes.get(send.purpose)
        legal = known.kind if known else "marketing"
        options: list[tuple[Door, str]] = []
        grants: dict[int, str] = {}
        for name in self._names(send.via):
            channel = self._channels[name]
            template = text.template(variant, channel.kind) if text is not None else None
            ways: list[tuple[Door, str]] = []
            for lane in channel.lanes:
                door = self._by_lane[name, lane.name]
                # A text that is off altogether goes on to rendering, which says where its files are wrong.
                ways.append((door, "" if text is None else _why_not(template, lane, legal) or self._leave(lane, legal)))
                if lane.grant and template is not None:
                    grants[door.number] = template.key_of(lane.grant)
            # Of a channel with an open lane nobody has to be told which of its others were never meant.
            options += [way for way in ways if not way[1]] or ways
        return tuple(options), grants

    def _leave(self, lane: Lane, legal: str) -> str:
        """RFC 8058 and the rules of mailbox providers: no marketing without a link that ends it."""
        web, overrides = self._parts.settings.web, self._parts.project.policy.overrides
        if legal != "marketing" or not lane.unsubscribe or web.public_url or UNSUBSCRIBE in overrides:
            return ""
        return f"no way to unsubscribe: web.public_url is not set ({UNSUBSCRIBE})"

    def _names(self, via: Sequence[str]) -> list[str]:
        words = via or self._parts.settings.via
        names = [name for word in words for name in ([word] if word in self._channels else self.kinds.get(word, []))]
        return list(dict.fromkeys(names))


def _why_not(template: Template | None, lane: Lane, legal: str) -> str:
    """Why a lane is closed to everybody for this text; "" where it is open."""
    if template is None:
        return "no text"
    if legal not in lane.purposes:
        return f"carries no {legal} ({lane.name})"
    if lane.parts and not lane.parts & template.parts:
        return f"no text ({lane.name})"
    return ""
