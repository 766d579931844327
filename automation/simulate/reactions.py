"""What messages make customers do: click, answer, bind a phone, buy, redeem a coupon, or ask to be left alone.

Only those react who got a message, so the control group shows what would have happened without.
"""

from __future__ import annotations

from datetime import date
from typing import Any, Final, NamedTuple

from automation.festivals import walltime
from automation.store.states import AttemptState

from . import chance
from .clock import HOUR
from .crowd import Act, Crowd, order_props
from .shoppers import Deed, Shopper
from .telling import ADDRESSES
from .world import World

CLICKS: Final = 0.16
CLICKS_OF: Final = {"onboarding": 0.3}  # journeys that answer what somebody did
ANSWERS: Final = (("满意", 0.42), ("不满意", 0.12), ("", 0.46))  # to the question after a complaint
BUYS: Final = 0.03
BUYS_WITH_COUPON: Final = 0.09
BINDS: Final = 0.4  # who is asked for the phone
LEAVES: Final = {  # after one message
    "sms": (0.005, "say", {"text": "TD", "medium": "sms"}),
    "wechat": (0.003, "leave", {}),
}
NEW: Final = f"""
    SELECT a.id, a.channel, m.person_id, m.id, s.key, j.name, (SELECT c.code FROM coupon c
        WHERE c.run_id = m.run_id AND c.redeemed_at IS NULL ORDER BY c.id DESC LIMIT 1)
    FROM attempt a JOIN message m ON m.id = a.message_id JOIN step s ON s.id = m.step
    JOIN journey j ON j.id = s.journey_id
    WHERE a.id > :seen AND a.state = {AttemptState.ACCEPTED} ORDER BY m.id"""


class Got(NamedTuple):
    """A message that reached somebody."""

    attempt: int
    channel: str
    person: int
    message: int
    step: str
    journey: str
    code: str | None


class Reactions:
    """Reads what left since the last look, and plans what follows from it."""

    def __init__(self, world: World, crowd: Crowd) -> None:
        self._world, self._crowd, self._seen = world, crowd, 0
        self._kinds = {name: channel.kind for name, channel in world.delivery.channels.items()}

    def plan(self, now: int) -> None:
        found = [Got._make(row) for row in self._world.parts.store.rows(NEW, seen=self._seen)]
        self._seen = max((one.attempt for one in found), default=self._seen)
        for got in found:
            key = self._crowd.keys.get(got.person)
            if key is not None:
                self._react(got, self._crowd.shoppers[key], now)

    def _react(self, got: Got, who: Shopper, now: int) -> None:
        # Named by what was said to whom and when, so that numbers given in the database play no part.
        said = (who.key, got.journey, got.step, now)
        today = walltime.local(now, self._world.parts.zones.shop).date()
        eager = _eager(who, today)
        kind = self._kinds[got.channel]
        if got.journey in QUIET:
            self._answer(who, kind, said, now)
            return
        clicked = chance.happens(CLICKS_OF.get(got.journey, CLICKS) * (0.5 + eager / 2), *said, "clicks")
        if clicked:
            at = now + chance.waiting(5 * HOUR, *said, "clicks at")
            self._add(at, who, "click", {"message": got.message})
        if "bind_phone" in got.step and chance.happens(BINDS, *said, "binds"):
            self._add(now + chance.waiting(6 * HOUR, *said, "binds at"), who, "bind", {})
        buys = BUYS_WITH_COUPON if got.code else BUYS
        if chance.happens(buys * eager * (2.0 if clicked else 0.8), *said, "buys"):
            self._buy(got, who, said, now)
        often, act, more = LEAVES.get(kind, (0.0, "", {}))
        if chance.happens(often, *said, "leaves"):
            self._add(now + chance.waiting(2 * HOUR, *said, "leaves at"), who, act, more)

    def _answer(self, who: Shopper, kind: str, said: tuple[object, ...], now: int) -> None:
        """To the question whether a complaint was settled well: a word, by the same channel."""
        word = chance.weighted(ANSWERS, *said, "answers")
        if word and kind in ADDRESSES:
            at = now + chance.waiting(9 * HOUR, *said, "answers at")
            self._add(at, who, "say", {"text": word, "medium": kind})

    def _buy(self, got: Got, who: Shopper, said: tuple[object, ...], now: int) -> None:
        at = now + 2 * HOUR + chance.waiting(30 * HOUR, *said, "buys at")
        number = 90_000_000 + int(chance.share(*said, "order") * 9_999_999)
        deed = Deed(walltime.local(int(at), self._world.parts.zones.shop).date(), 0, 0, "order", number)
        more = order_props(who, deed)
        if got.code and chance.happens(0.85, *said, "redeems"):
            more["code"] = got.code
        self._add(at, who, "order", more)

    def _add(self, at: float, who: Shopper, kind: str, more: dict[str, Any]) -> None:
        self._crowd.add(int(at), Act(who.key, kind, more))


QUIET: Final = frozenset(("complaint_followup",))  # asks something, sells nothing


def _eager(who: Shopper, today: date) -> float:
    """Who never bought, or no longer comes, is harder to move."""
    if who.orders == 0:
        return 0.35
    return 0.6 if who.lapsed is not None and who.lapsed <= today else 1.2
