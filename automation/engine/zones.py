"""The time zones people live in. A person without one lives in the shop's, number 0."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from automation.store.database import Statements

SHOP = 0
_STEP = 14 * 86_400  # no zone changes its clocks there and back within two weeks


class Zones:
    """Zones by the number that stands on a person. New ones are read when the engine begins a batch."""

    def __init__(self, shop: str) -> None:
        self._zones: dict[int, ZoneInfo] = {SHOP: ZoneInfo(shop)}

    def refresh(self, statements: Statements) -> None:
        for number, name in statements.rows("SELECT id, name FROM zone"):
            if number not in self._zones:
                self._zones[number] = ZoneInfo(name)

    def __getitem__(self, number: int) -> ZoneInfo:
        return self._zones[number]

    @property
    def shop(self) -> ZoneInfo:
        return self._zones[SHOP]

    def all(self) -> dict[int, ZoneInfo]:
        return dict(self._zones)

    def today(self, now: int) -> str:
        """The shop's local date, YYYY-MM-DD."""
        return datetime.fromtimestamp(now, self.shop).date().isoformat()

    def steady(self, now: int, seconds: int) -> bool:
        """Whether no zone in use changes its clocks from a month ago until `seconds` ahead: then a day is 86,400 s."""
        first, last = (now - 31 * 86_400) // _STEP, (now + seconds) // _STEP + 1
        return all(_steady(zone, first, last) for zone in self._zones.values())


@lru_cache(maxsize=512)
def _steady(zone: ZoneInfo, first: int, last: int) -> bool:
    offsets = {
        datetime.fromtimestamp(step * _STEP, UTC).astimezone(zone).utcoffset() for step in range(first, last + 1)
    }
    return len(offsets) == 1
