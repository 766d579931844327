"""Preparing claimed messages outside of any transaction: values, texts, addresses, sealed bodies, keys."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from automation.engine.parts import Parts
from automation.kernel import errors, json_text
from automation.kernel.ports import Message
from automation.people.sealing import Vault, identity_context
from automation.policy.claimed import Door
from automation.policy.verdicts import Word
from automation.rendering.renderer import NO_LINKS, Failed, Job, Rendered, Renderer

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


class Preparer:
    """Turns a claim into messages for channels. Safe to use from one thread at a time."""

    def __init__(self, parts: Parts, routes: Routes, vault: Vault, renderer: Renderer, links: Links | None) -> None:
        self._parts, self._routes, self._vault, self._renderer, self._links = parts, routes, vault, renderer, links
        self._customers = Customers(parts, vault)

    def prepare(self, claimed: Claimed, now: int) -> tuple[list[Prepared], list[Unfit]]:
        """In the order of the claim. A message that was tried on this lane before keeps its body, byte for byte."""
        earlier = self._earlier(claimed.messages)
        fresh = [one for one in claimed.messages if (one.id, one.door) not in earlier]
        given: list[Mapping[str, str]] = []
        with self._renderer.stream() as stream:
            for at in range(0, len(fresh), SLICE):
                jobs, links = self._jobs(fresh[at : at + SLICE], now)
                stream.add(jobs)
                given += links
            reached = [self._reach(one, earlier) for one in claimed.messages]  # while they are rendered
            results = stream.results()
        if self._links:
            results = self._tracked(self._links, fresh, results, given, now)
        bodies: dict[int, Any] = dict(zip((one.id for one in fresh), results, strict=True))
        ready: list[tuple[Taken, str, str, str]] = []  # message, key, address, body as text
        unfit: list[Unfit] = []
        for one, reach in zip(claimed.messages, reached, strict=True):
            result = bodies.get(one.id)
            if isinstance(result, Failed):
                reason = f"{Word.TEXT} {result.reason}: {result.message}"
                unfit.append(Unfit(one.id, claimed.token, reason, one.step, result.place))
            elif isinstance(reach, errors.Refused):
                unfit.append(Unfit(one.id, claimed.token, f"{Word.OPERATOR}: {reach}", one.step, ""))
            else:
                key, address, text = reach
                if result is not None:
                    text = result.text or json_text.write(result.body)
                ready.append((one, key, address, text))
        return self._sealed(claimed.token, ready, bodies, earlier, now), unfit

    def _reach(self, one: Taken, earlier: Mapping[Any, Any]) -> tuple[str, str, str] | errors.Refused:
        """Key and address, and the body it had before, "" where it is new; or what does not open."""
        try:
            address = _address(self._vault, one)
            known = earlier.get((one.id, one.door))
            if known is None:
                return self._key(one), address, ""
            return known[0], address, self._vault.open(known[1], body_context(known[0]))
        except errors.Refused as refused:
            return refused

    def _sealed(
        self,
        token: int,
        ready: Sequence[tuple[Taken, str, str, str]],
        bodies: Mapping[int, Any],
        earlier: Mapping[Any, Any],
        now: int,
    ) -> list[Prepared]:
        contexts = [body_context(key) for _, key, _, _ in ready]
        sealed = self._vault.seal_many([text for _, _, _, text in ready], contexts)
        marketing = self._marketing({one.purpose for one, _, _, _ in ready})
        doors, lanes = self._routes.doors, self._routes.lanes
        found = []
        for (one, key, address, text), body in zip(ready, sealed, strict=True):
            door, known = doors[one.door], earlier.get((one.id, one.door))
            plain = json_text.read(text) if known else bodies[one.id].body
            found.append(
                Prepared(
                    one.id, token, one.person_id, one.identity_id, marketing[one.purpose], door, lanes[one.door],
                    one.option,
                    one.attempts, one.expires_at, one.trail, known[2] if known else now, False,
                    self._routes.is_last(one.version_id, one.step, one.variant, one.option), body,
                    Message(key, door.lane, address, plain), self._grant(one, door),
                )
            )  # fmt: skip
        return found

    def _grant(self, one: Taken, door: Door) -> str:
        if not self._routes.lanes[door.number].grant:
            return ""
        return self._routes.grant((one.version_id, one.step, one.variant), door)

    def _marketing(self, purposes: set[int]) -> dict[int, bool]:
        classes = self._parts.project.policy.purposes
        known = {number: classes.get(self._parts.names.word(number)) for number in purposes}
        return {number: found is None or found.kind == "marketing" for number, found in known.items()}

    def _key(self, one: Taken) -> str:
        loaded = self._parts.registry.versions[one.version_id]
        return idempotency_key(
            self._vault.idem_key,
            f"{loaded.name} {one.run_id} {one.entered_at}",
            one.step,
            one.visit,
            self._routes.doors[one.door],
        )

    def _earlier(self, messages: Sequence[Taken]) -> dict[tuple[int, int], tuple[str, bytes, int]]:
        """(message, door) -> key, sealed body and first use, of those that were on this lane before."""
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

    def _jobs(self, messages: Sequence[Taken], now: int) -> tuple[list[Job], list[Mapping[str, str]]]:
        """Jobs with the values of this moment, and the links that each was given."""
        texts: dict[int, str] = {}
        cases: dict[tuple[int, int], str] = {}
        for one in messages:
            name = cases.get((one.version_id, one.step))
            if name is None:
                found = self._routes.send(one.version_id, one.step)
                name = cases[one.version_id, one.step] = found[1].text if found else ""
            texts[one.id] = name
        people = self._customers.load(list({one.person_id for one in messages}), set(cases.values()), now)
        zones = {number: zone.key for number, zone in self._parts.zones.all().items()}
        given = self._give(self._links, messages, texts) if self._links else [NO_LINKS] * len(messages)
        doors, jobs = self._routes.doors, []
        for one, links in zip(messages, given, strict=True):
            values: dict[str, Any] = {"customer": people[one.person_id], "_zone": zones[one.zone]}
            if links:
                values["links"] = links
            jobs.append(Job(texts[one.id], one.variant or "", doors[one.door].kind, values, one.data))
        return jobs, given

    def _give(self, links: Links, messages: Sequence[Taken], texts: Mapping[int, str]) -> list[Mapping[str, str]]:
        """The links of each message."""
        used, doors = {name: self._uses_links(name) for name in set(texts.values())}, self._routes.doors
        return [links.given(one.id, one.person_id, doors[one.door], used[texts[one.id]]) for one in messages]

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
        results: Sequence[Any],
        given: Sequence[Mapping[str, str]],
        now: int,
    ) -> Sequence[Any]:
        marketing, doors = self._marketing({one.purpose for one in messages}), self._routes.doors
        places = [place for place, result in enumerate(results) if isinstance(result, Rendered)]
        batch = [
            Written(one.id, doors[one.door], marketing[one.purpose], results[at].body, results[at].links, given[at])
            for at, one in ((at, messages[at]) for at in places)
        ]
        found = list(results)
        for place, body in zip(places, links.tracked(batch, now), strict=True):
            if body is not results[place].body:
                found[place] = Rendered(body)
        return found


def _address(vault: Vault, one: Taken) -> str:
    """In clear; "" where the channel is the recipient. Refused where it does not open."""
    if one.sealed is None or one.lookup is None:
        return ""
    return vault.open(one.sealed, identity_context(one.lookup))
