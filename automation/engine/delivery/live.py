"""The living pipeline: one thread claims, one makes ready, one writes the books, some send for each channel.

They meet in queues of bounded length. The books record answers and commit the next intents in one transaction, so the
number of commits follows the disk and not the messages. Nothing is held over the network but memory.
"""

from __future__ import annotations

import gc
import logging
import queue
import sys
import threading
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from automation.engine.parts import Parts
from automation.kernel import errors
from automation.kernel.clock import Clock, monotonic
from automation.store.faults import BadStatement, is_away

from . import sending
from .claim import Claimed
from .line import Line
from .prepared import Prepared, Ref
from .record import Result

if TYPE_CHECKING:
    from .facade import Delivery

log = logging.getLogger(__name__)
PATIENCE = 0.25  # seconds the claimer waits for a full channel before it goes on for the others
NAP = 0.2  # seconds between looks when nothing is due
RECOVER = 1.0
AWAY = 0.5  # seconds until the database is tried again
WARN = 60.0
AHEAD = 2  # batches claimed for a channel that do not leave yet: more would only wait
GARBAGE = 20_000  # values made until the collector looks
TURN = 0.001  # seconds a thread computes before it lets others go on: one of them may hold the database

_Requests = queue.SimpleQueue[tuple[Sequence[Prepared], float] | None]


class Live:
    """One run of the pipeline."""

    def __init__(self, delivery: Delivery, parts: Parts, clock: Clock) -> None:
        self._delivery, self._parts, self._clock = delivery, parts, clock
        self._settings = parts.settings
        self._changed = threading.Condition()
        self._ending = threading.Event()
        self._closing = False
        self._is_over = False  # nothing is begun any more
        self._claims: queue.SimpleQueue[Claimed | None] = queue.SimpleQueue()
        self._making: Counter[str] = Counter()  # by channel: claimed and not ready yet
        self._ready: dict[str, Line] = {name: Line() for name in delivery.channels}
        self._out: dict[str, int] = dict.fromkeys(delivery.channels, 0)
        self._results: list[Result] = []
        self._ids: set[int] = set()
        self._requests: dict[str, _Requests] = {name: queue.SimpleQueue() for name in delivery.channels}
        self._failing_since: float | None = None

    def run(self, stop: threading.Event, alone: bool = False) -> None:
        """Until `stop` is set. `alone`: no other process delivers, so all that is open was left behind."""
        # Files, compiled texts and statements stay: the collector need not look at them again and again. A batch makes
        # tens of thousands of values without a cycle among them, so it need not look so often either.
        gc.freeze()
        gc.set_threshold(GARBAGE)
        sys.setswitchinterval(TURN)
        threads = [threading.Thread(target=self._claim_loop, args=(alone,), name="delivery claim", daemon=True)]
        threads.append(threading.Thread(target=self._make_loop, name="delivery making", daemon=True))
        threads.append(threading.Thread(target=self._effect_loop, name="delivery effects", daemon=True))
        for name in self._delivery.channels:
            for number in range(self._settings.channels[name].connections):
                work = threading.Thread(
                    target=self._send_loop, args=(name,), name=f"delivery {name} {number}", daemon=True
                )
                threads.append(work)
        for thread in threads:
            thread.start()
        while not stop.is_set():
            self._books(0.1)
        end = monotonic() + self._settings.engine.drain
        self._close(end)
        self._is_over = True
        for name in self._requests:
            for _ in range(self._settings.channels[name].connections):
                self._requests[name].put(None)
        end = max(end, monotonic() + 1)
        for thread in threads:  # who still waits for a provider then is left behind
            thread.join(max(0.0, end - monotonic()))
        self._parts.store.close()

    def has(self, number: int) -> bool:
        """Whether this process is working on the message."""
        return number in self._ids

    # the claimer

    def _claim_loop(self, alone: bool) -> None:
        recovered: float | None = None
        while not self._closing:
            try:
                if recovered is None:
                    self._take_over(alone)
                    recovered = monotonic()
                elif monotonic() - recovered > RECOVER:
                    self._put(self._delivery.recover(self._clock.now()))
                    recovered = monotonic()
                self._wait_for_room()
                looked = self._claim()
            except Exception as error:
                self._went_wrong("claiming", error)
                looked = 0
            if not looked:
                self._ending.wait(NAP)
        self._claims.put(None)
        self._parts.store.close()

    def _take_over(self, alone: bool) -> None:
        """Before the first claim, so that nothing of our own is taken for a leftover."""
        for again in self._delivery.interrupted(alone):
            self._put(again)
            self._wait_for_room()

    def _claim(self) -> int:
        with self._changed:
            gates = self._delivery.gates
            gates.ready = {name: self._held(name) for name in self._ready}
            gates.waiting = {name: count + self._out[name] for name, count in gates.ready.items()}
            gates.marketing = {name: ready.marketing + self._making[name] for name, ready in self._ready.items()}
        claimed = self._delivery.claim(self._clock.now())
        if claimed.messages:
            with self._changed:
                self._ids.update(one.id for one in claimed.messages)
                self._making.update(self._channels(claimed))
            self._claims.put(claimed)
        else:
            self._went_well()
        return claimed.looked

    def _held(self, name: str) -> int:
        """How many of a channel are claimed and do not leave yet."""
        return len(self._ready[name]) + self._making[name]

    def _channels(self, claimed: Claimed) -> Counter[str]:
        doors = self._delivery.routes.doors
        return Counter(doors[one.door].channel for one in claimed.messages)

    def _wait_for_room(self) -> None:
        full = AHEAD * self._settings.engine.batch
        end = monotonic() + PATIENCE
        with self._changed:
            while any(self._held(name) >= full for name in self._ready) and monotonic() < end and not self._closing:
                self._changed.wait(PATIENCE)

    # who makes ready

    def _make_loop(self) -> None:
        while (claimed := self._claims.get()) is not None:
            try:
                self._make(claimed)
            except Exception as error:  # their leases end, and they are claimed again
                self._went_wrong("preparing", error)
        self._parts.store.close()

    def _make(self, claimed: Claimed) -> None:
        """Into line; back to the queue where nothing leaves any more, or nothing can be rendered for a while."""
        whole = [Ref(one.id, claimed.token) for one in claimed.messages]
        ready: Sequence[Prepared] = ()
        back: Sequence[Prepared | Ref] = ()
        try:
            if self._closing:
                back = whole
            else:
                ready = self._delivery.make(claimed, self._clock.now())
                self._went_well()
        except errors.ServiceAway as error:
            back = whole
            self._went_wrong("preparing", error)
        finally:
            with self._changed:
                self._making.subtract(self._channels(claimed))
                self._ids.difference_update(one.id for one in whole)
                if ready and not self._put(ready):
                    back = ready
        self._give_back(back)

    def _put(self, ready: Sequence[Prepared]) -> bool:
        """Into line; False where nothing leaves any more."""
        with self._changed:
            if self._closing:
                return False
            self._ids.update(one.id for one in ready)
            for one in ready:
                self._ready[one.door.channel].add(one)
            self._changed.notify_all()
            return True

    # the books

    def _books(self, patience: float) -> None:
        """One transaction: answers recorded, next intents committed; then the requests are handed to the senders."""
        with self._changed:
            if not self._results and not self._can_dispatch():
                self._changed.wait(patience)
            results, self._results = self._results, []
            groups = self._take_groups(results)
        if not results and not groups:
            return
        try:
            admitted = self._commit(groups, results)
        except Exception as error:
            self._put_back(groups, results)
            self._went_wrong("recording", error)
            if results and isinstance(error, BadStatement) and not is_away(error):
                self._one_by_one()
            self._ending.wait(AWAY)
            return
        self._went_well()
        self._hand_out(admitted)
        self._forget(groups, admitted, results)

    def _can_dispatch(self) -> bool:
        return not self._closing and any(
            ready and self._out[name] < self._settings.channels[name].in_flight for name, ready in self._ready.items()
        )

    def _take_groups(self, results: Sequence[Result]) -> list[list[Prepared]]:
        """At most `in_flight` of each channel between its intent and its record, those recorded now already let go."""
        if self._closing:
            return []
        let_go = dict.fromkeys(self._out, 0)
        for result in results:
            let_go[result.message.door.channel] += 1
        groups, now = [], self._clock.now()
        for name, ready in self._ready.items():
            credit = self._delivery.gates.trust(name) - self._out[name] + let_go[name]
            if ready and credit > 0:
                group = ready.take(self._delivery.gates.leaving(name, min(credit, len(ready)), now))
                if group:
                    groups.append(group)
        return groups

    def _commit(self, groups: Sequence[Sequence[Prepared]], results: Sequence[Result]) -> list[list[Prepared]]:
        now = self._clock.now()
        for group in groups:
            self._delivery.spool.intended([(one.id, one.token) for one in group])
        with self._parts.store.write() as tx:
            if results:
                self._delivery.recorder.write(tx, results, now)
            return [self._delivery.dispatcher.commit(tx, group, now) for group in groups]

    def _hand_out(self, admitted: Sequence[Sequence[Prepared]]) -> None:
        until = monotonic() + self._settings.engine.lease
        for group in admitted:
            for request in sending.requests(group):
                self._requests[request[0].door.channel].put((request, until))

    def _forget(
        self, groups: Sequence[Sequence[Prepared]], admitted: Sequence[Sequence[Prepared]], results: Sequence[Result]
    ) -> None:
        kept = {one.id for group in admitted for one in group}
        over = [result.message for result in results] + [one for group in groups for one in group if one.id not in kept]
        with self._changed:
            for group in admitted:
                for one in group:
                    self._out[one.door.channel] += 1
            for result in results:
                self._out[result.message.door.channel] -= 1
            self._ids.difference_update(one.id for one in over if one.id not in kept)
            self._changed.notify_all()
        if over:
            self._delivery.spool.recorded([(one.id, one.token) for one in over])

    def _put_back(self, groups: Sequence[Sequence[Prepared]], results: Sequence[Result]) -> None:
        with self._changed:
            self._results[:0] = results
            for group in groups:
                self._ready[group[0].door.channel].put_back(group)

    def _one_by_one(self) -> None:
        """A row that cannot be recorded must not hold the others up: it stays as it is, for recovery to look at."""
        with self._changed:
            results, self._results = self._results, []
        for result in results:
            try:
                self._commit([], [result])
            except BadStatement as error:
                log.error("the answer to message %d cannot be recorded: %s", result.message.id, type(error).__name__)
            self._forget([], [], [result])

    # the senders

    def _send_loop(self, name: str) -> None:
        requests = self._requests[name]
        while (work := requests.get()) is not None:
            request, until = work
            if self._is_over or monotonic() > until:
                # Another process may have taken the lease over: recovery knows from the spool that nothing was begun.
                self._drop(request)
                continue
            try:
                results = sending.send(self._delivery.channels, self._delivery.spool, request)
            except OSError as error:
                log.error("the spool cannot be written, nothing was sent: %s", error.strerror or type(error).__name__)
                self._drop(request)
                continue
            with self._changed:
                self._results += results
                self._changed.notify_all()

    def _drop(self, request: Sequence[Prepared]) -> None:
        with self._changed:
            for one in request:
                self._out[one.door.channel] -= 1
                self._ids.discard(one.id)
            self._changed.notify_all()

    # what is no message

    def _effect_loop(self) -> None:
        while not self._closing:
            try:
                taken = self._delivery.effects.step(self._clock.now())
            except Exception as error:
                self._went_wrong("effects of", error)
                taken = 0
            if not taken:
                self._ending.wait(RECOVER)
        self._parts.store.close()

    # the end

    def _close(self, end: float) -> None:
        with self._changed:
            self._closing = True
            waiting = [one for ready in self._ready.values() for one in ready]
            for ready in self._ready.values():
                ready.clear()
            self._changed.notify_all()
        self._ending.set()
        # What was to be asked again stays as it is: the next process asks, with the same key.
        self._give_back([one for one in waiting if not one.resend])
        while monotonic() < end and (self._results or any(self._out.values())):
            self._books(0.05)
        if any(self._out.values()):
            log.warning("%d messages were still on their way at the end", sum(self._out.values()))

    def _give_back(self, group: Sequence[Prepared | Ref]) -> None:
        if group:
            with self._parts.store.write() as tx:
                self._delivery.dispatcher.give_back(tx, group, self._clock.now())

    def _went_wrong(self, what: str, error: Exception) -> None:
        moment = monotonic()
        if self._failing_since is None or moment - self._failing_since > WARN:
            self._failing_since = moment
            log.error("%s messages failed, trying again: %s", what, type(error).__name__, exc_info=error)

    def _went_well(self) -> None:
        self._failing_since = None
