"""The one customer of a test, in the database as any other: fields, addresses, agreement, tags, and what they do."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from automation.engine.delivery import receipts
from automation.journey import built_in
from automation.journey.catalog import Field, Home
from automation.kernel.document import Loc
from automation.kernel.errors import Problem, SourceErrors
from automation.people import consents, fields, happenings, identities, profiles, tags
from automation.people.normalise import Unusable
from automation.simulate.world import World
from automation.store.database import Transaction
from automation.store.states import AttemptState

from .case import Case, Happening, What
from .given import arriving, is_score

SOURCE: Final = "test"
ADDRESSES: Final = {"phone": "13800000001", "email": "customer@example.com"}  # of the other kinds, any text is one
NEWEST: Final = f"""
    SELECT a.channel, a.provider_id FROM message m JOIN step s ON s.id = m.step JOIN attempt a ON a.message_id = m.id
    WHERE s.key IN (SELECT value FROM json_each(:steps)) AND a.state = {AttemptState.ACCEPTED}
    ORDER BY m.id DESC LIMIT 1"""
DATA: Final = """
    SELECT r.data FROM run r JOIN journey j ON j.id = r.journey_id WHERE j.name = :journey ORDER BY r.id DESC LIMIT 1"""


class Actor:
    """Makes the customer of a case, and does what they do. What cannot be done raises SourceErrors at its place."""

    def __init__(self, world: World, case: Case) -> None:
        self._world, self._case = world, case
        self.person = 0

    def enter_the_shop(self, seed: int) -> None:
        case, people = self._case, self._world.people
        now = case.at
        tag_ids = people.names.ensure("tag", case.customer.tags) if case.customer.tags else {}
        with people.store.write() as tx:
            self.person = profiles.create(people, tx, now)
            tx.run("UPDATE person SET seed = :seed WHERE id = :id", seed=seed, id=self.person)
            given = self._fields()
            for score in [name for name in given if is_score(name)]:
                self._score(tx, score, given.pop(score))
            self._set(tx, now, given, ("customer",))
            for kind in sorted(self._kinds_of_address()):
                known = identities.identity(kind, ADDRESSES.get(kind, f"{kind}-1"))
                identities.insert(people, tx, self.person, known, now)
            agreed = sorted(case.customer.agreed)
            consents.put(tx, [consents.Consent(self.person, one, "marketing", True, SOURCE, now) for one in agreed])
            for number in tag_ids.values():
                tags.add(tx, now, tags.Tagging(number, SOURCE), [self.person])

    def do(self, one: Happening, queue: bool = True) -> None:
        """`queue`: journeys hear of it."""
        people, now = self._world.people, one.at
        tag_id = people.names.ensure("tag", [one.word])[one.word] if one.what in (What.TAG, What.UNTAG) else 0
        with people.store.write() as tx:
            if one.what is What.EVENT:
                event = self._event(tx, one)
                happenings.add(tx, now, event, queue)
            elif one.what is What.TAG:
                tags.add(tx, now, tags.Tagging(tag_id, SOURCE), [self.person])
            elif one.what is What.UNTAG:
                tags.remove(tx, tag_id, [self.person])
            elif one.what is What.SET:
                changes = self._set(tx, now, one.values, (*one.loc, "set"))
                profiles.emit(people, tx, now, self.person, changes)
            else:
                self._mark(tx, one)

    def _fields(self) -> dict[str, Any]:
        """What the file says, and the catalog's examples for the rest."""
        given = self._case.customer
        known = self._world.people.catalog.fields
        examples = {name: one.example for name, one in known.items() if one.example is not None and _is_settable(one)}
        return {name: value for name, value in (examples | dict(given.fields)).items() if name not in given.without}

    def _kinds_of_address(self) -> set[str]:
        channels = self._world.delivery.channels.values()
        return {
            lane.address
            for channel in channels
            if channel.kind in self._case.customer.can
            for lane in channel.lanes
            if lane.address in built_in.IDENTITIES
        }

    def _set(self, tx: Transaction, now: int, values: Mapping[str, Any], loc: Loc) -> list[fields.Change]:
        changes: list[fields.Change] = []
        problems: list[Problem] = []
        for name, value in values.items():
            try:
                changes += profiles.set_fields(self._world.people, tx, now, self.person, {name: value})
            except Unusable as wrong:
                problems += self._wrong((*loc, name), str(wrong)).problems
        if problems:
            raise SourceErrors(problems)
        return changes

    def _score(self, tx: Transaction, name: str, value: int) -> None:
        tx.run(f"UPDATE person SET {name} = :value WHERE id = :id", value=value, id=self.person)

    def _event(self, tx: Transaction, one: Happening) -> happenings.Checked:
        known = self._world.people.catalog.events[one.word]
        props = {name: of.example for name, of in known.properties.items() if of.example is not None}
        for name, value in one.values.items():
            if isinstance(value, Mapping):
                props[name] = self._from(tx, value, (*one.loc, name))
            else:
                props[name] = arriving(known.properties[name], value)
        try:
            return happenings.checked(
                self._world.people, one.at, happenings.Happening(self.person, one.word, props, one.at, SOURCE)
            )
        except Unusable as wrong:
            raise self._wrong(one.loc, str(wrong)) from None

    def _from(self, tx: Transaction, value: Mapping[str, Any], loc: Loc) -> Any:
        """`{from: coupon.code}`: what the run knows by then."""
        path = value["from"]
        found: Any = json.loads(tx.value(DATA, journey=self._case.journey) or "{}")
        for key in path.split("."):
            found = found.get(key) if isinstance(found, Mapping) else None
        if found is None:
            raise self._wrong(loc, f"the run has no {path} by then")
        return found

    def _mark(self, tx: Transaction, one: Happening) -> None:
        journey = self._world.parts.project.journeys[self._case.journey]
        steps = [key for key, send in journey.sends.items() if one.word in (key, send.text)]
        found = tx.row(NEWEST, steps=json.dumps(steps))
        if found is None:
            raise self._wrong((*one.loc, one.what), f"{one.word} has not left by then")
        channel, provider_id = found
        receipts.record(self._world.parts, tx, channel, provider_id, one.what.value, one.at, one.at)

    def _wrong(self, loc: Loc, message: str) -> SourceErrors:
        return SourceErrors([self._case.document.problem(loc, "K608", message)])


def _is_settable(known: Field) -> bool:
    if known.home is Home.COLUMN:
        # Who lives where the shop is has no zone. Scores are nobody's to set, but a test says them.
        return (known.name in fields.COLUMNS or is_score(known.name)) and known.name != "zone"
    return known.home is not Home.IDENTITY
