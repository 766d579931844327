"""The customers of a simulated year: who they are in the database, and what they are going to do when.

Members of the sample go on as their history suggests; besides, people nobody knew begin to follow the shop. What a
message makes somebody do joins the same plan: see reactions.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, time, timedelta
from heapq import heappop, heappush
from typing import Any, Final
from zoneinfo import ZoneInfo

from automation.festivals import walltime
from automation.people import identities
from automation.people.registry import Registry

from . import chance, complaints, shoppers
from .clock import HOUR, full_hour
from .shoppers import Deed, Shopper

FOLLOWERS: Final = 0.4  # new followers in a year, for each member
ASKS: Final = 0.3  # of orders: a question about it to the official account
ALLOWS: Final = 0.5  # of orders and of new followers: one notice of each kind is welcome
QUESTIONS: Final = ("请问发货了吗", "尺码偏大还是偏小", "可以换个颜色吗", "洗的时候要注意什么")
HOURS: Final = [hour for hour, _ in shoppers.ACTIVE_HOURS]


@dataclass(frozen=True, slots=True)
class Act:
    """Something a customer does. `kind`: event, order, click, bind, or one of telling.TOLD; `more`: what it needs."""

    key: str
    kind: str
    more: Mapping[str, Any] = field(default_factory=dict)


class Crowd:
    """Known by member number or, for new followers, by a number of ours."""

    def __init__(self, people: Registry, members: int, span: tuple[date, date], notices: Sequence[str]) -> None:
        """`notices`: the templates of subscription notices that the shop's texts use."""
        first, end = span
        self._zone, self._notices = ZoneInfo(people.zone), notices
        self._first, self._end = first, end
        self._plan: list[tuple[int, int, Act]] = []
        self._number = 0
        self.shoppers = {who.key: who for who in map(shoppers.member, range(1, members + 1))}
        self.persons = _persons(people, self.shoppers)
        self.keys = {person: key for key, person in self.persons.items()}
        for who in list(self.shoppers.values()):
            self._intend(who)
        for who in _followers(members, first, end):
            self.shoppers[who.key] = who
            at = self._at(who.joined, chance.one_of((9, 20), who.key, "follows at"))
            self.add(at, Act(who.key, "follow"))
            if notices and chance.happens(ALLOWS, who.key, "allows"):
                self.add(at + HOUR, Act(who.key, "allow", {"templates": notices}))
            self._intend(who)

    @property
    def next_at(self) -> int | None:
        """UTC seconds of the next act, a full hour."""
        return self._plan[0][0] if self._plan else None

    def add(self, at: int, act: Act) -> None:
        """Plans an act for the first hour of ACTIVE_HOURS from `at` on."""
        self._number += 1
        heappush(self._plan, (self._awake(at), self._number, act))

    def due(self, now: int) -> list[Act]:
        """Takes what is to be done by `now` out of the plan."""
        found = []
        while self._plan and self._plan[0][0] <= now:
            found.append(heappop(self._plan)[2])
        return found

    def known(self, key: str, person: int) -> None:
        """A new customer is in the database now."""
        self.persons[key] = person
        self.keys[person] = key

    def ordered(self, key: str, order: str, at: int) -> None:
        """Plans what follows an order: a notice allowed, a question, a complaint."""
        if self._notices and chance.happens(ALLOWS, key, order, "allows"):
            self.add(at + HOUR, Act(key, "allow", {"templates": self._notices}))
        if chance.happens(ASKS, key, order, "asks"):
            asked = chance.one_of(QUESTIONS, key, order, "question")
            self.add(int(at + chance.waiting(40 * HOUR, key, order, "asks at")), Act(key, "say", {"text": asked}))
        complaint = complaints.about(key, order)
        for name, hours in complaint.course() if complaint else ():
            self.add(
                at + hours * HOUR, Act(key, "event", {"name": name, "props": complaint.props if complaint else {}})
            )

    def _intend(self, who: Shopper) -> None:
        for deed in shoppers.deeds(who, self._first, self._end):
            self.add(self._at(deed.day, deed.hour), _act(who, deed))

    def _at(self, day: date, hour: int) -> int:
        return walltime.instant(day, time(hour), self._zone)

    def _awake(self, at: int) -> int:
        local = walltime.local(full_hour(at), self._zone)
        hour = next((hour for hour in HOURS if hour >= local.hour), None)
        if hour is None:
            return self._at(local.date() + timedelta(days=1), HOURS[0])
        return self._at(local.date(), hour)


def order_props(who: Shopper, deed: Deed) -> dict[str, Any]:
    return {
        "order_id": f"D{deed.number}{who.key}",
        "amount": shoppers.amount(who, deed),
        "category": shoppers.category(who, deed),
    }


def _act(who: Shopper, deed: Deed) -> Act:
    if deed.kind == "order":
        return Act(who.key, "order", order_props(who, deed))
    if deed.kind == "cart":
        return Act(who.key, "event", {"name": "cart.updated", "props": {"total": shoppers.amount(who, deed)}})
    seen = {"product_id": shoppers.product(who, deed), "category": shoppers.category(who, deed)}
    return Act(who.key, "event", {"name": "product.viewed", "props": seen})


def _followers(members: int, first: date, end: date) -> Iterator[Shopper]:
    days = (end - first).days
    for number in range(1, round(members * FOLLOWERS * days / 365) + 1):
        key = f"F{number:05d}"
        yield shoppers.shopper(key, first + timedelta(days=int(chance.share(key, "follows") * days)))


def _persons(people: Registry, members: Mapping[str, Shopper]) -> dict[str, int]:
    """Member number -> person, of those the import has taken."""
    rows = people.store.rows("SELECT lookup, person_id FROM identity WHERE kind = 'member_no'")
    owners = {bytes(lookup): person for lookup, person in rows}
    hashes = identities.lookups(people.vault, [identities.Identity("member_no", key) for key in members])
    return {key: owners[lookup] for key, lookup in zip(members, hashes, strict=True) if lookup in owners}
