"""Made-up customers: what each one is like, decided by a number alone.

The bundled sample and the simulated year ask the same values, so that the year goes on where the history ends.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from . import chance

HISTORY_BEGINS: Final = date(2024, 5, 1)
YEAR_BEGINS: Final = date(2025, 11, 1)  # where the history ends
YEAR_ENDS: Final = date(2026, 11, 1)
MEMBERS: Final = 2_400  # of the sample
ACTIVE_HOURS: Final = ((9, 1.6), (12, 2.4), (20, 4.0), (21, 2.0))  # (hour, weight)

CATEGORIES: Final = ("床品", "家居服", "毛巾浴巾", "针织", "衬衫", "童装")
# Orders of a month against the average month: Spring Festival, 618 and Double 11 are the seasons of the trade.
SEASON: Final = (1.15, 0.75, 0.85, 0.85, 0.95, 1.4, 0.8, 0.8, 1.05, 0.95, 1.8, 1.1)
TIERS: Final = (("basic", 0.52), ("silver", 0.3), ("gold", 0.13), ("diamond", 0.05))


@dataclass(frozen=True, slots=True)
class Shopper:
    """`orders`, `visits`: in an average year. `lapsed`: the day from which they no longer come by themselves."""

    key: str
    joined: date
    orders: float
    visits: float
    lapsed: date | None
    category: str
    basket: int  # fen of a usual order
    tier: str


@dataclass(frozen=True, slots=True)
class Deed:
    """Something a shopper does of their own accord: `kind` is order, cart or visit."""

    day: date
    hour: int
    minute: int
    kind: str
    number: int  # of its kind, unique for the shopper


def shopper(key: str, joined: date) -> Shopper:
    """The customer with this member number or openid."""
    tier = chance.weighted(TIERS, key, "tier")
    zeal = {"basic": 0.7, "silver": 1.4, "gold": 2.4, "diamond": 4.0}[tier]
    buys = chance.happens(0.78, key, "buys") or tier in ("gold", "diamond")
    orders = min(24.0, 0.35 + chance.waiting(2.0 * zeal, key, "orders")) if buys else 0.0
    visits = 1.0 + orders * 1.5 + chance.waiting(1.8, key, "visits")
    lapsed = None
    if chance.happens(0.42, key, "lapses"):
        lapsed = joined + timedelta(days=int(60 + chance.waiting(260, key, "lapsed")))
    basket = int(chance.between(8_900, 32_900, key, "basket") * (0.8 + 0.25 * zeal))
    return Shopper(key, joined, orders, visits, lapsed, chance.one_of(CATEGORIES, key, "category"), basket, tier)


def member(number: int) -> Shopper:
    """A customer of the sample. Most registered in the last two years."""
    key = f"M{number:05d}"
    ago = min(1_300, int(chance.waiting(420, key, "joined")) + 3)
    return shopper(key, YEAR_BEGINS - timedelta(days=ago))


def deeds(who: Shopper, first: date, end: date) -> Iterator[Deed]:
    """What they do by themselves from `first` up to `end`, month by month, unordered within one."""
    month = date(first.year, first.month, 1)
    while month < end:
        following = date(month.year + month.month // 12, month.month % 12 + 1, 1)
        yield from _month(who, max(month, who.joined, first), min(following, end, who.lapsed or end))
        month = following


def amount(who: Shopper, deed: Deed) -> int:
    """Fen of an order, a cart or a thing looked at; ends in 9 yuan, as shops price."""
    return int(who.basket * chance.between(0.5, 1.9, who.key, deed.kind, deed.number, "amount")) // 1000 * 1000 + 900


def category(who: Shopper, deed: Deed) -> str:
    """Mostly the favourite one."""
    if chance.happens(0.62, who.key, deed.kind, deed.number, "favourite"):
        return who.category
    return chance.one_of(CATEGORIES, who.key, deed.kind, deed.number, "category")


def product(who: Shopper, deed: Deed) -> str:
    return f"P{int(chance.share(who.key, deed.kind, deed.number, 'product') * 400) + 2000}"


def _month(who: Shopper, first: date, end: date) -> Iterator[Deed]:
    days = (end - first).days
    if days <= 0:
        return
    season = SEASON[first.month - 1] * days / 365
    label = f"{first:%Y-%m}"
    for kind, often in (("order", who.orders), ("cart", who.orders * 0.9 + 0.1), ("visit", who.visits)):
        for turn in range(chance.count(often * season, who.key, kind, label)):
            number = (first.year * 12 + first.month) * 1000 + turn
            day = first + timedelta(days=int(chance.share(who.key, kind, number, "day") * days))
            hour = chance.weighted(ACTIVE_HOURS, who.key, kind, number, "hour")
            yield Deed(day, hour, int(chance.share(who.key, kind, number, "minute") * 60), kind, number)
