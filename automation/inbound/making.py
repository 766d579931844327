"""Happenings made ready outside of any transaction: identities normalised and hashed, events checked, answers sealed.

Nothing here refuses what a provider vouched for: an id that can be nobody's, an event the catalog does not know or a
property it cannot store leaves that part out, and the rest is recorded.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any, Final
from zoneinfo import ZoneInfo

from automation.engine.parts import Parts
from automation.journey.catalog import Property
from automation.kernel.hooks import Did, Granted, OptedOut, Said, Who
from automation.kernel.ports import Channel
from automation.people import happenings, identities, values
from automation.people.happenings import Checked
from automation.people.identities import Identity
from automation.people.normalise import Unusable
from automation.people.registry import Registry
from automation.people.sealing import Vault
from automation.policy.consent import MARKETING, SERVICE

from . import words
from .keywords import EVENT, Keywords
from .values import Arrival, Item, OfPerson

log = logging.getLogger(__name__)

OF_AN_ACCOUNT: Final = frozenset({"openid", "wecom_id"})  # the same person has another one at every account
UNUSABLE: Final = "unusable"
MOST_KEPT: Final = 64 * 1024  # bytes of a request that could not be read


def context(key: str) -> bytes:
    """What the sealed part of a row of inbound is bound to."""
    return b"inbound" + key.encode()


class Maker:
    """Of one shop. Serves many threads; must not be called inside a write transaction."""

    def __init__(self, parts: Parts, vault: Vault, channels: Mapping[str, Channel]) -> None:
        self._parts, self._vault = parts, vault
        self._keywords = Keywords(parts)
        self._by_phone = {name: any(lane.address == "phone" for lane in one.lanes) for name, one in channels.items()}
        self._registry: Registry | None = None

    def registry(self) -> Registry:
        """With the catalog of now, its events numbered."""
        known, project = self._registry, self._parts.project
        if known is None or known.catalog is not project.catalog:
            parts = self._parts
            parts.names.ensure("event", sorted(project.catalog.events))
            known = Registry(parts.store, parts.names, self._vault, project.catalog, parts.settings.shop.timezone)
            self._registry = known
        return known

    def items(self, arrivals: Sequence[Arrival], now: int) -> list[Item]:
        """All but receipts, in order. Raises KeyError for a channel that is not in the settings."""
        registry = self.registry()
        return [
            self._item(registry, number, arrival.channel, happening, now)
            for number, arrival in enumerate(arrivals)
            for happening in arrival.happened
            if isinstance(happening, Said | Did | Granted | OptedOut)
        ]

    def unread(self, arrivals: Sequence[Arrival]) -> list[tuple[str, str, bytes]]:
        """Channel, key and sealed content of what could not be read. The same bytes are kept once."""
        found = []
        for arrival in arrivals:
            if arrival.body:
                text = f"{arrival.why}\n{arrival.body[:MOST_KEPT].decode('utf-8', 'backslashreplace')}"
                key = self._vault.lookup("unread", arrival.channel, text).hex()
                found.append((arrival.channel, key, self._vault.seal(text, context(key))))
        return found

    def _item(self, registry: Registry, arrival: int, channel: str, happening: OfPerson, now: int) -> Item:
        options = self._parts.settings.channels[channel]
        key = self._vault.lookup("inbound", channel, happening.dedupe).hex()
        known = _identities(channel, happening.who)
        if not known:
            log.warning("channel %s named somebody by an id that cannot be one", channel)
            return Item(arrival, channel, happening, key, UNUSABLE)
        lookups = tuple(identities.lookups(self._vault, known))
        event = self._event(registry, channel, happening, key, now)
        refused, evidence, reply = self._opted_out(channel, happening)
        return Item(
            arrival, channel, happening, key, _kind(happening), known, lookups, event,
            self._tag(options, happening), refused, evidence, reply,
            self._vault.seal(reply, context(key)) if reply else None,
            isinstance(happening, Did) and bool(happening.welcome) and bool(getattr(options, "welcome", None)),
        )  # fmt: skip

    def _opted_out(self, channel: str, happening: OfPerson) -> tuple[tuple[str, ...], str, str]:
        """Legal kinds of message refused, how that was said, and the answer."""
        if isinstance(happening, OptedOut):
            kinds = (MARKETING, SERVICE) if happening.everything else (MARKETING,)
            return kinds, happening.evidence[: words.LONGEST], ""
        if isinstance(happening, Granted):
            return (), "", ""
        said = happening.text if isinstance(happening, Said) else str(happening.props.get("text", ""))
        word = words.opts_out(said, self._by_phone[channel])
        if not word:
            return (), "", ""
        return (MARKETING,), f"回复 {word}", words.confirmation(self._parts.settings.shop.name)

    def _event(self, registry: Registry, channel: str, happening: OfPerson, key: str, now: int) -> Checked | None:
        if isinstance(happening, Said):
            kind = str(happening.data.get("kind", "text"))
            props: dict[str, Any] = {"channel": channel, "kind": kind, "text": self._keywords.kept(happening.text)}
            name = EVENT
        elif isinstance(happening, Did):
            name, props = happening.event, dict(happening.props)
        else:
            return None
        return _checked(registry, happenings.Happening(0, name, props, happening.at, channel, key), now)

    def _tag(self, options: Any, happening: OfPerson) -> int | None:
        """The tag of the QR code or link that somebody came through, where the channel's options name one."""
        scene = happening.props.get("scene") if isinstance(happening, Did) else None
        known = (getattr(options, "scenes", None) or {}).get(scene) if isinstance(scene, str) else None
        tag = getattr(known, "tag", None)
        return self._parts.names.ensure("tag", [tag])[tag] if tag else None


def _kind(happening: OfPerson) -> str:
    if isinstance(happening, Did):
        return "left" if happening.leaves else "returned" if happening.returns else "did"
    return {Said: "said", Granted: "granted", OptedOut: "opted_out"}[type(happening)]


def _identities(channel: str, who: Who) -> tuple[Identity, ...]:
    found = []
    for kind, text in ((who.kind, who.value), *who.also.items()):
        try:
            found.append(identities.identity(kind, text, channel if kind in OF_AN_ACCOUNT else ""))
        except Unusable:
            if not found:
                return ()  # whom it is about must be certain; further identities may be left out
    return tuple(dict.fromkeys(found))


def _checked(registry: Registry, happening: happenings.Happening, now: int) -> Checked | None:
    """The event, without the properties that this catalog does not have or cannot take; None where it has no such
    event."""
    known = registry.catalog.events.get(happening.name)
    if known is None:
        log.error("the catalog has no event %s: journeys will not hear of it", happening.name[:60])
        return None
    props = {name: value for name, value in happening.props.items() if name in known.properties}
    told = happening if len(props) == len(happening.props) else happening._replace(props=props)
    try:
        return happenings.checked(registry, now, told)
    except Unusable:
        log.warning("a property of %s cannot be stored and is left out", happening.name)
    zone = ZoneInfo(registry.zone)
    kept = {name: value for name, value in props.items() if _fits(known.properties[name], value, zone)}
    try:
        return happenings.checked(registry, now, happening._replace(props=kept))
    except Unusable as error:
        log.error("the event %s is left out: %s", happening.name, error)
        return None


def _fits(known: Property, value: Any, zone: ZoneInfo) -> bool:
    try:
        values.stored(known, value, zone)
    except Unusable:
        return False
    return True
