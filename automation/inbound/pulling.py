"""Fetches reports that a provider does not send by itself: each channel at its own pace, what it says recorded as ever.

Each channel is asked by a job of its own, so that one that hangs or fails stops only itself.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any, Final

from automation.engine.delivery import healing
from automation.engine.parts import Parts
from automation.kernel import errors
from automation.kernel.hooks import Happening, Puller
from automation.kernel.ports import Channel
from automation.store.faults import is_away
from automation.store.states import AttemptState, MessageState

from .inbox import Inbox
from .values import Arrival

log = logging.getLogger(__name__)

DAYS: Final = 3 * 86_400  # seconds after which nobody is asked about a message, unless an employee may yet send it
MOST: Final = 1000  # ids of one look
TOGETHER: Final = 200  # happenings recorded in one transaction
# The open ones, newest first, from below where the last look ended. A message that was tried again elsewhere since
# does not hide that this attempt may have arrived.
OPEN: Final = f"""
    SELECT a.id, coalesce(a.provider_id, a.idem_key) FROM attempt a JOIN message m ON m.id = a.message_id
    WHERE a.id < :below AND a.id > :floor AND a.channel = :channel
        AND (a.at >= :since OR m.state = {MessageState.AWAITING})
        AND (a.state = {AttemptState.UNKNOWN} OR (a.state = {AttemptState.ACCEPTED} AND a.provider_id IS NOT NULL))
        AND m.delivered_at IS NULL AND m.state IN ({MessageState.SENT}, {MessageState.AMBIGUOUS},
            {MessageState.DISPATCHING}, {MessageState.AWAITING})
    ORDER BY a.id DESC LIMIT :most"""
TOP: Final = 2**62


class Pulling:
    """`every`: name of a channel that has to be asked -> seconds between two looks. One look a channel at a time."""

    def __init__(self, parts: Parts, channels: Mapping[str, Channel], inbox: Inbox) -> None:
        self._parts, self._inbox = parts, inbox
        self._pullers = {name: puller for name, one in channels.items() if (puller := _puller(one)) is not None}
        self._below: dict[str, int] = {}
        self._told: dict[str, list[Happening]] = {name: [] for name in self._pullers}  # and not yet recorded

    @property
    def every(self) -> Mapping[str, int]:
        return {name: puller.every for name, puller in self._pullers.items()}

    def pull(self, name: str, now: int) -> int:
        """Asks one channel and records what it says; how many things happened. A provider that is away is logged and
        asked again at the next look; other errors are the caller's to tell. Many providers tell everything once only:
        what the database could not take is recorded at the next look."""
        self._record_told(name, now)
        ids = self._open_ids(name, now)
        try:
            happened = self._pullers[name].pull(ids, now)
        except errors.ServiceAway as away:
            log.warning("channel %s could not be asked for reports: %s", name, away)
            return 0
        self._told[name] += happened
        self._record_told(name, now)
        return len(happened)

    def _record_told(self, name: str, now: int) -> None:
        told = self._told[name]
        while told:
            slice_ = told[:TOGETHER]
            self._record(name, slice_, now)
            del told[: len(slice_)]

    def _record(self, name: str, happened: Sequence[Happening], now: int) -> None:
        """Where they cannot be stored together they are halved, until the one stands alone that cannot."""
        try:
            self._inbox.record([Arrival(name, happened)], now)
        except Exception as error:
            if is_away(error):
                raise
            if len(happened) == 1:
                log.error("something that channel %s told cannot be stored: %s", name, type(error).__name__)
                return
            middle = len(happened) // 2
            self._record(name, happened[:middle], now)
            self._record(name, happened[middle:], now)

    def _open_ids(self, name: str, now: int) -> list[str]:
        store = self._parts.store
        bound: dict[str, Any] = {"channel": name, "since": now - DAYS, "floor": healing.floor(store), "most": MOST}
        rows = store.rows(OPEN, below=self._below.get(name, TOP), **bound)
        # All of them in turn, however many there are: the next look goes on where this one ended.
        self._below[name] = rows[-1][0] if len(rows) == MOST else TOP
        return list(dict.fromkeys(number for _, number in rows))


def _puller(channel: Channel) -> Puller | None:
    found: Any = channel
    return found if callable(getattr(channel, "pull", None)) and getattr(channel, "every", 0) > 0 else None
