"""Preparing claimed messages outside of any transaction: values, texts, addresses, sealed bodies, keys."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

from automation.engine.parts import Parts
from automation.kernel import errors, json_text
from automation.kernel.ports import Lane, Message
from automation.people.sealing import Vault, identity_context
from automation.policy.claimed import Door
from automation.policy.verdicts import Word
from automation.rendering.renderer import NO_LINKS, Failed, Job, Rendered, Renderer, Result

from .claim import Claimed, Taken
from .customers import Customers
from .links import Links, Written
from .prepared import Prepared, Unfit, body_context, idempotency_key
from .routes import Routes

EARLIER = (
    "SELECT a.message_id, a.channel, a.lane, a.idem_key, a.body, a.at FROM {given} AS given {then} attempt a"
    " ON a.message_id = given.id"
)
SLICE = 500  # messages whose values are loaded while those before them are rendered


class Way(NamedTuple):
    """What all messages of one case have in common. `text`: its name; the others as in `Prepared`."""

    text: str
    run: str  # the name of the journey
    marketing: bool
    door: Door
    lane: Lane
    last: bool
    grant: str


Ways: TypeAlias = Mapping[tuple[Any, ...], Way]
"""by `Taken.case`"""
Earlier: TypeAlias = Mapping[tuple[int, int], tuple[str, bytes, int]]
"""(message, door) -> key, sealed body and first use, of those that were on this lane before"""
Reach: TypeAlias = tuple[str, str, int, Rendered | None]
"""key, address, first use of the key, and the body where it had one before"""
Draft: TypeAlias = tuple[Taken, str, str, int, Rendered]
"""the same of a message that can be sent"""


class Preparer:
    """Turns a claim into messages for channels. Safe to use from one thread at a time."""

    def __init__(self, parts: Parts, routes: Routes, vault: Vault, renderer: Renderer, links: Links | None) -> None:
        self._parts, self._routes, self._vault, self._renderer, self._links = parts, routes, vault, renderer, links
        self._customers = Customers(parts, vault)

    def prepare(self, claimed: Claimed, now: int) -> tuple[list[Prepared], list[Unfit]]:
        """In the order of the claim. A message that was tried on this lane before keeps its body, byte for byte."""
        messages = claimed.messages
        ways = self._ways(messages)
        earlier = self._earlier(messages)
        fresh = [one for one in messages if (one.id, one.door) not in earlier] if earlier else messages
        given: list[Mapping[str, str]] = []
        with self._renderer.stream() as stream:
            for at in range(0, len(fresh), SLICE):
                jobs, links = self._jobs(fresh[at : at + SLICE], ways, now)
                stream.add(jobs)
                given += links
            reached = self._reached(messages, ways, earlier, now)  # while they are rendered
            results = stream.results()
        if self._links:
            results = self._tracked(self._links, fresh, ways, (results, given), now)
        rendered = iter(results)
        drafts: list[Draft] = []
        unfit: list[Unfit] = []
        for one, reach in zip(messages, reached, strict=True):
            result = None if (one.id, one.door) in earlier else next(rendered)
            if isinstance(result, Failed):
                reason = f"{Word.TEXT} {result.reason}: {result.message}"
                unfit.append(Unfit(one.id, claimed.token, reason, one.step, result.place))
            elif isinstance(reach, errors.Refused):
                unfit.append(Unfit(one.id, claimed.token, f"{Word.OPERATOR}: {reach}", one.step, ""))
            else:
                key, address, first_at, before = reach
                drafts.append((one, key, address, first_at, result or before or Rendered({})))
        return self._sealed(claimed, drafts, ways), unfit

    def _ways(self, messages: Sequence[Taken]) -> Ways:
        return {case: self._way(*case) for case in {one.case for one in messages}}

    def _way(self, version: int, step: int, variant: str | None, purpose: int, option: int, number: int) -> Way:
        door, lane = self._routes.doors[number], self._routes.lanes[number]
        send = self._routes.send(version, step)
        known = self._parts.project.policy.purposes.get(self._parts.names.word(purpose))
        return Way(
            send[1].text if send else "",
            self._parts.registry.versions[version].name,
            known is None or known.kind == "marketing",
            door,
            lane,
            self._routes.is_last(version, step, variant, option),
            self._routes.grant((version, step, variant), door) if lane.grant else "",
        )

    def _reached(
        self, messages: Sequence[Taken], ways: Ways, earlier: Earlier, now: int
    ) -> list[Reach | errors.Refused]:
        """Key and address of each, or what does not open."""
        found: list[Reach | errors.Refused] = []
        secret, opened = self._vault.idem_key, self._vault.open
        for one in messages:
            before = earlier.get((one.id, one.door))
            try:
                address = ""  # where the channel is the recipient
                if one.sealed is not None and one.lookup is not None:
                    address = opened(one.sealed, identity_context(one.lookup))
                if before is None:
                    way = ways[one.case]
                    run = f"{way.run} {one.run_id} {one.entered_at} {one.step} {one.visit}"
                    found.append((idempotency_key(secret, one.id, run, way.door), address, now, None))
                else:
                    key, sealed, at = before
                    text = opened(sealed, body_context(key))
                    found.append((key, address, at, Rendered(json_text.read(text), NO_LINKS, text)))
            except errors.Refused as refused:
                found.append(refused)
        return found

    def _sealed(self, claimed: Claimed, drafts: Sequence[Draft], ways: Ways) -> list[Prepared]:
        texts = [made.text or json_text.write(made.body) for *_, made in drafts]
        sealed = self._vault.seal_many(texts, [body_context(key) for _, key, *_ in drafts])
        found = []
        for (one, key, address, first_at, made), body in zip(drafts, sealed, strict=True):
            way = ways[one.case]
            message = Message(key, way.door.lane, address, made.body)
            found.append(
                Prepared(
                    one.id, claimed.token, one.version_id, one.person_id, one.identity_id, way.marketing, way.door,
                    way.lane, one.option, one.attempts, one.expires_at, claimed.at, one.trail, first_at, False,
                    way.last, body, message, way.grant,
                )
            )  # fmt: skip
        return found

    def _earlier(self, messages: Sequence[Taken]) -> Earlier:
        tried = [[one.id] for one in messages if one.attempts]
        if not tried:
            return {}
        dialect = self._parts.store.dialect
        sql = EARLIER.format(given=dialect.each("ids", {"id": "BIGINT"}), then=dialect.join_in_order)
        found = {}
        for number, channel, lane, key, body, at in self._parts.store.rows(sql, ids=json.dumps(tried)):
            door = self._routes.door(channel, lane)
            if door is not None and body is not None:
                found[number, door.number] = (key, bytes(body), at)
        return found

    def _jobs(self, messages: Sequence[Taken], ways: Ways, now: int) -> tuple[list[Job], list[Mapping[str, str]]]:
        """Jobs with the values of this moment, and the links that each was given."""
        texts = {way.text for way in ways.values()}
        people = self._customers.load(list({one.person_id for one in messages}), texts, now)
        zones = {number: zone.key for number, zone in self._parts.zones.all().items()}
        given = self._give(self._links, messages, ways) if self._links else [NO_LINKS] * len(messages)
        jobs = []
        for one, links in zip(messages, given, strict=True):
            way = ways[one.case]
            values: dict[str, Any] = {"customer": people[one.person_id], "_zone": zones[one.zone]}
            if links:
                values["links"] = links
            jobs.append(Job(way.text, one.variant or "", way.door.kind, values, one.data))
        return jobs, given

    def _give(self, links: Links, messages: Sequence[Taken], ways: Ways) -> list[Mapping[str, str]]:
        """The links of each message."""
        used = {way.text: self._uses_links(way.text) for way in ways.values()}
        found = []
        for one in messages:
            way = ways[one.case]
            found.append(links.given(one.id, one.person_id, way.door, used[way.text]))
        return found

    def _uses_links(self, name: str) -> bool:
        """Whether the text has a link that is made for each message."""
        text = self._parts.project.texts.texts.get(name)
        return text is not None and any(
            use.startswith("links.") and use.removeprefix("links.") not in text.links for use in text.variables
        )

    def _tracked(
        self,
        links: Links,
        messages: Sequence[Taken],
        ways: Ways,
        rendered: tuple[Sequence[Result], Sequence[Mapping[str, str]]],
        now: int,
    ) -> Sequence[Result]:
        """The bodies with links that tell who followed them. `rendered`: results, and the links each was given."""
        found = list(rendered[0])
        places, batch = [], []
        for place, (one, result, given) in enumerate(zip(messages, *rendered, strict=True)):
            if isinstance(result, Rendered):
                way = ways[one.case]
                places.append(place)
                batch.append(Written(one.id, way.door, way.marketing, result.body, result.links, given))
        for place, before, body in zip(places, batch, links.tracked(batch, now), strict=True):
            if body is not before.body:
                found[place] = Rendered(body)
        return found
